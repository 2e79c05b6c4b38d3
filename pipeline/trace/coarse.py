"""Draw polygons as cells of a coarse grid: what is asked of a body as a whole is asked there, for little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.trace.ellipsoid import Ground
from pipeline.trace.traced import Floats, Ints, Rings, compute_spans, find_batches

__all__ = ["CoarseGrid", "fill_polygons", "fill_rings"]

CELL_M: Final = 50.0
"""Side of a cell, as nearly as whole pixels make it."""

_BATCH = 1 << 18
"""Vertices that are drawn together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoarseGrid:
    """Cells of some whole pixels over a scene; the last ones may reach beyond it.

    Attributes:
        factor: Pixels along the width and the height of a cell.
        shape: Rows and columns of cells.
        cell_m: Mean of a cell's width and height in metres.
        corner: Columns and rows of cells between the scene's corner and the first of these.
    """

    factor: tuple[int, int]
    shape: tuple[int, int]
    cell_m: float
    corner: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, ground: Ground) -> CoarseGrid:
        """The cells over a scene.

        Args:
            ground: The scene's ground.
        """
        width, height = (max(1, round(CELL_M / side)) for side in ground.pixel_m)
        cell_m = (width * ground.pixel_m[0] + height * ground.pixel_m[1]) / 2
        shape = (-(-ground.grid.height // height), -(-ground.grid.width // width))
        return cls(factor=(width, height), shape=shape, cell_m=cell_m)


def fill_rings(rings: Rings, value: Ints, xy: Floats, coarse: CoarseGrid) -> NDArray[np.int32]:
    """Draw rings of polygons.

    Args:
        rings: Of one class.
        value: (polygons,) what the cells of each get; 0 leaves a polygon out.
        xy: (vertices, 2) pixel coordinates.
        coarse: The cells.

    Returns:
        (row, col) the value of the polygon in which a cell's centre lies, 0 where there is none.
    """
    steps = np.zeros((coarse.shape[0], coarse.shape[1] + 1), dtype=np.int32)
    of_ring = value[rings.polygon]
    chosen = np.flatnonzero(of_ring)
    for first, last in find_batches(np.concatenate(([0], np.cumsum(np.diff(rings.start)[chosen]))), _BATCH):
        position, start = compute_spans(rings.start, chosen[first:last])
        places = np.take(xy, rings.vertex[position], axis=0) / coarse.factor - coarse.corner
        _add_rings(steps, places, start, of_ring[chosen[first:last]])
    return np.cumsum(steps[:, :-1], axis=1, dtype=np.int32)


def fill_polygons(polygons: NDArray[Any], coarse: CoarseGrid) -> NDArray[np.bool_]:
    """Draw shapely polygons.

    Args:
        polygons: (n,) polygons in pixel coordinates that do not overlap.
        coarse: The cells.

    Returns:
        (row, col) True where a cell's centre lies in one of them.
    """
    steps = np.zeros((coarse.shape[0], coarse.shape[1] + 1), dtype=np.int32)
    parts = shapely.get_parts(polygons)
    parts = parts[(shapely.get_type_id(parts) == shapely.GeometryType.POLYGON) & ~shapely.is_empty(parts)]
    if len(parts):
        _, xy, offsets = shapely.to_ragged_array(shapely.orient_polygons(parts))  # holes the other way around
        _add_rings(steps, xy / coarse.factor - coarse.corner, offsets[0], np.ones(len(offsets[0]) - 1, dtype=np.int64))
    return np.asarray(np.cumsum(steps[:, :-1], axis=1) != 0, dtype=bool)


def _add_rings(steps: NDArray[np.int32], xy: Floats, start: Ints, value: Ints) -> None:
    """Add, where rings cross the middle of a row of cells, what the row changes by there.

    Args:
        steps: (row, col + 1), changed.
        xy: (n, 2) places in cells.
        start: (rings + 1,) where each ring begins; a first vertex may be repeated at the end.
        value: (rings,) of their insides.
    """
    after = np.arange(1, len(xy) + 1)
    after[start[1:] - 1] = start[:-1]
    # Rows whose middles lie between the two ends of an edge, with a sign: down, or up.
    begin = np.ceil(xy[:, 1] - 0.5).astype(np.int64).clip(0, len(steps))
    change = begin[after] - begin
    edge = np.repeat(np.arange(len(xy)), np.abs(change))
    if len(edge) == 0:
        return
    offset = np.arange(len(edge)) - np.repeat(np.cumsum(np.abs(change)) - np.abs(change), np.abs(change))
    row = np.minimum(begin, begin[after])[edge] + offset
    (x, y), (dx, dy) = xy[edge].T, (xy[after] - xy)[edge].T
    col = np.ceil(x + (row + 0.5 - y) / dy * dx - 0.5).clip(0, steps.shape[1] - 1).astype(np.int64)
    ring = np.repeat(np.arange(len(value)), np.diff(start))
    np.add.at(steps, (row, col), (np.sign(change) * value[ring])[edge].astype(np.int32))
