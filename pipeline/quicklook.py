"""A small picture of a scene, gathered while its tiles pass by, so that nothing is decoded twice."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiles.grid import Grid, Window

__all__ = ["Quicklook"]


class Quicklook:
    """Averages tiles into a picture of at most ``longest`` pixels a side.

    Args:
        grid: The grid that is mapped; windows are counted from its corner.
        layers: Number of layers of the picture.
        longest: Longest side of the picture in pixels.
    """

    def __init__(self, grid: Grid, *, layers: int, longest: int = 1200) -> None:
        self.factor = max(1, math.ceil(max(grid.shape) / longest))
        shape = (math.ceil(grid.height / self.factor), math.ceil(grid.width / self.factor))
        self._sum = np.zeros((layers, *shape), dtype=np.float64)
        self._count = np.zeros((layers, *shape), dtype=np.float64)

    def add(self, window: Window, values: NDArray[np.float32], *, layer: int) -> None:
        """Add the pixels of one tile to one layer.

        Args:
            window: Where they lie.
            values: (layers, row, col), or (row, col); NaN takes no part.
            layer: Layer of the picture, from 0.
        """
        valid = np.isfinite(values)
        rows = self._cells(window.row_off, window.row_stop)
        cols = self._cells(window.col_off, window.col_stop)
        total, count = (
            np.add.reduceat(np.add.reduceat(summand, rows[1], axis=0), cols[1], axis=1)
            for summand in (np.where(valid, values, 0), valid.astype(np.float64))
        )
        self.add_cells((layer, int(rows[0][0]), int(cols[0][0])), total, count)

    def add_cells(
        self, place: tuple[int, int, int], total: NDArray[np.floating[Any]], count: NDArray[np.floating[Any]]
    ) -> None:
        """Add what a tile gives to some cells.

        Args:
            place: Layer, first row and first column of the cells.
            total: Sum of the valid pixels in each cell, (row, col).
            count: Number of them, (row, col).
        """
        layer, row, col = place
        target = np.s_[layer, row : row + total.shape[0], col : col + total.shape[1]]
        self._sum[target] += total
        self._count[target] += count

    def compute(self) -> NDArray[np.float32]:
        """The mean of each cell: (layers, row, col), NaN where nothing valid fell."""
        with np.errstate(invalid="ignore"):
            return (self._sum / np.where(self._count > 0, self._count, np.nan)).astype(np.float32)

    def _cells(self, start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Cells that the pixels ``start`` to ``stop`` fall in, and at which of these pixels each begins."""
        cells, begins = np.unique(np.arange(start, stop) // self.factor, return_index=True)
        return cells, begins
