"""Rows of a file as they were decoded, kept until no row to come needs them."""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Chunk", "Masks"]

Masks = tuple[NDArray[np.bool_] | None, ...]
"""Where the file itself declares each of its bands valid, (row, col); ``None``: it declares nothing."""

_LEAST_APART_BYTES = 1 << 20

_WHOLE_BYTES = 1 << 25
"""What is decoded at once and larger than this is not cut into pieces: that would take as much once more."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chunk:
    """Rows of all bands of a file, as they were decoded.

    Attributes:
        row_start: First native row.
        dn: DN as stored, (band, row, col).
        masks: Of each band; bands may share one.
    """

    row_start: int
    dn: NDArray[Any]
    masks: Masks

    @property
    def row_stop(self) -> int:
        """One past the last row."""
        return self.row_start + int(self.dn.shape[1])

    def copy_rows(self, start: int, stop: int) -> Chunk:
        """Some of the rows, in memory of their own."""
        part = slice(start - self.row_start, stop - self.row_start)
        return Chunk(row_start=start, dn=_copy(self.dn[:, part]), masks=_copy_rows(self.masks, part))

    @classmethod
    def list_pieces(
        cls, parts: Iterable[tuple[NDArray[Any], Masks]], *, row_start: int, width: int, rows: int
    ) -> list[Chunk]:
        """Put rows together, in pieces that can be forgotten one by one.

        Args:
            parts: What is decoded, column after column from left to right: DN (band, row, col), and as many masks, of
                which bands may share one.
            row_start: Their first native row.
            width: Columns of all parts together.
            rows: Of a piece, at the most; more where all came at once and are large.
        """
        pieces: list[NDArray[Any]] = []
        masks: list[Masks] = []
        col = height = 0
        for dn, mask in parts:
            height = dn.shape[1]
            if dn.shape[2] == width and (height <= rows or dn.nbytes > _WHOLE_BYTES):
                return [cls(row_start=row_start, dn=dn, masks=mask)]
            tops = range(0, height, rows)
            pieces = pieces or [_make((len(dn), min(rows, height - top), width), dn.dtype) for top in tops]
            for top, piece in zip(tops, pieces, strict=True):
                piece[:, :, col : col + dn.shape[2]] = dn[:, top : top + rows]
            masks.append(mask)
            col += dn.shape[2]
        joined = _join_columns(masks)
        return [
            cls(row_start=row_start + top, dn=piece, masks=_copy_rows(joined, slice(top, top + rows)))
            for top, piece in zip(range(0, height, rows), pieces, strict=True)
        ]


def _join_columns(parts: Sequence[Masks]) -> Masks:
    """Of parts that lie side by side; what bands share stays shared."""
    joined: dict[int, NDArray[np.bool_]] = {}
    for masks in zip(*parts, strict=True):  # of a band
        if masks[0] is not None and id(masks[0]) not in joined:
            joined[id(masks[0])] = np.concatenate(masks, axis=1)
    return tuple(None if mask is None else joined[id(mask)] for mask in parts[0])


def _copy_rows(masks: Masks, rows: slice) -> Masks:
    """Some rows in memory of their own; what bands share stays shared."""
    each = {id(mask): mask for mask in masks if mask is not None}
    copied = {key: _copy(mask[rows]) for key, mask in each.items()}
    return tuple(None if mask is None else copied[id(mask)] for mask in masks)


def _copy(values: NDArray[Any]) -> NDArray[Any]:
    copied = _make(values.shape, values.dtype)
    np.copyto(copied, values)
    return copied


def _make(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Memory of its own, which goes back to the system at once; between what the decoder takes it would leave holes."""
    size = math.prod(shape) * dtype.itemsize
    if size < _LEAST_APART_BYTES:
        return np.empty(shape, dtype)
    private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
    try:
        memory = mmap.mmap(-1, size, **private)
    except OSError as error:  # numpy's word for it is the one that others know
        raise MemoryError(f"no {size} bytes are left for decoded rows") from error
    return np.frombuffer(memory, dtype).reshape(shape)
