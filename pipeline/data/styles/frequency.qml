<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology">
  <pipe>
    <rasterrenderer band="1" opacity="1" alphaBand="-1" nodataColor="" type="singlebandpseudocolor" classificationMin="0" classificationMax="1">
      <rastershader>
        <colorrampshader colorRampType="INTERPOLATED" classificationMode="1" minimumValue="0" maximumValue="1" clip="0">
          <item value="0" label="never water" color="#ded1aa" alpha="255" />
          <item value="0.1" label="0.1" color="#d9dc8c" alpha="255" />
          <item value="0.5" label="half of the times" color="#4fb591" alpha="255" />
          <item value="0.9" label="0.9" color="#2a8fb8" alpha="255" />
          <item value="1" label="always water" color="#2d72b2" alpha="255" />
        </colorrampshader>
      </rastershader>
    </rasterrenderer>
  </pipe>
</qgis>
