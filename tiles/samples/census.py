"""Where in a scene land, water and shore are labelled, cell by cell, so that a tile can be drawn where they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from tiles.grid import Window
from tiles.samples.patch import LAND, UNLABELLED, WATER, compute_shore

__all__ = ["CELL_PX", "KINDS", "Census", "Kind", "take_census"]

Kind = Literal["shore", "water", "land"]
KINDS: tuple[Kind, ...] = get_args(Kind)

CELL_PX = 16
"""Rows and columns of a cell."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Census:
    """What cells of 16 x 16 pixels hold.

    Attributes:
        kind: uint8 (cell row, cell col): 1 + the place in ``KINDS``, 0 where nothing is labelled.
        height: Rows of the image.
        width: Columns of the image.
    """

    kind: NDArray[np.uint8]
    height: int
    width: int

    def count(self, kind: Kind) -> int:
        """How many cells are of a kind."""
        return int(np.count_nonzero(self.kind == 1 + KINDS.index(kind)))

    def draw(self, rng: np.random.Generator, kind: Kind) -> Window:
        """A random cell of a kind, of which there must be one, in pixels of the image."""
        cells = np.flatnonzero(self.kind == 1 + KINDS.index(kind))
        row, col = divmod(int(cells[rng.integers(cells.size)]), self.kind.shape[1])
        window = Window(col * CELL_PX, row * CELL_PX, CELL_PX, CELL_PX)
        return window.intersection(Window(0, 0, self.width, self.height)) or window


def take_census(
    labelled: Iterable[tuple[Window, NDArray[np.float32], NDArray[np.bool_]]], *, height: int, width: int
) -> Census:
    """Count what is labelled where.

    Args:
        labelled: Windows of the image whose offsets are multiples of ``CELL_PX``, each pixel of it once, with the
            share of water and where it is valid, (row, col).
        height: Rows of the image.
        width: Columns of the image.
    """
    shape = (-(-height // CELL_PX), -(-width // CELL_PX))
    kind = np.zeros(shape, dtype=np.uint8)
    for window, fraction, valid in labelled:
        label = np.where(valid, np.where(fraction >= 0.5, WATER, LAND), UNLABELLED)
        inner = Window(0, 0, width, height).intersection(window)
        if inner is not None:
            label = label[inner.slices(within=window)]
            flags = (compute_shore(label), label == WATER, label == LAND)  # in the order of KINDS
            kinds = np.select([_mark_cells(flag) for flag in flags], [1, 2, 3], 0)
            row, col = inner.row_off // CELL_PX, inner.col_off // CELL_PX
            kind[row : row + kinds.shape[0], col : col + kinds.shape[1]] = kinds
    return Census(kind=kind, height=height, width=width)


def _mark_cells(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(row, col) to (cell row, cell col): True where any pixel of the cell is."""
    height, width = (-(-length // CELL_PX) for length in flags.shape)
    padded = np.zeros((height * CELL_PX, width * CELL_PX), dtype=bool)
    padded[: flags.shape[0], : flags.shape[1]] = flags
    return np.asarray(padded.reshape(height, CELL_PX, width, CELL_PX).any(axis=(1, 3)))
