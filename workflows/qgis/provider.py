"""The group of algorithms in the toolbox of Processing."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .build_mosaic import BuildMosaic
from .compare_dates import CompareDates
from .map_scene import MapScene


class StrandlineProvider(QgsProcessingProvider):
    """Algorithms under ``strandline:``; the names of its methods are QGIS's."""

    def id(self) -> str:
        """Before the colon: ``strandline:map``."""
        return "strandline"

    def name(self) -> str:
        """In the toolbox."""
        return "Strandline"

    def icon(self) -> QIcon:
        """In the toolbox."""
        return QIcon(str(Path(__file__).with_name("icon.svg")))

    def loadAlgorithms(self) -> None:
        """Make the algorithms."""
        for algorithm in (MapScene, CompareDates, BuildMosaic):
            self.addAlgorithm(algorithm())
