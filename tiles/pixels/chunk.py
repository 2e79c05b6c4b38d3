"""Rows of a file as they were decoded, kept until no row to come needs them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Chunk"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chunk:
    """Rows of all bands of a file, as they were decoded.

    Attributes:
        row_start: First native row.
        dn: DN as stored, (band, row, col).
        masks: True where the file itself declares a band valid, (row, col); ``None`` where it declares nothing.
    """

    row_start: int
    dn: NDArray[Any]
    masks: tuple[NDArray[np.bool_] | None, ...]

    @property
    def row_stop(self) -> int:
        """One past the last row."""
        return self.row_start + int(self.dn.shape[1])

    def copy_rows(self, start: int, stop: int) -> Chunk:
        """Some of the rows, in memory of their own."""
        part = slice(start - self.row_start, stop - self.row_start)
        masks = tuple(None if mask is None else mask[part].copy() for mask in self.masks)
        return Chunk(row_start=start, dn=self.dn[:, part].copy(), masks=masks)

    def split(self, rows: int) -> Iterator[Chunk]:
        """In pieces that can be forgotten one by one."""
        if self.dn.shape[1] <= rows:
            yield self
            return
        for start in range(self.row_start, self.row_stop, rows):
            yield self.copy_rows(start, min(start + rows, self.row_stop))
