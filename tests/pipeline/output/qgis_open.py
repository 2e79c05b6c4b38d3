"""Open every output in QGIS, print what it sees as JSON, and draw the GeoPackage and the raster to PNG.

Run by the interpreter that QGIS belongs to, without a display:
``QT_QPA_PLATFORM=offscreen python3 qgis_open.py FOLDER PICTURES``; it knows nothing of Strandline.
"""

# ruff: noqa: ANN001 (QGIS's own interpreter has no stubs for its types)

import json
import os
import sys
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsDateTimeRange,
    QgsFeatureRequest,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
    QgsVectorLayerTemporalContext,
)
from qgis.PyQt.QtCore import QDateTime, QSize, Qt
from qgis.PyQt.QtGui import QColor

LAYERS = ("coastline", "water", "land")
RASTERS = ("water", "probability", "frequency", "observations")
ENDINGS = ("shp", "fgb", "geojson")
PAPER = "white"
DAYS = ("2024-05-05", "2024-05-06", "2024-05-07")


def describe(layer) -> dict:
    box = layer.extent()
    return {
        "valid": layer.isValid(),
        "crs": layer.crs().authid(),
        "extent": [box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()],
    }


def describe_vector(layer) -> dict:
    style, found = layer.loadDefaultStyle()
    return {
        **describe(layer),
        "count": layer.featureCount(),
        "fields": [field.name() for field in layer.fields()],
        "comments": [field.comment() for field in layer.fields()],
        "style_found": found,
        "style_error": style if not found else "",
        "renderer": layer.renderer().type(),
        "categories": [item.value() for item in getattr(layer.renderer(), "categories", list)()],
        "rules": list_rules(layer.renderer()),
        "types": {field.name(): field.typeName() for field in layer.fields()},
        "temporal": [layer.temporalProperties().isActive(), layer.temporalProperties().startField()],
        "on_days": [count_on(layer, day) for day in DAYS] if found else [],
        "indexed": layer.hasSpatialIndex() == 2,
    }


def list_rules(renderer) -> list:
    """What each rule takes, in order."""
    return [rule.filterExpression() for rule in renderer.rootRule().children()] if hasattr(renderer, "rootRule") else []


def count_on(layer, day: str) -> int:
    """Features that the temporal controller leaves in on a day."""
    start = QDateTime.fromString(f"{day}T00:00:00", Qt.ISODate)
    period = QgsDateTimeRange(start, start.addDays(1), True, False)
    context = QgsVectorLayerTemporalContext()
    context.setLayer(layer)
    wanted = layer.temporalProperties().createFilterString(context, period)
    return sum(1 for _ in layer.getFeatures(QgsFeatureRequest().setFilterExpression(wanted)))


def describe_raster(layer) -> dict:
    classes = getattr(layer.renderer(), "classes", list)()
    return {
        **describe(layer),
        "renderer": layer.renderer().type(),
        "classes": {str(int(item.value)): item.label for item in classes},
        "nodata": layer.dataProvider().sourceNoDataValue(1),
        "scale": layer.dataProvider().bandScale(1),
        "middle": layer.dataProvider().sample(layer.extent().center(), 1)[0],
    }


def draw(layers, path: Path, width: int = 1100) -> list:
    settings = QgsMapSettings()
    settings.setLayers(layers)
    settings.setDestinationCrs(layers[0].crs())
    box = layers[0].extent()
    for layer in layers[1:]:
        box.combineExtentWith(layer.extent())
    settings.setExtent(box)
    settings.setBackgroundColor(QColor(PAPER))
    settings.setOutputSize(QSize(width, max(1, round(width * box.height() / box.width()))))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    image.save(str(path))
    seen = {image.pixelColor(x, y).name() for x in range(0, image.width(), 3) for y in range(0, image.height(), 3)}
    return sorted(seen)


def main(folder: Path, pictures: Path) -> None:
    vectors = {
        f"gpkg/{name}": QgsVectorLayer(f"{folder}/coastline.gpkg|layername={name}", name, "ogr") for name in LAYERS
    }
    vectors |= {
        f"{ending}/{name}": QgsVectorLayer(f"{folder}/{name}.{ending}", name, "ogr")
        for ending in ENDINGS
        for name in LAYERS
    }
    vectors |= {
        f"zip/{name}": QgsVectorLayer(f"/vsizip/{folder}/vectors.shp.zip/{name}.shp", name, "ogr") for name in LAYERS
    }
    vectors |= {f"unpacked/{name}": QgsVectorLayer(f"{folder}/unpacked/{name}.shp", name, "ogr") for name in LAYERS}
    rasters = {name: QgsRasterLayer(f"{folder}/{name}.tif", name, "gdal") for name in RASTERS}
    seen = {name: describe_vector(layer) for name, layer in vectors.items()}
    seen |= {name: describe_raster(layer) for name, layer in rasters.items()}
    package = [vectors[f"gpkg/{name}"] for name in LAYERS]
    seen["colours"] = {
        "gpkg": draw(package, pictures / "gpkg.png"),
        "water": draw([rasters["water"]], pictures / "water.png"),
        "probability": draw([rasters["probability"]], pictures / "probability.png"),
        "frequency": draw([rasters["frequency"]], pictures / "frequency.png"),
        "observations": draw([rasters["observations"]], pictures / "observations.png"),
        "both": draw([vectors["gpkg/coastline"], rasters["water"]], pictures / "both.png"),
    }
    seen["version"] = Qgis.QGIS_VERSION
    print(json.dumps(seen))


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QgsApplication([], False)
    application.initQgis()
    main(Path(sys.argv[1]), Path(sys.argv[2]))
    QgsProject.instance().clear()
    # QGIS 3.22 may crash while Python takes its objects down one by one; everything is written by now.
    sys.stdout.flush()
    os._exit(0)
