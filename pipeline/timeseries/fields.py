"""The two layers of a time series; ``pipeline/data/layers/timeseries.toml`` says what their fields mean.

``transects`` has one feature a transect, and ``rates.csv`` and ``rates.parquet`` the same columns. ``crossings`` has
one feature a position; ``positions.csv`` and ``positions.parquet`` also have the dates without one.
"""

from __future__ import annotations

from typing import Final

from pipeline.output.fields import read_layers

__all__ = ["CROSSINGS", "SERIES_LAYERS", "TRANSECTS"]

SERIES_LAYERS: Final = tuple(read_layers("timeseries").values())
"""The layers of ``transects.gpkg``."""

TRANSECTS, CROSSINGS = SERIES_LAYERS
