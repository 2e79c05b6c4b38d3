<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.0" styleCategories="Symbology">
  <pipe>
    <rasterrenderer band="1" opacity="1" alphaBand="-1" nodataColor="" type="paletted">
      <colorPalette>
        <paletteEntry value="0" label="land" color="#ded1aa" alpha="255" />
        <paletteEntry value="1" label="water" color="#2d72b2" alpha="255" />
        <paletteEntry value="2" label="obscured" color="#bebebe" alpha="255" />
      </colorPalette>
    </rasterrenderer>
  </pipe>
  <renderer-v2 type="singleSymbol" symbollevels="0" forceraster="0">
    <symbols>
      <symbol type="fill" name="0" alpha="1" clip_to_extent="1">
        <layer class="SimpleFill" enabled="1" locked="0" pass="0">
          <Option type="Map">
            <Option type="QString" name="color" value="45,114,178,255" />
            <Option type="QString" name="style" value="solid" />
            <Option type="QString" name="outline_style" value="no" />
          </Option>
        </layer>
      </symbol>
    </symbols>
  </renderer-v2>
</qgis>
