"""Rows that are decoded column after column become pieces that can be forgotten one by one."""

from __future__ import annotations

import mmap
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiles.pixels import chunk
from tiles.pixels.chunk import Chunk


@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 30)),
    cuts=st.sets(st.integers(1, 29), max_size=4),
    rows=st.integers(1, 45),
    row_start=st.integers(0, 100),
)
def test_pieces_hold_all_that_was_decoded(
    shape: tuple[int, int, int], cuts: set[int], rows: int, row_start: int
) -> None:
    rng = np.random.default_rng(0)
    dn, width = rng.integers(0, 9999, shape).astype(np.uint16), shape[2]
    mask = rng.random(shape[1:]) < 0.5
    edges = [0, *sorted(cut for cut in cuts if cut < width), width]
    columns = [slice(start, stop) for start, stop in pairwise(edges)]
    shared = [mask[:, part] for part in columns]
    parts = [(dn[:, :, part], (None, each, each)) for part, each in zip(columns, shared, strict=True)]
    pieces = Chunk.list_pieces(iter(parts), row_start=row_start, width=width, rows=rows)
    assert [row for piece in pieces for row in range(piece.row_start, piece.row_stop)] == list(
        range(row_start, row_start + shape[1])
    )
    assert all(piece.dn.shape[1] <= rows for piece in pieces)
    np.testing.assert_array_equal(np.concatenate([piece.dn for piece in pieces], axis=1), dn)
    np.testing.assert_array_equal(np.concatenate([piece.masks[1] for piece in pieces]), mask)
    assert all(piece.masks[0] is None and piece.masks[1] is piece.masks[2] for piece in pieces)  # shared as before
    copied = pieces[-1].copy_rows(pieces[-1].row_stop - 1, pieces[-1].row_stop)
    assert copied.masks[0] is None
    assert copied.masks[1] is copied.masks[2]
    np.testing.assert_array_equal(copied.masks[1], mask[-1:])


def test_what_comes_at_once_is_not_copied_where_it_is_low_or_large(monkeypatch: pytest.MonkeyPatch) -> None:
    dn = np.zeros((2, 10, 6), np.uint16)
    for rows, whole in ((10, 10**9), (4, 0)):
        monkeypatch.setattr(chunk, "_WHOLE_BYTES", whole)
        (piece,) = Chunk.list_pieces([(dn, (None, None))], row_start=3, width=6, rows=rows)
        assert piece.dn is dn


def test_large_pieces_lie_in_memory_of_their_own() -> None:
    """So that one that is forgotten goes back to the system, whatever the heap holds beside it."""
    dn = np.arange(4 * 2**19, dtype=np.uint16).reshape(1, 4, -1)
    first, second = Chunk.list_pieces([(dn, (None,))], row_start=0, width=dn.shape[2], rows=2)
    for piece, rows in ((first, slice(0, 2)), (second, slice(2, 4))):
        base = piece.dn
        while isinstance(base, np.ndarray):
            base = base.base if base.base is not None else b""
        assert isinstance(getattr(base, "obj", base), mmap.mmap)
        np.testing.assert_array_equal(piece.dn, dn[:, rows])
        piece.dn[:] = 0  # it can be written to, as any array


def test_where_no_memory_is_left_the_error_is_the_one_that_others_know(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(mmap, "mmap", fail)
    with pytest.raises(MemoryError, match="4194304 bytes"):
        Chunk(row_start=0, dn=np.zeros((1, 2, 2**20), np.uint16), masks=(None,)).copy_rows(0, 2)
