"""How QGIS draws our layers: style documents (QML), stored in the GeoPackage and beside the other files.

They stand in ``pipeline/data/styles`` as QGIS would save them, a file a style. Water is blue and land buff, the colours
of ``water.tif``. The coastline has the colours of the preview, by kind, over a dark casing, so that it shows on dark
water, on bright sand and on paper alike; dashes say how sure it is. Kinds and dashes are rules of one renderer, so that
the legend explains both, by fields that go by one name in every format. ``water.qml`` is read for ``water.tif`` and for
``water.shp``, so it holds both: a raster layer takes the one part of it and a vector layer the other. Rates along
transects are rules and not classes of a graduated renderer, which would leave out transects without a rate.

Source: QGIS 3 style format as QGIS 3.22 writes and reads it (``QgsFeatureRenderer``, ``QgsSymbolLayer``).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["read_style"]

_STYLES = Path(__file__).parents[1] / "data" / "styles"


@cache
def read_style(name: str) -> str:
    """Read the style of a layer or of a raster.

    Args:
        name: As ``Layer.style`` has it, or the name of a raster of ours: ``water``, ``frequency`` ….

    Returns:
        The QML document.
    """
    return (_STYLES / f"{name}.qml").read_text(encoding="utf-8")
