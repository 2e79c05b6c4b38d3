"""Load a result into the project: a group of its name, the lines on top, each layer with its style.

The styles need no help: QGIS finds those of a GeoPackage in it, and those of a raster beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from qgis.core import QgsLayerTreeGroup, QgsMapLayer, QgsProject, QgsRasterLayer, QgsVectorLayer

_PACKAGES = ("coastline.gpkg", "change.gpkg")
_VECTORS = {
    "coastline": "Coastline",
    "shift": "Shift of the shore",
    "gained": "Land gained",
    "lost": "Land lost",
    "sources": "Sources of the coastline",
    "water": "Bodies of water",
    "land": "Bodies of land",
}
_RASTERS = {
    "frequency": "How often it was water",
    "observations": "How often it was seen",
    "probability": "Probability of water",
    "water": "Land and water",
    "truecolour": "True colour",
}
_SHOWN = ("coastline", "shift", "gained", "lost", "truecolour")


def load_result(folder: Path, project: QgsProject) -> QgsLayerTreeGroup:
    """Load what a command made; what the group shows already is left as it is.

    Args:
        folder: Of the result.
        project: Where it goes.

    Returns:
        The group, named as the folder, on top of the project's layers.
    """
    root = project.layerTreeRoot()
    group = root.findGroup(folder.name) or root.insertGroup(0, folder.name)
    there = {node.layer().source() for node in group.findLayers() if node.layer() is not None}
    for layer, is_shown in _open_layers(folder):
        if layer.source() not in there:
            project.addMapLayer(layer, False)
            group.addLayer(layer).setItemVisibilityChecked(is_shown)
    return group


def _open_layers(folder: Path) -> Iterator[tuple[QgsMapLayer, bool]]:
    """The layers of a result from top to bottom, and whether each is shown at first."""
    for package in (folder / name for name in _PACKAGES if (folder / name).is_file()):
        for name, title in _VECTORS.items():
            vector = QgsVectorLayer(f"{package}|layername={name}", title, "ogr")
            if vector.isValid():
                yield vector, name in _SHOWN
    has_picture = (folder / "truecolour.tif").is_file()
    for name, title in _RASTERS.items():
        # A mosaic has a folder of rasters for each tile of its grid.
        for path in sorted([*folder.glob(f"{name}.tif"), *folder.glob(f"*/{name}.tif")]):
            whole = title if path.parent == folder else f"{title}, {path.parent.name}"
            yield QgsRasterLayer(str(path), whole, "gdal"), name in _SHOWN or (name == "water" and not has_picture)
