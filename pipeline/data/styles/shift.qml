<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology|Temporal">
  <temporal enabled="1" mode="2" startField="old_time" endField="new_time" limitMode="0" durationUnit="min" fixedDuration="0" accumulate="0" />
  <renderer-v2 type="RuleRenderer" symbollevels="1" forceraster="0">
    <rules key="rules">
      <rule key="rule0" label="shore moved, advance" filter="&quot;state&quot; = 'moved' AND &quot;local_shift_m&quot; &gt; 0" symbol="0" />
      <rule key="rule1" label="shore moved, retreat" filter="&quot;state&quot; = 'moved' AND &quot;local_shift_m&quot; &lt; 0" symbol="1" />
      <rule key="rule2" label="no new shore within reach, or a body" filter="&quot;state&quot; IN ('no shore', 'body')" symbol="2" />
      <rule key="rule3" label="within its uncertainty" filter="ELSE" symbol="3" />
    </rules>
    <symbols>
      <symbol type="line" name="0" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="255,255,255,210" />
            <Option type="QString" name="line_width" value="1.5" />
            <Option type="QString" name="line_width_unit" value="MM" />
          </Option>
        </layer>
        <layer class="SimpleLine" enabled="1" locked="0" pass="1">
          <Option type="Map">
            <Option type="QString" name="line_color" value="27,120,55,255" />
            <Option type="QString" name="line_width" value="0.9" />
            <Option type="QString" name="line_width_unit" value="MM" />
          </Option>
        </layer>
      </symbol>
      <symbol type="line" name="1" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="255,255,255,210" />
            <Option type="QString" name="line_width" value="1.5" />
            <Option type="QString" name="line_width_unit" value="MM" />
          </Option>
        </layer>
        <layer class="SimpleLine" enabled="1" locked="0" pass="1">
          <Option type="Map">
            <Option type="QString" name="line_color" value="178,24,43,255" />
            <Option type="QString" name="line_width" value="0.9" />
            <Option type="QString" name="line_width_unit" value="MM" />
          </Option>
        </layer>
      </symbol>
      <symbol type="line" name="2" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="255,255,255,210" />
            <Option type="QString" name="line_width" value="1" />
            <Option type="QString" name="line_width_unit" value="MM" />
          </Option>
        </layer>
        <layer class="SimpleLine" enabled="1" locked="0" pass="1">
          <Option type="Map">
            <Option type="QString" name="line_color" value="123,50,148,255" />
            <Option type="QString" name="line_width" value="0.4" />
            <Option type="QString" name="line_width_unit" value="MM" />
          </Option>
        </layer>
      </symbol>
      <symbol type="line" name="3" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="255,255,255,210" />
            <Option type="QString" name="line_width" value="0.9" />
            <Option type="QString" name="line_width_unit" value="MM" />
          </Option>
        </layer>
        <layer class="SimpleLine" enabled="1" locked="0" pass="1">
          <Option type="Map">
            <Option type="QString" name="line_color" value="85,85,85,255" />
            <Option type="QString" name="line_width" value="0.3" />
            <Option type="QString" name="line_width_unit" value="MM" />
          </Option>
        </layer>
      </symbol>
    </symbols>
  </renderer-v2>
</qgis>
