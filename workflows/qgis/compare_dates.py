"""*Compare two dates*: ``strandline change``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsProcessingContext,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
)

from .algorithm import StrandlineAlgorithm, ask_area, ask_metres, mark_advanced


class CompareDates(StrandlineAlgorithm):
    """What the sea took and gave between two mapped dates."""

    NAME = "change"
    TITLE = "Compare two dates"
    HELP = (
        "Compares two mapped scenes of one place: land gained and lost, and how far each piece of shore moved, with "
        "its uncertainty.\n\n"
        "Give the two folders that 'Map a scene' made. Green shores advanced, red ones retreated; thin grey ones moved "
        "by less than can be told. Tides are not taken out: compare dates of like tides."
    )
    LINES = "change.gpkg|layername=shift"

    def list_parameters(self) -> Iterable[QgsProcessingParameterDefinition]:
        """What is asked of the user."""
        folder = QgsProcessingParameterFile.Folder
        yield QgsProcessingParameterFile("OLD", "Earlier date: folder of a mapped scene", folder)
        yield QgsProcessingParameterFile("NEW", "Later date: folder of a mapped scene", folder)
        yield QgsProcessingParameterBoolean("INLAND", "Count shores of lakes and rivers too", False)
        yield QgsProcessingParameterNumber(
            "ALERT",
            "Alert where a shore surely moved by more than (m)",
            QgsProcessingParameterNumber.Double,
            optional=True,
        )
        yield mark_advanced(ask_metres("MAX_SHIFT", "Look for the new shore no farther than (m)", 200.0))
        yield mark_advanced(ask_metres("MIN_LENGTH", "Leave out stretches of moved shore shorter than (m)", 50.0))
        yield mark_advanced(ask_area("MIN_AREA", "Leave out polygons smaller than (m²)"))
        yield mark_advanced(
            QgsProcessingParameterBoolean("COREGISTER", "Take out how far the images lie apart on stable land", True)
        )

    def list_arguments(self, parameters: dict[str, Any], context: QgsProcessingContext, out: str) -> list[str]:
        """What is written on the command line; the result has a folder of its own."""
        old, new = (Path(self.parameterAsString(parameters, name, context)) for name in ("OLD", "NEW"))
        alert = self.parameterAsDouble(parameters, "ALERT", context)
        coregister = self.parameterAsBool(parameters, "COREGISTER", context)
        return [
            str(old),
            str(new),
            f"--out={Path(out) / f'{old.stem}_to_{new.stem}'}",
            f"--max-shift={self.parameterAsDouble(parameters, 'MAX_SHIFT', context)}",
            f"--min-length-m={self.parameterAsDouble(parameters, 'MIN_LENGTH', context)}",
            f"--min-area-m2={self.parameterAsDouble(parameters, 'MIN_AREA', context)}",
            "--coregister" if coregister else "--no-coregister",
            *(["--inland"] if self.parameterAsBool(parameters, "INLAND", context) else []),
            *([f"--alert-m={alert}"] if alert > 0 else []),
        ]
