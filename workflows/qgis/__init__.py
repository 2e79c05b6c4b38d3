"""Strandline in QGIS: Processing algorithms that run the ``strandline`` command and load what it makes.

QGIS's own Python runs these files (3.9 and newer), in a plugin of the name ``strandline_qgis``. They import nothing of
Strandline, which has an environment of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

    from .plugin import StrandlinePlugin


def classFactory(iface: QgisInterface) -> StrandlinePlugin:
    """Make the plugin, as QGIS does when it starts.

    Args:
        iface: QGIS's window; not used, since Processing has all that is needed.
    """
    from .plugin import StrandlinePlugin

    return StrandlinePlugin()
