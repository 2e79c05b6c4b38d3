"""Ground between two shores, samples along the old one, and what becomes of both: values for tests of comparisons."""

from __future__ import annotations

import numpy as np
import pyproj
import shapely

from pipeline.change.bodies import Changes, compute_changes
from pipeline.change.options import ChangeOptions
from pipeline.change.plane import Plane
from pipeline.change.polygons import Pieces
from pipeline.change.shift import MOVED, Shifts

__all__ = ["PLANE", "STRIP", "change", "make_pieces", "make_shifts"]

PLANE = Plane(crs=pyproj.CRS.from_epsg(32630))
X, Y = 500_000.0, 5_600_000.0
STRIP = shapely.box(X, Y, X + 200, Y + 20)


def make_pieces(
    *polygons: shapely.Polygon, old_m: float = 200.0, new_m: float = 200.0, variance: float = 1.0
) -> Pieces:
    count = len(polygons)
    return Pieces(
        polygon=np.array(polygons, dtype=object),
        at_frame=np.zeros(count, bool),
        old_m=np.full(count, old_m),
        new_m=np.full(count, new_m),
        variance=np.full(count, variance),
    )


def make_shifts(shift_m: float = 20.0, *, state: int = MOVED, count: int = 20, inland: int = 0) -> Shifts:
    """Samples every 10 m along the lower edge of the strip, which moved to its upper one (or the other way round)."""
    x = X + np.arange(count) * 10 + 5
    y = Y if shift_m > 0 else Y + 20
    xy = np.stack((x, np.full(count, y)), axis=1)
    ends = np.stack((xy - np.array([5, 0]), xy + np.array([5, 0])), axis=1)
    return Shifts(
        xy=xy,
        ends=ends,
        target=xy + np.array([0, shift_m]),
        shift_m=np.full(count, shift_m),
        local_m=shift_m + np.sign(shift_m) * np.linspace(0, 2, count),
        sigma_old_m=np.full(count, 3.0),
        sigma_new_m=np.full(count, 4.0),
        sigma_m=np.full(count, 5.0),
        state=np.full(count, state, np.uint8),
        run=np.zeros(count, np.int64),
        seaward=np.tile([0.0, 1.0], (count, 1)),
        inland=np.arange(count) < inland,
    )


def change(pieces: Pieces, shifts: Shifts, *, gained: bool = True, **choices: float) -> Changes:
    return compute_changes(pieces, shifts, gained=gained, plane=PLANE, options=ChangeOptions(**choices))
