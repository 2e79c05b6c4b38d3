"""Turn a network's probability into the field whose contour is the coastline, rows after rows, from top to bottom.

Only pixels within a few of the network's shore are looked at twice. Rows come back later than they went in, by as much
as the means of water and land around a pixel reach; what comes back does not depend on how the scene was cut into rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.shore.endmembers import CellSums, EndmemberGrid, compute_sure
from pipeline.shore.share import CONTEXT_PX, ShareInputs, compute_share, find_shore
from pipeline.shore.stretch import centre_probability
from tiles.errors import GridError
from tiles.masks import VALID

__all__ = ["LocatedRows", "ShoreLocator", "ShoreMargin"]

_MIXED = 0.05
_BLOCK_ROWS = 64
"""Rows that are looked at together: what is computed on the way stays in the processor's cache."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LocatedRows:
    """Rows of a scene whose shore is located.

    Attributes:
        row_off: First row.
        share: float32 (rows, cols), one half where the shore runs; away from it 0 or 1. NaN where not valid.
        error: float32 (rows, cols), standard deviation of the share near the shore; 0 away from it.
        state: uint8 (rows, cols), as in ``tiles.masks``.
    """

    row_off: int
    share: NDArray[np.float32]
    error: NDArray[np.float32]
    state: NDArray[np.uint8]

    def sum_errors(self) -> NDArray[np.float64]:
        """(2,): how many pixels hold both water and land, and the sum of their errors."""
        error = self.error[(self.share > _MIXED) & (self.share < 1 - _MIXED)]
        return np.array([len(error), error.sum(dtype=np.float64)])


@dataclass(frozen=True, slots=True, kw_only=True)
class ShoreMargin:
    """What a locator must see beside the columns whose shore it is to locate as it would in the whole scene.

    Attributes:
        margin_px: Columns on either side.
        cell_px: The columns that it sees begin and end at multiples of this, or at the scene's edge.
    """

    margin_px: int
    cell_px: int

    @classmethod
    def resolve(cls, pixel_m: float) -> ShoreMargin:
        """For pixels of a size in metres."""
        grid = EndmemberGrid.resolve(pixel_m)
        return cls(margin_px=max((grid.reach + 2) * grid.cell_px, CONTEXT_PX), cell_px=grid.cell_px)

    @property
    def most_px(self) -> int:
        """The margin, with what is added to end at a multiple."""
        return self.margin_px + self.cell_px - 1

    def widen(self, columns: range, width: int) -> range:
        """The columns that a locator must see, of a scene that is so wide."""
        start = max(0, columns.start - self.margin_px) // self.cell_px * self.cell_px
        return range(start, min(width, -(-(columns.stop + self.margin_px) // self.cell_px) * self.cell_px))


class ShoreLocator:
    """Takes a scene's map in rows, and gives it back with the shore located.

    Args:
        width: Columns of the scene, or of the part of it that is seen: ``ShoreMargin.widen`` says which can be.
        height: Rows of the scene.
        pixel_m: Edge of a pixel in metres.
        threshold: Probability from which on a pixel is water; it becomes a share of one half.
        probability_rmse: Error of the network's probability near the shore.
        col_off: First column of the part that is seen.
    """

    def __init__(
        self,
        *,
        width: int,
        height: int,
        pixel_m: float,
        threshold: float = 0.5,
        probability_rmse: float = 0.0,
        col_off: int = 0,
    ) -> None:
        self._width, self._height, self._threshold = width, height, threshold
        self._col_off = col_off
        self._rmse = probability_rmse
        self._grid = EndmemberGrid.resolve(pixel_m)
        self._probability = np.empty((0, width), np.float32)
        self._infrared = np.empty((0, width), np.int16)
        self._state = np.empty((0, width), np.uint8)
        self._first = 0  # row of the scene at which what is kept begins
        self._sums = np.empty((6, 0, -(-width // self._grid.cell_px)), np.int64)
        self._first_cells = 0  # row of cells at which ``_sums`` begins
        self._given = 0

    def add_rows(
        self, probability: NDArray[np.float32], state: NDArray[np.uint8], infrared: NDArray[np.int16] | None
    ) -> Iterator[LocatedRows]:
        """Take the next rows.

        Args:
            probability: (rows, width), NaN where there is none.
            state: (rows, width), as in ``tiles.masks``.
            infrared: (rows, width), reflectance of the near infrared in steps of 0.0001; ``None``: the scene has none,
                and the shore stays where the network has it.

        Yields:
            What is located by now; all of it once the last row was added.

        Raises:
            GridError: The rows are of another width, or too many.
        """
        if probability.shape[1:] != (self._width,) or self._taken + len(probability) > self._height:
            raise GridError(
                f"Expected at most {self._height - self._taken} rows of {self._width} pixels, found "
                f"{probability.shape}. Hand over whole rows, from top to bottom."
            )
        kept = len(self._probability)
        joined = np.empty((kept + len(state), self._width), np.float32)
        joined[:kept], level = self._probability, joined[kept:]
        for first in range(0, len(state), _BLOCK_ROWS):
            part = slice(first, first + _BLOCK_ROWS)
            known = np.where(state[part] == VALID, probability[part], np.float32(np.nan))
            level[part] = centre_probability(known, self._threshold)
        if infrared is None:
            error = np.full_like(level, self._rmse)
            yield LocatedRows(row_off=self._taken, share=level, error=error, state=state)
            self._first += len(level)
            return
        self._probability = joined
        self._infrared = np.concatenate((self._infrared, infrared))
        self._state = np.concatenate((self._state, state))
        self._add_cells()
        ready = self._count_ready()
        while self._given < ready:
            last = min(ready, self._given + max(1, _BLOCK_ROWS // self._grid.cell_px) * self._grid.cell_px)
            yield self._locate(self._given, last)
            self._given = last
        self._forget()

    @property
    def _taken(self) -> int:
        return self._first + len(self._probability)

    def _add_cells(self) -> None:
        """Sum over the rows of cells that are whole, with a row below them."""
        size = self._grid.cell_px
        begin = self._first_cells + self._sums.shape[1]
        end = -(-self._height // size) if self._taken == self._height else (self._taken - 1) // size
        if end <= begin:
            return
        parts = [self._sums]
        for first in range(begin, end, max(1, _BLOCK_ROWS // size)):
            last = min(end, first + max(1, _BLOCK_ROWS // size))
            rows = slice(first * size, min(last * size, self._height))
            water, land = (mask[self._margin(rows)] for mask in compute_sure(self._take(self._probability, rows, 1)))
            infrared = self._take(self._infrared, rows, 0)
            parts.append(CellSums.add_up(infrared, water, land, size=size).values)
        self._sums = np.concatenate(parts, axis=1)

    def _count_ready(self) -> int:
        """Rows of the scene of which all is known that their share depends on."""
        if self._taken == self._height:
            return self._height
        cells = self._first_cells + self._sums.shape[1] - self._grid.reach - 1
        size = self._grid.cell_px
        return max(0, min(cells, (self._taken - CONTEXT_PX) // size)) * size

    def _locate(self, first: int, last: int) -> LocatedRows:
        rows = slice(first, last)
        probability = self._take(self._probability, rows, CONTEXT_PX)
        inputs = ShareInputs(probability=probability, infrared=self._take(self._infrared, rows, CONTEXT_PX))
        top = first - max(self._first, first - CONTEXT_PX)
        share = _decide(probability[top : top + last - first])
        error = np.zeros_like(share)
        row, col = find_shore(probability)
        inside = (row >= top) & (row < top + last - first)
        row, col = row[inside], col[inside]
        if len(row):
            around = self._interpolate(row + first - top, col)
            share[row - top, col], error[row - top, col] = compute_share(
                inputs, row, col, around, probability_rmse=self._rmse
            )
        state = self._take(self._state, rows, 0)
        return LocatedRows(row_off=first, share=share, error=error, state=state)

    def _interpolate(self, row: NDArray[np.intp], col: NDArray[np.intp]) -> NDArray[np.float64]:
        """(6, pixels) weighted sums around pixels of the scene, linear between the centres of cells."""
        size = self._grid.cell_px
        first, last = int(row.min()) // size - 1, int(row.max()) // size + 2
        first, last = max(first, 0), min(last, -(-self._height // size))
        offset = self._first_cells
        smooth = self._grid.smooth(self._sums, first=first - offset, last=last - offset)
        above, down = _place(row, size, -(-self._height // size))
        # By the column of the scene, so that what is rounded is rounded alike wherever the part begins.
        first_col = self._col_off // size
        left, right = _place(col + self._col_off, size, first_col + smooth.shape[2])
        left = (left - first_col).clip(0)
        below, beside = np.minimum(above + 1, last - 1) - first, np.minimum(left + 1, smooth.shape[2] - 1)
        above = above - first
        table = np.ascontiguousarray(np.moveaxis(smooth, 0, -1))  # all sums of a cell in one place
        down, right = down[:, np.newaxis], right[:, np.newaxis]
        upper, lower = (table[at, left] * (1 - right) + table[at, beside] * right for at in (above, below))
        return np.ascontiguousarray((upper * (1 - down) + lower * down).T)

    def _take(self, kept: NDArray[Any], rows: slice, margin: int) -> NDArray[Any]:
        """Rows of the scene and some above and below, as far as the scene goes."""
        start, stop = max(0, rows.start - margin), min(self._height, rows.stop + margin)
        return kept[start - self._first : stop - self._first]

    def _margin(self, rows: slice) -> slice:
        """The rows themselves among those with a margin of one."""
        top = min(1, rows.start)
        return slice(top, top + rows.stop - rows.start)

    def _forget(self) -> None:
        """Let go of what no row to come depends on."""
        size = self._grid.cell_px
        keep = max(self._first, min(self._given - CONTEXT_PX, self._taken))
        begin = (self._first_cells + self._sums.shape[1]) * size - 1  # of the first row that is in no cell yet
        keep = max(self._first, min(keep, begin))
        for name in ("_probability", "_infrared", "_state"):
            setattr(self, name, getattr(self, name)[keep - self._first :].copy())
        self._first = keep
        cells = max(self._first_cells, self._given // size - self._grid.reach - 1)
        self._sums = self._sums[:, cells - self._first_cells :].copy()
        self._first_cells = cells


def _decide(probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """1 for water, 0 for land, NaN where not known."""
    with np.errstate(invalid="ignore"):
        share = (probability >= 0.5).astype(np.float32)
    share[np.isnan(probability)] = np.nan
    return share


def _place(at: NDArray[np.intp], size: int, count: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The cell whose centre is before each pixel, and how far it is on the way to the next."""
    along = (at + 0.5) / size - 0.5
    before = np.floor(along).clip(0, count - 1).astype(np.intp)
    return before, (along - before).clip(0, 1)
