<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology">
  <renderer-v2 type="RuleRenderer" symbollevels="1" forceraster="0">
    <rules key="rules">
      <rule key="rule0" label="below -3 m/year" filter="&quot;rate_m&quot; &gt;= -1000 AND &quot;rate_m&quot; &lt; -3" symbol="0" />
      <rule key="rule1" label="-3 to -1 m/year" filter="&quot;rate_m&quot; &gt;= -3 AND &quot;rate_m&quot; &lt; -1" symbol="1" />
      <rule key="rule2" label="-1 to -0.3 m/year" filter="&quot;rate_m&quot; &gt;= -1 AND &quot;rate_m&quot; &lt; -0.3" symbol="2" />
      <rule key="rule3" label="-0.3 to 0.3 m/year" filter="&quot;rate_m&quot; &gt;= -0.3 AND &quot;rate_m&quot; &lt; 0.3" symbol="3" />
      <rule key="rule4" label="0.3 to 1 m/year" filter="&quot;rate_m&quot; &gt;= 0.3 AND &quot;rate_m&quot; &lt; 1" symbol="4" />
      <rule key="rule5" label="1 to 3 m/year" filter="&quot;rate_m&quot; &gt;= 1 AND &quot;rate_m&quot; &lt; 3" symbol="5" />
      <rule key="rule6" label="3 and above m/year" filter="&quot;rate_m&quot; &gt;= 3 AND &quot;rate_m&quot; &lt; 1000" symbol="6" />
      <rule key="rule7" label="no rate" filter="ELSE" symbol="7" />
      <rule key="rule8" label="pale core: too slow to tell" filter="&quot;verdict&quot; = 'too slow to tell'" symbol="8" />
    </rules>
    <symbols>
      <symbol type="line" name="0" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="178,24,43,255" />
            <Option type="QString" name="line_width" value="0.8" />
          </Option>
        </layer>
      </symbol>
      <symbol type="line" name="1" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="239,138,98,255" />
            <Option type="QString" name="line_width" value="0.8" />
          </Option>
        </layer>
      </symbol>
      <symbol type="line" name="2" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="253,219,199,255" />
            <Option type="QString" name="line_width" value="0.8" />
          </Option>
        </layer>
      </symbol>
      <symbol type="line" name="3" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="200,200,200,255" />
            <Option type="QString" name="line_width" value="0.8" />
          </Option>
        </layer>
      </symbol>
      <symbol type="line" name="4" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="209,229,240,255" />
            <Option type="QString" name="line_width" value="0.8" />
          </Option>
        </layer>
      </symbol>
      <symbol type="line" name="5" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="103,169,207,255" />
            <Option type="QString" name="line_width" value="0.8" />
          </Option>
        </layer>
      </symbol>
      <symbol type="line" name="6" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="33,102,172,255" />
            <Option type="QString" name="line_width" value="0.8" />
          </Option>
        </layer>
      </symbol>
      <symbol type="line" name="7" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="120,120,120,255" />
            <Option type="QString" name="line_width" value="0.2" />
          </Option>
        </layer>
      </symbol>
      <symbol type="line" name="8" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="1">
          <Option type="Map">
            <Option type="QString" name="line_color" value="255,255,255,255" />
            <Option type="QString" name="line_width" value="0.45" />
          </Option>
        </layer>
      </symbol>
    </symbols>
  </renderer-v2>
</qgis>
