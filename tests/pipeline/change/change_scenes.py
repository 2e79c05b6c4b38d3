"""Pairs of mapped scenes whose change is known, for tests of comparisons."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from pipeline.change.compare import Comparison, compare_dates
from pipeline.change.options import ChangeOptions
from pipeline.change.source import read_dated_coast
from tests.pipeline.mapped_folder import Ground, make_grid, write_mapped

__all__ = ["LEFT", "TOP", "compare", "make_ground", "write_date"]

LEFT, TOP = 500_000.0, 5_600_000.0
_TO_PLANE = Transformer.from_crs("OGC:CRS84", "EPSG:32630", always_xy=True)

Distance = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
Cloud = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]]


def make_ground(distance: Distance, *, cloud: Cloud | None = None) -> Ground:
    """The ground by metres east of ``LEFT`` and south of ``TOP``: distance to the shore, positive in water."""

    def to_plane(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        x, y = _TO_PLANE.transform(lon.ravel(), lat.ravel())
        return (x - LEFT).reshape(lon.shape), (TOP - y).reshape(lon.shape)

    def is_cloudy(_date: int, lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.bool_]:
        return cloud(*to_plane(lon, lat)) if cloud else np.zeros(lon.shape, dtype=bool)

    return Ground(distance_m=lambda lon, lat: distance(*to_plane(lon, lat)), cloudy=is_cloudy)


def write_date(
    out: Path, name: str, distance: Distance, *, size: int = 80, date: int = 0, cloud: Cloud | None = None
) -> Path:
    """Map one date of a square of ``size`` pixels of 10 m, with an honest and small stated error."""
    grid = make_grid(epsg=32630, left=LEFT, top=TOP, width=size, height=size)
    ground = make_ground(distance, cloud=cloud)
    return write_mapped(out, name, grid, ground, date=date, properties={"strandline:probability_rmse": 0.02})


def compare(old: Path, new: Path, options: ChangeOptions | None = None) -> Comparison:
    """Compare without writing."""
    return compare_dates(read_dated_coast(old), read_dated_coast(new), options=options or ChangeOptions())
