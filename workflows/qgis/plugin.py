"""The plugin: registers the algorithms with Processing, and takes them out again."""

from __future__ import annotations

from qgis.core import QgsApplication

from .provider import StrandlineProvider


class StrandlinePlugin:
    """What QGIS loads; the names of its methods are QGIS's."""

    def __init__(self) -> None:
        self._provider: StrandlineProvider | None = None

    def initProcessing(self) -> None:
        """Register the algorithms; all that QGIS asks for without a window (``qgis_process``)."""
        self._provider = StrandlineProvider()
        QgsApplication.processingRegistry().addProvider(self._provider)

    def initGui(self) -> None:
        """Register the algorithms."""
        self.initProcessing()

    def unload(self) -> None:
        """Take the algorithms out."""
        if self._provider is not None:
            QgsApplication.processingRegistry().removeProvider(self._provider)
            self._provider = None
