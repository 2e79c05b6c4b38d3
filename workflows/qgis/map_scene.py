"""*Map a scene*: ``strandline map``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterExtent,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from .algorithm import StrandlineAlgorithm, ask_for_vectors, ask_metres, ask_path, mark_advanced

_METADATA = "MTD_MSIL2A.xml"


class MapScene(StrandlineAlgorithm):
    """From a Sentinel-2 scene to land, water and the coastline."""

    NAME = "map"
    TITLE = "Map a scene"
    HELP = (
        "Maps land and water of one Sentinel-2 scene, and draws the coastline between the pixels.\n\n"
        "Scene: a Level-2A product as it was downloaded (its .zip, or MTD_MSIL2A.xml in its .SAFE folder), a STAC "
        "item, or a raster of bands.\n\n"
        "The result is a folder of the scene's name: coastline, water and land in a GeoPackage, rasters, a picture, "
        "and a record of how they were made. It is loaded as a group. Yellow is the coast of the sea, green the bank "
        "of a river, cyan the shore of a lake; dashes mean that a line is less sure."
    )
    LINES = "coastline.gpkg|layername=coastline"

    def list_parameters(self) -> Iterable[QgsProcessingParameterDefinition]:
        """What is asked of the user."""
        yield ask_path("SCENE", "Scene (.zip, MTD_MSIL2A.xml of a .SAFE, STAC item or raster)")
        yield QgsProcessingParameterExtent("AREA", "Map only this area", optional=True)
        yield QgsProcessingParameterString(
            "DATE", "When it was sensed, where the file does not say (2024-06-01)", optional=True
        )
        yield from ask_for_vectors()
        yield mark_advanced(ask_metres("CLOUD_BUFFER", "Hide the ground this far around cloud (m)", 60.0))
        yield mark_advanced(
            QgsProcessingParameterNumber(
                "THRESHOLD",
                "Probability from which a pixel is water",
                QgsProcessingParameterNumber.Double,
                0.5,
                minValue=0.0,
                maxValue=1.0,
            )
        )
        yield mark_advanced(QgsProcessingParameterString("MODEL", "Model: its name or file", "strandline-small"))

    def list_arguments(self, parameters: dict[str, Any], context: QgsProcessingContext, out: str) -> list[str]:
        """What is written on the command line."""
        scene = self.parameterAsString(parameters, "SCENE", context)
        if Path(scene).name == _METADATA:
            scene = str(Path(scene).parent)
        date = self.parameterAsString(parameters, "DATE", context)
        area = self._write_area(parameters, context)
        return [
            scene,
            f"--out={out}",
            f"--model={self.parameterAsString(parameters, 'MODEL', context)}",
            f"--threshold={self.parameterAsDouble(parameters, 'THRESHOLD', context)}",
            f"--cloud-buffer={self.parameterAsDouble(parameters, 'CLOUD_BUFFER', context)}",
            *self.list_vector_arguments(parameters, context),
            *([f"--date={date}"] if date else []),
            *([f"--aoi={area}"] if area else []),
        ]

    def _write_area(self, parameters: dict[str, Any], context: QgsProcessingContext) -> str:
        """The area as the command reads it: west, south, east and north in degrees; empty: all of the scene."""
        box = self.parameterAsExtent(parameters, "AREA", context, QgsCoordinateReferenceSystem("EPSG:4326"))
        if box.isNull() or box.isEmpty():
            return ""
        return ",".join(f"{edge:.8f}" for edge in (box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()))
