<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology">
  <pipe>
    <rasterrenderer band="1" opacity="1" alphaBand="-1" nodataColor="" type="singlebandpseudocolor" classificationMin="0" classificationMax="50">
      <rastershader>
        <colorrampshader colorRampType="DISCRETE" classificationMode="1" minimumValue="0" maximumValue="50" clip="0">
          <item value="0" label="never seen" color="#000000" alpha="0" />
          <item value="1" label="1" color="#440154" alpha="255" />
          <item value="2" label="2" color="#472d7b" alpha="255" />
          <item value="5" label="3 to 5" color="#3b528b" alpha="255" />
          <item value="10" label="6 to 10" color="#2c728e" alpha="255" />
          <item value="20" label="11 to 20" color="#21918c" alpha="255" />
          <item value="50" label="21 to 50" color="#5ec962" alpha="255" />
          <item value="inf" label="more than 50" color="#fde725" alpha="255" />
        </colorrampshader>
      </rastershader>
    </rasterrenderer>
  </pipe>
</qgis>
