"""A small picture of a scene, gathered while its tiles pass by, so that nothing is decoded twice."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tiles.grid import Grid, Window

__all__ = ["TEXTURE", "Cells", "Quicklook", "Visible", "compute_cells", "resolve_factor"]

TEXTURE: Final = -1
"""Layer of cells that are pixels of chips (``tiles.chips``), not of the picture."""

_BAND_PIXELS = 1 << 18
"""Pixels that are looked at together: few enough for the processor's cache."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """What some pixels give to cells of the picture that lie together.

    Attributes:
        layer: Of the picture, or ``TEXTURE``.
        row: First row of the cells.
        col: First column.
        total: Sum of the valid pixels in each cell, (row, col).
        count: Number of them, int32 (row, col).
    """

    layer: int
    row: int
    col: int
    total: NDArray[np.floating[Any]]
    count: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visible:
    """What the picture takes of a tile's reflectance.

    Attributes:
        channels: Those of red, green and blue, for its first layers.
        factor: Pixels a side of a cell.
        texture: Channels whose mean is kept in full in the chips.
        grid: What is mapped: its chips (``tiles.chips``) are meant; ``None``: there are none.
    """

    channels: tuple[int, ...]
    factor: int
    texture: tuple[int, ...] = ()
    grid: Grid | None = None


def resolve_factor(grid: Grid, *, longest: int = 1200) -> int:
    """How many pixels a cell has on a side.

    Args:
        grid: The grid that is mapped.
        longest: Longest side of the picture in cells.
    """
    return max(1, math.ceil(max(grid.shape) / longest))


def compute_cells(window: Window, values: NDArray[np.float32], *, layer: int, factor: int) -> Cells:
    """What the pixels of one tile give to the picture; sums of floats depend on the order in which they are added.

    Args:
        window: Where they lie on the grid that is mapped.
        values: (row, col); NaN takes no part.
        layer: Layer of the picture, from 0.
        factor: Pixels a side of a cell.
    """
    rows, cols = (
        _cut(start, stop, factor)
        for start, stop in ((window.row_off, window.row_stop), (window.col_off, window.col_stop))
    )
    together = max(1, _BAND_PIXELS // (factor * window.width))
    parts = [
        _sum_cells(values[band[0] : band[-1]], band - band[0], cols)
        for band in (rows[first : first + together + 1] for first in range(0, len(rows) - 1, together))
    ]
    total, count = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Cells(layer=layer, row=window.row_off // factor, col=window.col_off // factor, total=total, count=count)


class Quicklook:
    """Averages tiles into a picture of at most ``longest`` pixels a side.

    Args:
        grid: The grid that is mapped; windows are counted from its corner.
        layers: Number of layers of the picture.
        longest: Longest side of the picture in pixels.
    """

    def __init__(self, grid: Grid, *, layers: int, longest: int = 1200) -> None:
        self.factor = resolve_factor(grid, longest=longest)
        shape = (math.ceil(grid.height / self.factor), math.ceil(grid.width / self.factor))
        self._sum = np.zeros((layers, *shape), dtype=np.float32)
        self._count = np.zeros((layers, *shape), dtype=np.min_scalar_type(self.factor**2))

    def add(self, window: Window, values: NDArray[np.float32], *, layer: int) -> None:
        """Add the pixels of one tile to one layer.

        Args:
            window: Where they lie.
            values: (row, col); NaN takes no part.
            layer: Layer of the picture, from 0.
        """
        self.add_cells(compute_cells(window, values, layer=layer, factor=self.factor))

    def add_cells(self, cells: Cells) -> None:
        """Add what a tile gives to some cells."""
        rows, cols = cells.total.shape
        target = np.s_[cells.layer, cells.row : cells.row + rows, cells.col : cells.col + cols]
        self._sum[target] += cells.total
        self._count[target] += cells.count.astype(self._count.dtype)

    def compute(self) -> NDArray[np.float32]:
        """The mean of each cell: (layers, row, col), NaN where nothing valid fell."""
        mean = np.full_like(self._sum, np.nan)
        return np.divide(self._sum, self._count, out=mean, where=self._count > 0, dtype=np.float32)


def _cut(start: int, stop: int, factor: int) -> NDArray[np.int64]:
    """Where the pixels ``start`` to ``stop`` are cut into cells, counted from ``start``; both ends included."""
    inner = np.arange(start // factor + 1, math.ceil(stop / factor)) * factor
    return np.concatenate(([start], inner, [stop])) - start


def _sum_cells(
    values: NDArray[np.float32], rows: NDArray[np.int64], cols: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
    """Sum and number of the finite pixels in each cell, whose edges are given."""
    total = np.add.reduceat(_sum_rows(values, rows), cols[:-1], axis=1)
    count = np.outer(np.diff(rows), np.diff(cols)).astype(np.int32)
    if np.isfinite(total).all():
        return total, count
    valid = np.isfinite(values)
    # Times 1 or 0 as integers of the same bits: NaN * 0 would be NaN, and to choose costs ten times as much.
    known = np.multiply(values.view(np.uint32), valid).view(np.float32)
    number = _sum_rows(valid.view(np.uint8), rows, dtype=np.min_scalar_type(np.diff(rows).max()))
    count = np.add.reduceat(number, cols[:-1], axis=1, dtype=np.int32)
    return np.add.reduceat(_sum_rows(known, rows), cols[:-1], axis=1), count


def _sum_rows(values: NDArray[Any], edges: NDArray[np.int64], *, dtype: Any = np.float32) -> NDArray[Any]:  # noqa: ANN401
    """Sum of the rows between neighbouring edges; all but the first and the last are as far from each other."""
    total = np.empty((len(edges) - 1, values.shape[1]), dtype=dtype)
    np.sum(values[: edges[1]], axis=0, dtype=dtype, out=total[0])
    np.sum(values[edges[-2] :], axis=0, dtype=dtype, out=total[-1])
    if len(edges) > 3:
        inner = values[edges[1] : edges[-2]].reshape(len(edges) - 3, -1, values.shape[1])  # (cell, row, col)
        np.sum(inner, axis=1, dtype=dtype, out=total[1:-1])
    return total
