<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology|Temporal">
  <temporal enabled="1" mode="1" startField="time" endField="" limitMode="0" durationUnit="min" fixedDuration="0" accumulate="0" />
  <renderer-v2 type="RuleRenderer" symbollevels="1" forceraster="0">
    <rules key="rules">
      <rule key="rule0" label="sea" filter="&quot;kind&quot; = 'sea'" symbol="0" />
      <rule key="rule1" label="river, canal or estuary" filter="&quot;kind&quot; = 'river'" symbol="1" />
      <rule key="rule2" label="lake" filter="&quot;kind&quot; = 'lake'" symbol="2" />
      <rule key="rule3" label="water at the edge of the data" filter="&quot;kind&quot; = 'open'" symbol="3" />
      <rule key="rule4" label="long dashes: fair, within a pixel" filter="&quot;certainty&quot; = 'fair'" symbol="4" />
      <rule key="rule5" label="short dashes: poor, beyond a pixel" filter="&quot;certainty&quot; = 'poor'" symbol="5" />
    </rules>
    <symbols>
      <symbol type="line" name="0" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="16,20,28,215" />
            <Option type="QString" name="line_width" value="1" />
            <Option type="QString" name="line_width_unit" value="MM" />
            <Option type="QString" name="joinstyle" value="round" />
            <Option type="QString" name="capstyle" value="round" />
          </Option>
        </layer>
        <layer class="SimpleLine" enabled="1" locked="0" pass="1">
          <Option type="Map">
            <Option type="QString" name="line_color" value="255,217,47,255" />
            <Option type="QString" name="line_width" value="0.5" />
            <Option type="QString" name="line_width_unit" value="MM" />
            <Option type="QString" name="joinstyle" value="round" />
            <Option type="QString" name="capstyle" value="round" />
          </Option>
        </layer>
      </symbol>
      <symbol type="line" name="1" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="16,20,28,215" />
            <Option type="QString" name="line_width" value="1" />
            <Option type="QString" name="line_width_unit" value="MM" />
            <Option type="QString" name="joinstyle" value="round" />
            <Option type="QString" name="capstyle" value="round" />
          </Option>
        </layer>
        <layer class="SimpleLine" enabled="1" locked="0" pass="1">
          <Option type="Map">
            <Option type="QString" name="line_color" value="124,255,107,255" />
            <Option type="QString" name="line_width" value="0.5" />
            <Option type="QString" name="line_width_unit" value="MM" />
            <Option type="QString" name="joinstyle" value="round" />
            <Option type="QString" name="capstyle" value="round" />
          </Option>
        </layer>
      </symbol>
      <symbol type="line" name="2" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="16,20,28,215" />
            <Option type="QString" name="line_width" value="1" />
            <Option type="QString" name="line_width_unit" value="MM" />
            <Option type="QString" name="joinstyle" value="round" />
            <Option type="QString" name="capstyle" value="round" />
          </Option>
        </layer>
        <layer class="SimpleLine" enabled="1" locked="0" pass="1">
          <Option type="Map">
            <Option type="QString" name="line_color" value="77,243,255,255" />
            <Option type="QString" name="line_width" value="0.5" />
            <Option type="QString" name="line_width_unit" value="MM" />
            <Option type="QString" name="joinstyle" value="round" />
            <Option type="QString" name="capstyle" value="round" />
          </Option>
        </layer>
      </symbol>
      <symbol type="line" name="3" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="16,20,28,215" />
            <Option type="QString" name="line_width" value="1" />
            <Option type="QString" name="line_width_unit" value="MM" />
            <Option type="QString" name="joinstyle" value="round" />
            <Option type="QString" name="capstyle" value="round" />
          </Option>
        </layer>
        <layer class="SimpleLine" enabled="1" locked="0" pass="1">
          <Option type="Map">
            <Option type="QString" name="line_color" value="255,119,183,255" />
            <Option type="QString" name="line_width" value="0.5" />
            <Option type="QString" name="line_width_unit" value="MM" />
            <Option type="QString" name="joinstyle" value="round" />
            <Option type="QString" name="capstyle" value="round" />
          </Option>
        </layer>
      </symbol>
      <symbol type="line" name="4" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="2">
          <Option type="Map">
            <Option type="QString" name="line_color" value="16,20,28,255" />
            <Option type="QString" name="line_width" value="0.6" />
            <Option type="QString" name="line_width_unit" value="MM" />
            <Option type="QString" name="joinstyle" value="round" />
            <Option type="QString" name="capstyle" value="flat" />
            <Option type="QString" name="use_custom_dash" value="1" />
            <Option type="QString" name="customdash" value="0.9;3.6" />
            <Option type="QString" name="dash_pattern_offset" value="2.7" />
            <Option type="QString" name="dash_pattern_offset_unit" value="MM" />
            <Option type="QString" name="customdash_unit" value="MM" />
            <Option type="QString" name="line_style" value="solid" />
          </Option>
        </layer>
      </symbol>
      <symbol type="line" name="5" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="2">
          <Option type="Map">
            <Option type="QString" name="line_color" value="16,20,28,255" />
            <Option type="QString" name="line_width" value="0.6" />
            <Option type="QString" name="line_width_unit" value="MM" />
            <Option type="QString" name="joinstyle" value="round" />
            <Option type="QString" name="capstyle" value="flat" />
            <Option type="QString" name="use_custom_dash" value="1" />
            <Option type="QString" name="customdash" value="1;1.2" />
            <Option type="QString" name="dash_pattern_offset" value="1.6" />
            <Option type="QString" name="dash_pattern_offset_unit" value="MM" />
            <Option type="QString" name="customdash_unit" value="MM" />
            <Option type="QString" name="line_style" value="solid" />
          </Option>
        </layer>
      </symbol>
    </symbols>
  </renderer-v2>
</qgis>
