"""The vector layers of a mosaic; ``pipeline/data/layers/mosaic.toml`` says what their fields mean."""

from __future__ import annotations

from typing import Final

from pipeline.output.fields import read_layers

__all__ = ["COASTLINE", "LAND", "MOSAIC_LAYERS", "SOURCES", "WATER"]

MOSAIC_LAYERS: Final = tuple(read_layers("mosaic").values())
"""The layers in the order in which they are written."""

COASTLINE, SOURCES, WATER, LAND = MOSAIC_LAYERS
