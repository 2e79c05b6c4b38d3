<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology|Temporal">
  <temporal enabled="1" mode="1" startField="time" endField="" limitMode="0" durationUnit="min" fixedDuration="0" accumulate="0" />
  <renderer-v2 type="RuleRenderer" symbollevels="0" forceraster="0">
    <rules key="rules">
      <rule key="rule0" label="outlier" filter="&quot;outlier&quot;" symbol="0" />
      <rule key="rule1" label="position of the shore" filter="ELSE" symbol="1" />
    </rules>
    <symbols>
      <symbol type="marker" name="0" alpha="1" clip_to_extent="1">
        <layer class="SimpleMarker" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="name" value="circle" />
            <Option type="QString" name="color" value="178,24,43,255" />
            <Option type="QString" name="size" value="1.2" />
          </Option>
        </layer>
      </symbol>
      <symbol type="marker" name="1" alpha="1" clip_to_extent="1">
        <layer class="SimpleMarker" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="name" value="circle" />
            <Option type="QString" name="color" value="60,60,60,255" />
            <Option type="QString" name="size" value="1.2" />
          </Option>
        </layer>
      </symbol>
    </symbols>
  </renderer-v2>
</qgis>
