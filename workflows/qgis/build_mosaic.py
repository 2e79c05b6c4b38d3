"""*Mosaic*: ``strandline mosaic``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
)

from .algorithm import StrandlineAlgorithm, ask_for_vectors, mark_advanced

STATISTICS = ("median", "frequency", "latest")


class BuildMosaic(StrandlineAlgorithm):
    """Many mapped scenes become one map and one coastline."""

    NAME = "mosaic"
    TITLE = "Mosaic"
    HELP = (
        "Joins mapped scenes, of several dates or places, to one map and one coastline without seams.\n\n"
        "Give the folder in which 'Map a scene' put its results. 'frequency' shows how often a place was water, "
        "'observations' how often it was seen.\n\n"
        "It needs the part of Strandline for many scenes: strandline[scale]."
    )
    LINES = "coastline.gpkg|layername=coastline"

    def list_parameters(self) -> Iterable[QgsProcessingParameterDefinition]:
        """What is asked of the user."""
        yield QgsProcessingParameterFile("MAPS", "Folder of mapped scenes", QgsProcessingParameterFile.Folder)
        yield QgsProcessingParameterEnum(
            "STATISTIC",
            "The coastline follows",
            ["the median of the dates", "half of the dates", "the last clear date"],
            defaultValue=0,
        )
        yield from ask_for_vectors()
        yield mark_advanced(
            QgsProcessingParameterString("GRID", "Grid: mgrs, or a CRS and a pixel size (EPSG:3035:10)", "mgrs")
        )
        yield mark_advanced(
            QgsProcessingParameterNumber(
                "WORKERS", "Worker processes (0: one, without others)", defaultValue=0, minValue=0
            )
        )

    def list_arguments(self, parameters: dict[str, Any], context: QgsProcessingContext, out: str) -> list[str]:
        """What is written on the command line; the result has a folder of its own."""
        maps = Path(self.parameterAsString(parameters, "MAPS", context))
        return [
            str(maps),
            f"--out={Path(out) / f'{maps.name}_mosaic'}",
            f"--statistic={STATISTICS[self.parameterAsEnum(parameters, 'STATISTIC', context)]}",
            f"--grid={self.parameterAsString(parameters, 'GRID', context)}",
            f"--workers={self.parameterAsInt(parameters, 'WORKERS', context)}",
            *self.list_vector_arguments(parameters, context),
        ]
