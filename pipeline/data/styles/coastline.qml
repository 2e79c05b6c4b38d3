<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology|Temporal">
  <temporal enabled="1" mode="1" startField="time" endField="" limitMode="0" durationUnit="min" fixedDuration="0" accumulate="0" />
  <renderer-v2 type="categorizedSymbol" attr="kind" symbollevels="1" forceraster="0">
    <categories>
      <category value="sea" label="sea" symbol="0" render="true" type="string" />
      <category value="river" label="river, canal or estuary" symbol="1" render="true" type="string" />
      <category value="lake" label="lake" symbol="2" render="true" type="string" />
      <category value="open" label="water at the edge of the data" symbol="3" render="true" type="string" />
    </categories>
    <symbols>
      <symbol type="line" name="0" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="255,255,255,170" />
            <Option type="QString" name="line_width" value="0.8" />
            <Option type="QString" name="line_width_unit" value="MM" />
            <Option type="QString" name="joinstyle" value="round" />
            <Option type="QString" name="capstyle" value="round" />
          </Option>
        </layer>
        <layer class="SimpleLine" enabled="1" locked="0" pass="1">
          <Option type="Map">
            <Option type="QString" name="line_color" value="8,48,107,255" />
            <Option type="QString" name="line_width" value="0.4" />
            <Option type="QString" name="line_style" value="solid" />
            <Option type="QString" name="line_width_unit" value="MM" />
            <Option type="QString" name="joinstyle" value="round" />
            <Option type="QString" name="capstyle" value="round" />
          </Option>
          <data_defined_properties>
            <Option type="Map">
              <Option type="QString" name="name" value="" />
              <Option type="Map" name="properties">
                <Option type="Map" name="outlineStyle">
                  <Option type="bool" name="active" value="true" />
                  <Option type="QString" name="expression" value="if(&quot;certainty&quot; = 'poor', 'dash', 'solid')" />
                  <Option type="int" name="type" value="3" />
                </Option>
              </Option>
              <Option type="QString" name="type" value="collection" />
            </Option>
          </data_defined_properties>
        </layer>
      </symbol>
      <symbol type="line" name="1" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="255,255,255,170" />
            <Option type="QString" name="line_width" value="0.8" />
            <Option type="QString" name="line_width_unit" value="MM" />
            <Option type="QString" name="joinstyle" value="round" />
            <Option type="QString" name="capstyle" value="round" />
          </Option>
        </layer>
        <layer class="SimpleLine" enabled="1" locked="0" pass="1">
          <Option type="Map">
            <Option type="QString" name="line_color" value="46,125,50,255" />
            <Option type="QString" name="line_width" value="0.4" />
            <Option type="QString" name="line_style" value="solid" />
            <Option type="QString" name="line_width_unit" value="MM" />
            <Option type="QString" name="joinstyle" value="round" />
            <Option type="QString" name="capstyle" value="round" />
          </Option>
          <data_defined_properties>
            <Option type="Map">
              <Option type="QString" name="name" value="" />
              <Option type="Map" name="properties">
                <Option type="Map" name="outlineStyle">
                  <Option type="bool" name="active" value="true" />
                  <Option type="QString" name="expression" value="if(&quot;certainty&quot; = 'poor', 'dash', 'solid')" />
                  <Option type="int" name="type" value="3" />
                </Option>
              </Option>
              <Option type="QString" name="type" value="collection" />
            </Option>
          </data_defined_properties>
        </layer>
      </symbol>
      <symbol type="line" name="2" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="255,255,255,170" />
            <Option type="QString" name="line_width" value="0.8" />
            <Option type="QString" name="line_width_unit" value="MM" />
            <Option type="QString" name="joinstyle" value="round" />
            <Option type="QString" name="capstyle" value="round" />
          </Option>
        </layer>
        <layer class="SimpleLine" enabled="1" locked="0" pass="1">
          <Option type="Map">
            <Option type="QString" name="line_color" value="0,121,107,255" />
            <Option type="QString" name="line_width" value="0.4" />
            <Option type="QString" name="line_style" value="solid" />
            <Option type="QString" name="line_width_unit" value="MM" />
            <Option type="QString" name="joinstyle" value="round" />
            <Option type="QString" name="capstyle" value="round" />
          </Option>
          <data_defined_properties>
            <Option type="Map">
              <Option type="QString" name="name" value="" />
              <Option type="Map" name="properties">
                <Option type="Map" name="outlineStyle">
                  <Option type="bool" name="active" value="true" />
                  <Option type="QString" name="expression" value="if(&quot;certainty&quot; = 'poor', 'dash', 'solid')" />
                  <Option type="int" name="type" value="3" />
                </Option>
              </Option>
              <Option type="QString" name="type" value="collection" />
            </Option>
          </data_defined_properties>
        </layer>
      </symbol>
      <symbol type="line" name="3" alpha="1" clip_to_extent="1">
        <layer class="SimpleLine" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="line_color" value="255,255,255,170" />
            <Option type="QString" name="line_width" value="0.8" />
            <Option type="QString" name="line_width_unit" value="MM" />
            <Option type="QString" name="joinstyle" value="round" />
            <Option type="QString" name="capstyle" value="round" />
          </Option>
        </layer>
        <layer class="SimpleLine" enabled="1" locked="0" pass="1">
          <Option type="Map">
            <Option type="QString" name="line_color" value="173,20,87,255" />
            <Option type="QString" name="line_width" value="0.4" />
            <Option type="QString" name="line_style" value="solid" />
            <Option type="QString" name="line_width_unit" value="MM" />
            <Option type="QString" name="joinstyle" value="round" />
            <Option type="QString" name="capstyle" value="round" />
          </Option>
          <data_defined_properties>
            <Option type="Map">
              <Option type="QString" name="name" value="" />
              <Option type="Map" name="properties">
                <Option type="Map" name="outlineStyle">
                  <Option type="bool" name="active" value="true" />
                  <Option type="QString" name="expression" value="if(&quot;certainty&quot; = 'poor', 'dash', 'solid')" />
                  <Option type="int" name="type" value="3" />
                </Option>
              </Option>
              <Option type="QString" name="type" value="collection" />
            </Option>
          </data_defined_properties>
        </layer>
      </symbol>
    </symbols>
  </renderer-v2>
</qgis>
