"""Bring shapes from one CRS to another edge by edge: an edge is straight in the CRS in which it was given.

Where only corners are projected, the middle of an edge of 2 degrees along a parallel lies 400 m off in UTM. So edges
are cut until what they are drawn as is true to a tolerance, after all that lies far off has been left out.

Source:
    RFC 7946, section 3.1.1: a line between two positions is straight in longitude and latitude, and no geodesic.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

__all__ = ["compute_period", "cut_edges", "list_paths", "project_shapes"]

Floats = NDArray[np.float64]
Bounds = tuple[float, float, float, float]

_MARGIN = 0.05
"""Of the bounds, around them: what lies beyond is left out, and where it is cut must not show."""

_PIECES = 16
"""Along the longest side, at least: an edge may curve to both sides and be straight in its middle."""

_MOST_VERTICES = 1_000_000
_ROUNDS = 12


def project_shapes(
    shapes: NDArray[Any],
    src_crs: pyproj.CRS,
    dst_crs: pyproj.CRS,
    *,
    tolerance: float,
    bounds: Bounds | None = None,
) -> NDArray[Any]:
    """Bring polygons or lines to another CRS, their edges where they were.

    Args:
        shapes: (n,) polygons or lines, longitudes continuous.
        src_crs: In which their edges are straight.
        dst_crs: In which they are wanted.
        tolerance: How far an edge may run from where it belongs, in units of ``dst_crs``.
        bounds: (left, bottom, right, top) in ``dst_crs``: only what lies near is wanted, of polygons. ``None``: all.

    Returns:
        (n,) shapes; with ``bounds`` (m,) polygons, valid, cut somewhere outside the bounds.

    Raises:
        pyproj.exceptions.ProjError: There is no way from one CRS to the other.
    """
    change = _make_change(src_crs, dst_crs)
    near = shapes if bounds is None else _keep_near(shapes, src_crs, dst_crs, bounds)
    if change is None or not len(near):
        return near
    projected = np.asarray(shapely.transform(cut_edges(near, change, tolerance=tolerance), change), dtype=object)
    if bounds is None:
        return projected
    turned = _turn_towards(projected, compute_period(dst_crs), bounds)
    return _list_polygons(turned[np.isfinite(shapely.bounds(turned)).all(axis=1)])


def cut_edges(shapes: NDArray[Any], change: Callable[[Floats], Floats], *, tolerance: float) -> NDArray[Any]:
    """Add vertices to edges that a change of coordinates would make curves.

    Args:
        shapes: (n,) polygons or lines before the change, of one part or several.
        change: From (n, 2) coordinates to (n, 2) coordinates.
        tolerance: How far an edge may run from its curve after the change.
    """
    left, bottom, right, top = shapely.total_bounds(shapes)
    step = max(right - left, top - bottom) / _PIECES
    length = float(shapely.length(shapes).sum())
    for _ in range(_ROUNDS):
        if not step > 0 or length / step > _MOST_VERTICES:
            break
        dense = np.asarray(shapely.segmentize(shapes, step), dtype=object)
        deviation = _compute_deviation(dense, change)
        if deviation <= tolerance:
            return dense
        shapes, step = dense, step / max(2, math.ceil(math.sqrt(deviation / tolerance)))
    return shapes


def _compute_deviation(shapes: NDArray[Any], change: Callable[[Floats], Floats]) -> float:
    """How far the curves of edges run from the straight lines between their ends, at most."""
    xy, path = shapely.get_coordinates(list_paths(shapes)[0], return_index=True)
    ends, same = change(xy), path[1:] == path[:-1]
    start, end, src_start, src_end = ends[:-1][same], ends[1:][same], xy[:-1][same], xy[1:][same]
    worst = 0.0
    for share in (0.25, 0.5, 0.75):
        curve = change(src_start + share * (src_end - src_start))
        with np.errstate(invalid="ignore"):  # beyond where the CRS is defined nothing is far
            off = np.hypot(*(curve - (start + share * (end - start))).T)
        worst = max(worst, float(np.max(off, where=np.isfinite(off), initial=0.0)))
    return worst


def list_paths(shapes: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """All rings of polygons, and lines, and the number of the shape that each is of."""
    parts, owner = shapely.get_parts(shapes, return_index=True)
    rings, part = shapely.get_rings(parts, return_index=True)
    is_line = shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING
    return np.concatenate([rings, parts[is_line]]), np.concatenate([owner[part], owner[is_line]])


@cache
def compute_period(crs: pyproj.CRS) -> float | None:
    """The width of the world in a CRS in which meridians are parallel lines; ``None`` in others."""
    if crs.is_geographic:
        return 2 * math.pi / float(crs.axis_info[0].unit_conversion_factor)
    longitudes = np.arange(-180.0, 180.0, 30.0)
    try:
        transformer = pyproj.Transformer.from_crs("OGC:CRS84", crs, always_xy=True)
    except pyproj.exceptions.ProjError:
        return None
    lines = [np.asarray(transformer.transform(longitudes, np.full(12, lat))) for lat in (0.0, 50.0)]
    width = 12 * float(np.median(np.diff(lines[0][0])))
    is_alike = np.isfinite(lines).all() and width > 0
    if not is_alike or not np.allclose(lines[0][0], lines[1][0], rtol=0, atol=1e-6 * width):
        return None
    return width if all(np.ptp(y) < 1e-6 * width for _, y in lines) else None


def _make_change(src_crs: pyproj.CRS, dst_crs: pyproj.CRS) -> Callable[[Floats], Floats] | None:
    """From coordinates in one CRS to those in another; ``None`` where both are one."""
    if src_crs.equals(dst_crs, ignore_axis_order=True):
        return None
    transformer = pyproj.Transformer.from_crs(src_crs, dst_crs, always_xy=True)
    return lambda xy: np.stack(transformer.transform(xy[:, 0], xy[:, 1]), axis=1)


def _keep_near(shapes: NDArray[Any], src_crs: pyproj.CRS, dst_crs: pyproj.CRS, bounds: Bounds) -> NDArray[Any]:
    """What of polygons lies near bounds in another CRS, whole turns of the world away or not, brought beside them."""
    src_bounds = _project_bounds(src_crs, dst_crs, bounds)
    if src_bounds is None:
        return shapes
    left, bottom, right, top = src_bounds
    pad_x, pad_y = _MARGIN * (right - left), _MARGIN * (top - bottom)
    period = compute_period(src_crs) or 0.0
    pieces = []
    for turn in (-period, 0.0, period) if period else (0.0,):
        window = shapely.box(left - pad_x + turn, bottom - pad_y, right + pad_x + turn, top + pad_y)
        inside = shapely.covers(window, shapely.envelope(shapes))
        cut = shapes.copy()
        partly = ~inside & shapely.intersects(window, shapely.envelope(shapes))
        cut[partly] = shapely.intersection(shapes[partly], window)
        pieces.append(_shift(_list_polygons(cut[inside | partly]), -turn))
    return np.concatenate(pieces)


def _project_bounds(src_crs: pyproj.CRS, dst_crs: pyproj.CRS, bounds: Bounds) -> Bounds | None:
    """Bounds in ``dst_crs`` as bounds in ``src_crs``; ``None`` where they lie beyond it."""
    transformer = pyproj.Transformer.from_crs(dst_crs, src_crs, always_xy=True)
    left, bottom, right, top = transformer.transform_bounds(*bounds, densify_pts=51)
    if not np.isfinite([left, bottom, right, top]).all():
        return None
    period = compute_period(src_crs)
    return left, bottom, right + period if period and right < left else right, top


def _turn_towards(shapes: NDArray[Any], period: float | None, bounds: Bounds) -> NDArray[Any]:
    """Bring vertices by whole turns of the world next to bounds that are not half the world wide."""
    left, _, right, _ = bounds
    if period is None or right - left > period / 2:
        return shapes

    def turn(xy: Floats) -> Floats:
        turns = np.round((xy[:, 0] - (left + right) / 2) / period)
        return np.column_stack([xy[:, 0] - period * turns, xy[:, 1]])

    return np.asarray(shapely.transform(shapes, turn), dtype=object)


def _shift(shapes: NDArray[Any], x: float) -> NDArray[Any]:
    return np.asarray(shapely.transform(shapes, lambda xy: np.add(xy, (x, 0.0))) if x else shapes, dtype=object)


def _list_polygons(shapes: NDArray[Any]) -> NDArray[Any]:
    """(m,) the polygons among shapes and in collections of shapes, valid."""
    parts = np.asarray(shapely.get_parts(shapely.get_parts(shapely.make_valid(shapes))), dtype=object)
    polygons: NDArray[Any] = parts[
        (shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(parts)
    ]
    return polygons
