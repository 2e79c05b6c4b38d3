<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology|Temporal">
  <temporal enabled="1" mode="2" startField="old_time" endField="new_time" limitMode="0" durationUnit="min" fixedDuration="0" accumulate="0" />
  <renderer-v2 type="categorizedSymbol" attr="kind" symbollevels="0" forceraster="0">
    <categories>
      <category value="shore" label="shore" symbol="0" render="true" type="string" />
      <category value="appeared" label="appeared" symbol="1" render="true" type="string" />
      <category value="vanished" label="vanished" symbol="2" render="true" type="string" />
    </categories>
    <symbols>
      <symbol type="fill" name="0" alpha="1" clip_to_extent="1">
        <layer class="SimpleFill" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="color" value="27,120,55,170" />
            <Option type="QString" name="style" value="solid" />
            <Option type="QString" name="outline_style" value="no" />
            <Option type="QString" name="outline_color" value="123,50,148,255" />
          </Option>
        </layer>
      </symbol>
      <symbol type="fill" name="1" alpha="1" clip_to_extent="1">
        <layer class="SimpleFill" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="color" value="27,120,55,70" />
            <Option type="QString" name="style" value="solid" />
            <Option type="QString" name="outline_style" value="dash" />
            <Option type="QString" name="outline_color" value="123,50,148,255" />
          </Option>
        </layer>
      </symbol>
      <symbol type="fill" name="2" alpha="1" clip_to_extent="1">
        <layer class="SimpleFill" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="color" value="27,120,55,70" />
            <Option type="QString" name="style" value="solid" />
            <Option type="QString" name="outline_style" value="dot" />
            <Option type="QString" name="outline_color" value="123,50,148,255" />
          </Option>
        </layer>
      </symbol>
    </symbols>
  </renderer-v2>
</qgis>
