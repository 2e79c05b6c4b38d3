"""Land, water and shore of a date that is given as vectors: polygons where the file has them, else lines alone.

Lines alone say on which side of them land lies. Where one ends in the open, both sides of it are one place, of which
nothing is known then.
"""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray

from pipeline.change.faces import Faces, Shore
from pipeline.change.options import ChangeError
from pipeline.change.pairs import find_pairs
from pipeline.change.plane import Box, Plane, clip_polygons, get_polygons
from pipeline.change.source import DatedCoast
from pipeline.trace.traced import Floats
from tiles.vector_edges import cut_edges, list_paths

__all__ = ["read_vector_faces"]

_PIXEL_M = 10.0
_CELL_M = 160.0
_CELLS_ON = 2
"""Cells without a line, from the nearest with one on, whose side is told."""
_LONG_M = 500.0
_TOLERANCE_M = 0.1
"""Longer edges are curves in the plane where they are straight in another CRS: how far from them they may run."""

_ASIDE_M = 0.01
"""How far from a line it is asked which side is which."""


def read_vector_faces(
    coast: DatedCoast, box: Box, *, plane: Plane, margin_px: int, line_sigma_m: float
) -> Faces | None:
    """Read a block of a date that is given as vectors.

    Args:
        coast: The date.
        box: The block, in the plane.
        plane: Shared by both dates.
        margin_px: Pixels of 10 m around what was not seen that do not count either.
        line_sigma_m: Uncertainty of lines that state none.

    Returns:
        ``None`` where nothing of it lies in the block.
    """
    margin_m = margin_px * _PIXEL_M
    wide = box.grow(margin_m + _PIXEL_M)
    lines = _read_layer(coast, coast.layers[0], wide, plane)
    shore = _make_shore(lines, line_sigma_m)
    if "water" in coast.layers and "land" in coast.layers:
        water = clip_polygons(_get_polygons(_read_layer(coast, "water", wide, plane)), wide, plane)
        land = clip_polygons(_get_polygons(_read_layer(coast, "land", wide, plane)), wide, plane)
    elif len(shore.xy):
        water, land = _divide(shore, wide)
    else:
        return None
    known = shapely.union(water, land, grid_size=plane.snap)
    clear = shapely.intersection(shapely.buffer(known, -margin_m, join_style="mitre"), box.polygon)
    if shapely.is_empty(clear):
        return None
    return Faces(
        water=_within(water, clear, plane),
        land=_within(land, clear, plane),
        shore=shore,
    )


def _within(area: shapely.Geometry, clear: shapely.Geometry, plane: Plane) -> shapely.Geometry:
    return shapely.union_all(get_polygons(shapely.intersection(area, clear, grid_size=plane.snap)))


def _read_layer(coast: DatedCoast, layer: str, box: Box, plane: Plane) -> gpd.GeoDataFrame:
    """Features of a layer near a block, in the plane."""
    ring = plane.unproject(shapely.get_coordinates(shapely.segmentize(box.polygon, 1000.0)), coast.crs)
    bounds = (*ring.min(axis=0).tolist(), *ring.max(axis=0).tolist())
    frame = pyogrio.read_dataframe(coast.vectors, layer=layer, bbox=bounds)
    shapes = shapely.force_2d(np.asarray(frame.geometry, dtype=object))
    geometry = shapely.transform(shapes, lambda xy: plane.project(xy, coast.crs))
    if _holds_long_edges(geometry) and coast.crs != plane.crs:
        dense = cut_edges(shapes, lambda xy: plane.project(xy, coast.crs), tolerance=_TOLERANCE_M)
        # And no longer than a cell, or no block but that of an edge's middle knows its sides.
        geometry = shapely.segmentize(shapely.transform(dense, lambda xy: plane.project(xy, coast.crs)), _CELL_M)
    return frame.set_geometry(gpd.GeoSeries(geometry, index=frame.index, crs=plane.crs))


def _holds_long_edges(shapes: NDArray[Any]) -> bool:
    xy, path = shapely.get_coordinates(list_paths(shapes)[0], return_index=True)
    length = np.hypot(*np.diff(xy, axis=0).T)
    return bool((length[path[1:] == path[:-1]] > _LONG_M).any())


def _get_polygons(frame: gpd.GeoDataFrame) -> NDArray[Any]:
    return np.asarray(shapely.get_parts(np.asarray(frame.geometry)))


def _make_shore(frame: gpd.GeoDataFrame, line_sigma_m: float) -> Shore:
    parts, owner = shapely.get_parts(np.asarray(frame.geometry), return_index=True)
    kept = shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING
    if len(parts) and not kept.any():
        raise ChangeError("Expected lines, land on their left, found polygons alone. Give the layer of the coastline.")
    parts, owner = parts[kept], owner[kept]
    stated = frame["uncertainty_mean_m"].to_numpy(np.float64) if "uncertainty_mean_m" in frame else None
    sigma = np.full(len(frame), line_sigma_m) if stated is None else np.where(np.isfinite(stated), stated, line_sigma_m)
    xy, line = shapely.get_coordinates(parts, return_index=True)
    start = np.append(np.flatnonzero(np.diff(line, prepend=-1)), len(xy)) if len(xy) else np.zeros(1, np.int64)
    return Shore(xy=xy, sigma=sigma[owner[line]], start=start)


def _divide(shore: Shore, box: Box) -> tuple[shapely.Geometry, shapely.Geometry]:
    """Water and land of a block, from lines alone, cell by cell: what is not clear in one is clear in the next."""
    line = np.repeat(np.arange(len(shore.start) - 1), np.diff(shore.start))
    lines = np.asarray(shapely.linestrings(shore.xy, indices=line))
    rules = _draw_cells(box)
    drawn = shapely.union_all([*lines[shapely.intersects(lines, box.polygon)], *rules])
    faces = np.asarray(shapely.get_parts(shapely.polygonize(shapely.get_parts(drawn))))
    tail, _, head, _ = shore.segments
    left = _turn_left(head - tail)
    middle = (head + tail) / 2
    is_land = np.bincount(_find_faces(faces, middle + _ASIDE_M * left) + 1, minlength=len(faces) + 1)[1:] > 0
    is_water = np.bincount(_find_faces(faces, middle - _ASIDE_M * left) + 1, minlength=len(faces) + 1)[1:] > 0
    # A line that ends in the open has one face on both of its sides: that face stays unknown.
    side = is_land.astype(np.int64) - is_water
    known = is_land | is_water
    for _ in range(_CELLS_ON):
        side, known = _carry_on(side, known, _pair_neighbours(faces, rules))
    return shapely.union_all(faces[known & (side < 0)]), shapely.union_all(faces[known & (side > 0)])


def _draw_cells(box: Box) -> NDArray[Any]:
    """Lines that cut a box into cells, its own edges among them."""
    xs = np.append(np.arange(box.left, box.right, _CELL_M), box.right)
    ys = np.append(np.arange(box.bottom, box.top, _CELL_M), box.top)
    down = [[(x, box.bottom), (x, box.top)] for x in xs]
    across = [[(box.left, y), (box.right, y)] for y in ys]
    return np.asarray(shapely.linestrings(np.array(down + across)))


def _turn_left(along: Floats) -> Floats:
    """Unit vectors to the left of (n, 2) vectors."""
    length = np.maximum(np.hypot(*along.T), 1e-9)
    return np.asarray(np.stack((-along[:, 1], along[:, 0]), axis=1) / length[:, None], dtype=np.float64)


def _find_faces(faces: NDArray[Any], points: Floats) -> NDArray[np.int64]:
    """(n,) number of the face that each point lies in, -1 for none."""
    number = np.full(len(points), -1, dtype=np.int64)
    point, face = find_pairs(np.asarray(shapely.points(points)), faces, "contains")
    number[point] = face
    return number


def _pair_neighbours(faces: NDArray[Any], rules: NDArray[Any]) -> NDArray[np.int64]:
    """(pairs, 2) numbers of faces that meet at a cell's edge, where no shore parts them."""
    along = shapely.get_coordinates(shapely.segmentize(rules, _CELL_M / 16))
    first, second = along[:-1], along[1:]
    short = np.hypot(*(second - first).T) < _CELL_M / 8  # from one rule to the next is no edge
    middle, left = ((first + second) / 2)[short], _turn_left((second - first)[short])
    pairs = np.stack([_find_faces(faces, middle + side * _ASIDE_M * left) for side in (1, -1)], axis=1)
    return np.unique(pairs[(pairs >= 0).all(axis=1)], axis=0)


def _carry_on(
    side: NDArray[np.int64], known: NDArray[np.bool_], pairs: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Give faces without any line the side of their neighbours, where these agree."""
    votes = np.zeros((2, len(side)), dtype=np.int64)
    for giver, taker in (pairs.T, pairs.T[::-1]):
        for number, wanted in enumerate((-1, 1)):
            np.add.at(votes[number], taker, known[giver] & (side[giver] == wanted))
    agreed = ~known & ((votes > 0).sum(axis=0) == 1)
    return np.where(agreed, np.where(votes[1] > 0, 1, -1), side), known | agreed
