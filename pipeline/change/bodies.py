"""From the ground between two contours to what may be said of it: the parts whose shift exceeds the uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.change.options import ChangeOptions
from pipeline.change.pairs import find_pairs
from pipeline.change.plane import Plane, get_polygons
from pipeline.change.polygons import Pieces
from pipeline.change.shift import BODY, MOVED, NO_SHORE, Shifts
from pipeline.trace.traced import Bools, Floats, Ints

__all__ = ["APPEARED", "CONFIDENT", "SHORE", "VANISHED", "Changes", "compute_changes"]

SHORE, APPEARED, VANISHED = "shore", "appeared", "vanished"

CONFIDENT: Final = 1.96
"""Standard deviations on both sides of a value that hold the truth in 95% of cases."""

_NEAR_M = 1.0
_LEAST_EDGE_M = 10.0
"""A polygon has a date's shore on its edge from this length on: less is a corner in which two lines meet."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Changes:
    """Polygons of land gained, or of land lost.

    Attributes:
        polygon: (n,) in the plane.
        kind: (n,) ``shore``, ``appeared`` or ``vanished``.
        mean_shift_m: (n,) mean of the samples in it, signed; NaN where it is no moved shore, and so for the others.
        max_shift_m: (n,) the largest, signed, as the mean over a stretch.
        least_shift_m: (n,) what ``min_length_m`` of its shore has shifted at the least, with 95% probability, signed.
        shore_m: (n,) length of old shore that moved.
        sigma_old_m: (n,) root mean square of the stated deviations of the old line.
        sigma_new_m: (n,) that of the new line.
        sigma_m: (n,) of both and of the registration.
        inland: (n,) most of that shore is of waters that land encloses.
    """

    polygon: NDArray[Any]
    kind: NDArray[Any]
    mean_shift_m: Floats
    max_shift_m: Floats
    least_shift_m: Floats
    shore_m: Floats
    sigma_old_m: Floats
    sigma_new_m: Floats
    sigma_m: Floats
    inland: Bools

    def __len__(self) -> int:
        return len(self.polygon)


def compute_changes(pieces: Pieces, shifts: Shifts, *, gained: bool, plane: Plane, options: ChangeOptions) -> Changes:
    """Decide what of the ground between two contours is change.

    Args:
        pieces: Joined across blocks.
        shifts: All samples.
        gained: The pieces are land gained, else land lost.
        plane: Of both.
        options: What the user chose.
    """
    sign = 1 if gained else -1
    moved = shifts.take((shifts.state == MOVED) & (np.sign(shifts.local_m) == sign))
    bordered = (pieces.old_m >= _LEAST_EDGE_M) & (pieces.new_m >= _LEAST_EDGE_M)
    between = np.flatnonzero(bordered)
    corridor, owner = _pair_corridors(pieces.polygon[between], moved, options)
    parts, left = _cut(pieces.polygon[between], corridor, owner, plane)
    shore = _measure(parts, moved, options)
    loose = _find_loose(left, pieces.variance[between], shifts.take(np.isin(shifts.state, (NO_SHORE, BODY))), options)
    far = np.full(len(loose), VANISHED if gained else APPEARED, dtype=object)
    alone = np.flatnonzero(~bordered & _is_thick(pieces.polygon, pieces.variance, options))
    kind = np.where(pieces.new_m[alone] > pieces.old_m[alone], APPEARED, VANISHED).astype(object)
    bodies = _make_bodies(np.append(loose, pieces.polygon[alone]), np.append(far, kind))
    return _order(_concatenate(shore, bodies), options)


def _pair_corridors(polygons: NDArray[Any], moved: Shifts, options: ChangeOptions) -> tuple[NDArray[Any], Ints]:
    """Strips of ground that moved stretches swept, and the polygon that each meets."""
    if len(moved) == 0 or len(polygons) == 0:
        return np.zeros(0, dtype=object), np.zeros(0, np.int64)
    across = moved.target - moved.xy
    corners = np.concatenate((moved.ends, moved.ends + across[:, None, :]), axis=1)
    follows = np.append((np.diff(moved.run) == 0), False)
    after = np.minimum(np.arange(len(moved)) + 1, len(moved) - 1)
    near = np.hypot(*(moved.xy[after] - moved.xy).T) < 2 * options.spacing_m
    partner = np.where(follows & near, after, np.arange(len(moved)))
    joints = np.stack((moved.xy, moved.xy[partner], moved.target, moved.target[partner]), axis=1)
    around = np.asarray(shapely.multipoints(np.concatenate((corners, joints), axis=1)))  # (n, 8, 2) to (n,)
    swept: NDArray[Any] = shapely.buffer(shapely.convex_hull(around), options.spacing_m / 2, quad_segs=2)
    strip, polygon = find_pairs(swept, polygons)
    return swept[strip], polygon


def _cut(
    polygons: NDArray[Any], corridor: NDArray[Any], owner: Ints, plane: Plane
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Parts of polygons within their corridors; and what is left of each polygon."""
    left, parts = polygons.copy(), [np.zeros(0, dtype=object)]
    order = np.argsort(owner, kind="stable")
    for group in np.split(order, np.flatnonzero(np.diff(owner[order])) + 1) if len(order) else ():
        number = owner[group[0]]
        swept = shapely.union_all(corridor[group])  # what is cut with it is snapped
        parts.append(get_polygons(shapely.intersection(polygons[number], swept, grid_size=plane.snap)))
        left[number] = shapely.difference(polygons[number], swept, grid_size=plane.snap)
    return np.concatenate(parts), left


def _measure(parts: NDArray[Any], moved: Shifts, options: ChangeOptions) -> Changes:
    """Shift and uncertainty of each part, from the samples whose way from old to new lies in it."""
    middle = np.asarray(shapely.points((moved.xy + moved.target) / 2))
    sample, part = find_pairs(middle, parts)
    count = np.bincount(part, minlength=len(parts))
    kept = np.flatnonzero(count)

    def mean(values: Floats) -> Floats:
        sums: Floats = np.bincount(part, weights=values[sample], minlength=len(parts))[kept].astype(np.float64)
        return np.asarray(sums / count[kept], dtype=np.float64)

    largest = np.zeros(len(parts))
    np.maximum.at(largest, part, np.abs(moved.local_m[sample]))
    least = np.abs(moved.local_m[sample]) - CONFIDENT * moved.sigma_m[sample]
    signed, sign = mean(moved.shift_m), np.sign(mean(moved.local_m))
    return Changes(
        polygon=parts[kept],
        kind=np.full(len(kept), SHORE, dtype=object),
        mean_shift_m=signed,
        max_shift_m=sign * largest[kept],
        least_shift_m=sign * _find_sustained(least, part, len(parts), options)[kept],
        shore_m=np.asarray(count[kept] * options.spacing_m, dtype=np.float64),
        sigma_old_m=np.sqrt(mean(moved.sigma_old_m**2)),
        sigma_new_m=np.sqrt(mean(moved.sigma_new_m**2)),
        sigma_m=np.sqrt(mean(moved.sigma_m**2)),
        inland=mean(moved.inland.astype(np.float64)) > 0.5,
    )


def _find_sustained(values: Floats, part: Ints, count: int, options: ChangeOptions) -> Floats:
    """(count,) what the samples of ``min_length_m`` of each part exceed, 0 at the least; all of a shorter part."""
    order = np.lexsort((-values, part))
    size = np.bincount(part, minlength=count)
    first = np.cumsum(size) - size
    place = np.minimum(max(1, round(options.min_length_m / options.spacing_m)), size) - 1
    sustained = np.zeros(count)
    filled = np.flatnonzero(size)
    sustained[filled] = np.maximum(values[order][(first + place)[filled]], 0.0)
    return sustained


def _find_loose(left: NDArray[Any], variance: Floats, gone: Shifts, options: ChangeOptions) -> NDArray[Any]:
    """Parts outside all corridors whose old shore is gone, and no new one within reach."""
    parts, owner = shapely.get_parts(left, return_index=True)
    polygonal = shapely.get_type_id(parts) == shapely.GeometryType.POLYGON
    parts, owner = parts[polygonal], owner[polygonal]
    if len(parts) == 0 or len(gone) == 0:
        return np.zeros(0, dtype=object)
    touched = np.unique(find_pairs(np.asarray(shapely.points(gone.xy)), parts, within=_NEAR_M)[1])
    thick = _is_thick(parts[touched], variance[owner[touched]], options)
    return np.asarray(parts[touched][thick], dtype=object)


def _is_thick(polygons: NDArray[Any], variance: Floats, options: ChangeOptions) -> Bools:
    """True where a polygon is wider than the uncertainty of the shore around it."""
    perimeter = shapely.length(polygons)
    width = np.divide(2 * shapely.area(polygons), perimeter, out=np.zeros(len(polygons)), where=perimeter > 0)
    sigma = np.sqrt(variance + options.registration_m**2)
    return np.asarray(width > options.factor * sigma, dtype=bool)


def _make_bodies(polygons: NDArray[Any], kind: NDArray[Any]) -> Changes:
    unknown = np.full(len(polygons), np.nan)
    return Changes(
        polygon=np.asarray(polygons, dtype=object),
        kind=np.asarray(kind, dtype=object),
        mean_shift_m=unknown,
        max_shift_m=unknown,
        least_shift_m=unknown,
        shore_m=np.zeros(len(polygons)),
        sigma_old_m=unknown,
        sigma_new_m=unknown,
        sigma_m=unknown,
        inland=np.zeros(len(polygons), dtype=bool),
    )


def _concatenate(first: Changes, second: Changes) -> Changes:
    return Changes(
        **{name: np.concatenate((getattr(first, name), getattr(second, name))) for name in Changes.__slots__}
    )


def _order(changes: Changes, options: ChangeOptions) -> Changes:
    """From north to south, then from west to east, so that numbers do not depend on how blocks were worked."""
    keep = shapely.area(changes.polygon) >= max(options.min_area_m2, 1.0)
    left, _, _, top = shapely.bounds(changes.polygon).reshape(-1, 4).T
    order = np.lexsort((shapely.area(changes.polygon), left, -top))
    chosen = order[keep[order]]
    return Changes(**{name: getattr(changes, name)[chosen] for name in Changes.__slots__})
