"""A series of known positions, for tests of what is computed from it and written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.timeseries.crossings import Positions
from pipeline.timeseries.options import TimeseriesOptions
from pipeline.timeseries.series import Acquisition, Series, build_series
from tests.pipeline.timeseries.test_crossings import make_transects

__all__ = ["TIDE", "make_series"]

YEAR = timedelta(days=365.25)
DATES = [
    Acquisition(acquired=datetime(2020, 1, 1, tzinfo=UTC) + YEAR * number, scenes=(f"s{number}",))
    for number in range(6)
]
TIDE = np.array([0.5, -0.5, 0.0, 1.0, np.nan, 0.25])


def make_series(position_m: Any, *, tide_m: Any = None, **choices: Any) -> Series:  # noqa: ANN401
    """Transects that look east, 100 m from each other."""
    position = np.asarray(position_m, float)
    count = len(position)
    positions = Positions(
        position_m=position,
        sigma_m=np.full(position.shape, 2.0),
        reason=np.where(np.isfinite(position), "", "all water").astype(object),
        crossings=np.isfinite(position).astype(np.int64),
    )
    transects = make_transects([[500_000.0, 4_600_000.0 + 100 * row] for row in range(count)], [[1.0, 0.0]] * count)
    if choices:
        choices.setdefault("tides", Path("tides.csv") if "beach_slope" in choices else None)
    dates = DATES[: position.shape[1]]
    return build_series(transects, dates, positions, tide_m=tide_m, options=TimeseriesOptions(**choices))
