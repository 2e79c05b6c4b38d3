"""Pieces that share an end become lines, whatever their order."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.mosaic.chains import Chains, link, read_chains, write_chains


@st.composite
def cut_lines(draw: st.DrawFn) -> tuple[list[tuple[list[int], bool]], np.ndarray]:
    """Lines of named vertices, open or closed, and the edges between them in any order."""
    lines, first = [], 0
    for _ in range(draw(st.integers(1, 6))):
        count, closed = draw(st.integers(2, 9)), draw(st.booleans())
        names = list(range(first, first + count))
        first += count + 1
        lines.append((names, closed))
    edges = [edge for names, closed in lines for edge in zip(names, names[1:] + names[:1] * closed, strict=False)]
    order = draw(st.permutations(range(len(edges))))
    return lines, np.array([edges[place] for place in order], dtype=np.int64)


@given(cut_lines())
def test_every_line_comes_back_once_and_whole(case: tuple[list[tuple[list[int], bool]], np.ndarray]) -> None:
    lines, edges = case
    linked = link(edges)
    assert sorted(linked.order.tolist()) == list(range(len(edges)))
    found = []
    for first, last, closed in zip(linked.start[:-1], linked.start[1:], linked.closed, strict=True):
        pieces = edges[linked.order[first:last]]
        assert (pieces[1:, 0] == pieces[:-1, 1]).all()
        assert closed == (pieces[0, 0] == pieces[-1, 1])
        names = [*pieces[:, 0].tolist(), int(pieces[-1, 1])]
        found.append((frozenset(names), bool(closed)))
        if not closed:
            assert names == sorted(names)
    assert sorted(found, key=str) == sorted(((frozenset(names), closed) for names, closed in lines), key=str)


def test_unrolled_edges_are_vertices_with_the_last_one_at_the_end() -> None:
    edges = np.array([[5, 6], [1, 2], [6, 7], [2, 1]], dtype=np.int64)
    piece, is_last, start = link(edges).unroll()
    names = np.where(is_last, edges[piece, 1], edges[piece, 0])
    lines = {tuple(names[a:b].tolist()) for a, b in pairwise(start)}
    assert lines in ({(5, 6, 7), (1, 2, 1)}, {(5, 6, 7), (2, 1, 2)})


def test_nothing_to_link() -> None:
    linked = link(np.zeros((0, 2), np.int64))
    assert len(linked.order) == len(linked.closed) == 0


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    chains = Chains(
        xy=rng.normal(size=(5, 2)),
        slope=rng.random(5, dtype=np.float32),
        error=rng.random(5, dtype=np.float32),
        source=np.arange(5, dtype=np.uint32),
        observations=np.arange(5, dtype=np.uint16),
        start=np.array([0, 2, 5]),
        ends=np.array([[1, 2], [3, 4]]),
        reasons=np.array([[0, 1], [2, 3]], dtype=np.uint8),
    )
    write_chains(tmp_path / "chains.npz", chains)
    found = read_chains(tmp_path / "chains.npz")
    for name in ("xy", "slope", "error", "source", "observations", "start", "ends", "reasons"):
        np.testing.assert_array_equal(getattr(found, name), getattr(chains, name))
    assert [path.name for path in tmp_path.iterdir()] == ["chains.npz"]
