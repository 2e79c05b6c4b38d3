"""Where water became land, or land became water: the ground between the contours of two dates.

A block gives pieces, which are joined across blocks. A piece that lies between an old and a new shore is ground that
the shore moved over; one that has a shore on one date alone is a body of its own that appeared or vanished.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.change.faces import Faces, Shore
from pipeline.change.plane import Box, Plane, get_polygons
from pipeline.trace.line_samples import compute_samples
from pipeline.trace.traced import Bools, Floats, Ints

__all__ = ["Pieces", "compute_pieces", "join_pieces"]

_STEP_M = 5.0
_ON_LINE_M = 0.05
"""A place of a polygon's edge lies on a line if it is as near as this: overlays snap to a millimetre."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pieces:
    """Polygons between two dates, and how much of their edges is shore.

    Attributes:
        polygon: (n,) in the plane.
        at_frame: (n,) True where a polygon touches the edge of its block, and may go on beyond.
        old_m: (n,) length of its edge that is shore of the old date.
        new_m: (n,) length that is shore of the new date.
        variance: (n,) mean over both lengths of the stated variance of those shores, square metres.
    """

    polygon: NDArray[Any]
    at_frame: Bools
    old_m: Floats
    new_m: Floats
    variance: Floats

    def __len__(self) -> int:
        return len(self.polygon)


def compute_pieces(old: Faces, new: Faces, box: Box, plane: Plane) -> tuple[Pieces, Pieces]:
    """Land gained and land lost within a block.

    Args:
        old: The earlier date.
        new: The later date.
        box: The block; what lies around it serves its neighbours.
        plane: Shared by both.

    Returns:
        Pieces of land gained, and of land lost.
    """
    frame = box.polygon

    def cut(first: shapely.Geometry, second: shapely.Geometry) -> Pieces:
        both = shapely.intersection(first, second, grid_size=plane.snap)
        within = shapely.intersection(get_polygons(both), frame, grid_size=plane.snap)
        return _describe(get_polygons(within), old.shore, new.shore, frame)

    return cut(old.water, new.land), cut(old.land, new.water)


def join_pieces(parts: Sequence[Pieces], plane: Plane) -> Pieces:
    """Join pieces of several blocks where they go on across a block's edge.

    Args:
        parts: A block each.
        plane: Of all of them.
    """
    pieces = Pieces(**{part.name: np.concatenate([getattr(p, part.name) for p in parts]) for part in fields(Pieces)})
    group = _find_groups(pieces)
    order = np.argsort(group, kind="stable")
    begin = np.append(np.flatnonzero(np.diff(group[order], prepend=-1)), len(group))
    joined: list[shapely.Geometry] = []
    owner: list[int] = []
    for number, (first, last) in enumerate(zip(begin[:-1].tolist(), begin[1:].tolist(), strict=True)):
        members = pieces.polygon[order[first:last]]
        whole = members[0] if len(members) == 1 else shapely.union_all(members, grid_size=plane.snap)
        polygons = shapely.get_parts(whole)
        joined.extend(polygons)
        owner.extend([number] * len(polygons))
    count = len(begin) - 1

    def total(values: Floats) -> Floats:
        sums: Floats = np.bincount(group, weights=values, minlength=count)[owner].astype(np.float64)
        return sums

    length = pieces.old_m + pieces.new_m
    weight = total(length)
    return Pieces(
        polygon=_as_array(joined),
        at_frame=np.zeros(len(joined), dtype=np.bool_),
        old_m=total(pieces.old_m),
        new_m=total(pieces.new_m),
        variance=np.divide(total(pieces.variance * length), weight, out=np.zeros(len(joined)), where=weight > 0),
    )


def _as_array(geometries: list[shapely.Geometry]) -> NDArray[Any]:
    array = np.empty(len(geometries), dtype=object)
    array[:] = geometries
    return array


def _find_groups(pieces: Pieces) -> Ints:
    """(n,) number of the polygon that each piece belongs to."""
    at = np.flatnonzero(pieces.at_frame)
    first, second = shapely.STRtree(pieces.polygon[at]).query(pieces.polygon[at], predicate="intersects")
    links = coo_array((np.ones(len(first)), (at[first], at[second])), shape=(len(pieces), len(pieces)))
    return np.asarray(connected_components(links, directed=False)[1], dtype=np.int64)


def _describe(polygons: NDArray[Any], old: Shore, new: Shore, frame: shapely.Polygon) -> Pieces:
    polygons = polygons[shapely.area(polygons) > 0]
    rings, owner = shapely.get_rings(polygons, return_index=True)
    samples = compute_samples(_make_ring_lines(rings), step=_STEP_M)
    number = owner[samples.line] if len(owner) else np.zeros(0, np.int64)
    weight = (np.bincount(owner, weights=shapely.length(rings), minlength=len(polygons))) / np.maximum(
        np.bincount(number, minlength=len(polygons)), 1
    )
    old_variance, new_variance = (_measure_variance(samples.xy, shore) for shore in (old, new))
    on_old, on_new = np.isfinite(old_variance), np.isfinite(new_variance)

    def count(which: Bools) -> Floats:
        return np.bincount(number[which], minlength=len(polygons)) * weight

    total = np.bincount(number[on_old], weights=old_variance[on_old], minlength=len(polygons)) * weight
    total += np.bincount(number[on_new], weights=new_variance[on_new], minlength=len(polygons)) * weight
    length = count(on_old) + count(on_new)
    return Pieces(
        polygon=polygons,
        at_frame=shapely.dwithin(polygons, shapely.boundary(frame), 1e-6),
        old_m=count(on_old),
        new_m=count(on_new),
        variance=np.divide(total, length, out=np.zeros(len(polygons)), where=length > 0),
    )


def _make_ring_lines(rings: NDArray[Any]) -> NDArray[Any]:
    xy, number = shapely.get_coordinates(rings, return_index=True)
    return np.asarray(shapely.linestrings(xy, indices=number))


def _measure_variance(points: Floats, shore: Shore) -> Floats:
    """(n,) stated variance of the shore that each place lies on, NaN for places on none."""
    variance = np.full(len(points), np.nan)
    tail, sigma_tail, head, sigma_head = shore.segments
    if len(tail) == 0 or len(points) == 0:
        return variance
    segments = np.asarray(shapely.linestrings(np.stack((tail, head), axis=1)))
    number, hit = shapely.STRtree(segments).query_nearest(
        shapely.points(points), max_distance=_ON_LINE_M, all_matches=False
    )
    variance[number] = (sigma_tail[hit] ** 2 + sigma_head[hit] ** 2) / 2
    return variance
