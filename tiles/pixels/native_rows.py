"""Rows of one band as they were decoded, and what of them a window needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiles.grid import Grid, Window
from tiles.pixels.resample import AxisSampling, compute_sampling
from tiles.scene import BandSource

__all__ = ["Cut", "NativeRows", "widen"]

Cut = tuple[NDArray[Any], AxisSampling, AxisSampling]
"""DN (row, col), and where the rows and columns of the finest grid fall in them."""


@dataclass(frozen=True, slots=True, eq=False)
class NativeRows:
    """Rows of one band in memory, as stored: DN (row, col) and where they begin in the band's grid.

    They are kept in the pieces that they were decoded in, for joining those would take twice the memory. ``masks`` says
    in the same pieces where the file itself declares the band valid; empty: it declares nothing.
    """

    source: BandSource
    row_start: int
    col_start: int
    pieces: tuple[NDArray[Any], ...]
    masks: tuple[NDArray[np.bool_], ...] = ()

    def sampling(self, window: Window, grid: Grid) -> tuple[AxisSampling, AxisSampling]:
        """Where the pixels of ``window`` fall in what is kept, rows and columns."""
        rows = compute_sampling(self.source.grid, grid, start=window.row_off, stop=window.row_stop, axis=0)
        cols = compute_sampling(self.source.grid, grid, start=window.col_off, stop=window.col_stop, axis=1)
        return rows.shift(self.row_start), cols.shift(self.col_start)

    def cut(self, window: Window, grid: Grid, *, margin: tuple[int, int] = (0, 0)) -> Cut:
        """Only the native pixels that ``window`` needs, and the sampling within them.

        Args:
            window: On the finest grid.
            grid: The finest grid.
            margin: Native rows and columns on each side besides, as far as they are there.
        """
        rows, cols = self.sampling(window, grid)
        spans = self._find_spans(rows, cols, margin)
        return _join_pieces(self.pieces, *spans), rows.shift(spans[0][0]), cols.shift(spans[1][0])

    def cut_mask(self, window: Window, grid: Grid, *, margin: tuple[int, int] = (0, 0)) -> NDArray[np.bool_] | None:
        """Where the file itself declares the pixels of ``cut`` valid; ``None``: everywhere."""
        if not self.masks:
            return None
        mask = _join_pieces(self.masks, *self._find_spans(*self.sampling(window, grid), margin))
        return None if mask.all() else mask

    def _find_spans(
        self, rows: AxisSampling, cols: AxisSampling, margin: tuple[int, int]
    ) -> tuple[tuple[int, int], tuple[int, int]]:
        height, width = sum(map(len, self.pieces)), self.pieces[0].shape[1]
        return widen(rows.span, margin[0], height), widen(cols.span, margin[1], width)


def _join_pieces(pieces: Sequence[NDArray[Any]], rows: tuple[int, int], cols: tuple[int, int]) -> NDArray[Any]:
    """Some rows and columns of pieces that lie one below the other."""
    (top, bottom), (left, right) = rows, cols
    parts, base = [], 0
    for piece in pieces:
        part = piece[max(top - base, 0) : max(bottom - base, 0), left:right]
        base += len(piece)
        if len(part):
            parts.append(part)
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def widen(span: tuple[int, int], margin: int, length: int) -> tuple[int, int]:
    """More pixels on both sides of a span, as far as an axis has them.

    Args:
        span: First pixel, and one past the last.
        margin: How many on each side.
        length: Pixels of the axis.
    """
    return max(0, span[0] - margin), min(length, span[1] + margin)
