"""Stretches of a line by the kind of water beside them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.trace.line_runs import Runs, look_beside, split_line
from pipeline.trace.waters import RIVER, SEA


def split(text: str, step_m: float, *, closed: bool = False) -> Runs:
    """A line whose vertices are sea (s), river (r) or not known (.), some metres apart."""
    code = np.array([{"s": SEA, "r": RIVER, ".": 0}[letter] for letter in text], dtype=np.uint8)
    return split_line(code, np.full(len(code) - 1, step_m), closed=closed)


@pytest.mark.parametrize(
    ("text", "begin", "kind"),
    [
        ("ssssssss", [0], [SEA]),
        ("rrrrrrrr", [0], [RIVER]),
        ("ssssssssrrrrrrrr", [0, 8], [SEA, RIVER]),
        ("ssssssssrrrrrrrrssssssss", [0, 8, 16], [SEA, RIVER, SEA]),
        ("ssssssssrrssssss", [0], [SEA]),  # 200 m of river are none
        ("rrssssssss", [0], [SEA]),
        ("ssssssss..rrrrrrrr", [0, 9], [SEA, RIVER]),  # half of what is not known goes to either side
        ("..ssssssss", [0], [SEA]),
        ("........", [0], [SEA]),
        ("ssssss" + 70 * "." + "ssssss", [0, 6, 76], [SEA, RIVER, SEA]),  # 7 km up and down a ditch
        ("ssssss" + 40 * "." + "ssssss", [0], [SEA]),
    ],
)
def test_open_lines(text: str, begin: list[int], kind: list[int]) -> None:
    runs = split(text, 100)
    assert (runs.begin.tolist(), runs.kind.tolist()) == (begin, kind)


@pytest.mark.parametrize(
    ("text", "begin", "kind"),
    [
        ("sssssssss", [0], [SEA]),
        ("ssssssssrrrrrrrrs", [0, 8], [SEA, RIVER]),  # the first vertex is the last
        ("rrrssssssssrrrr", [3, 11], [SEA, RIVER]),
        ("rrssssssssr", [0], [SEA]),
    ],
)
def test_closed_lines(text: str, begin: list[int], kind: list[int]) -> None:
    runs = split(text, 100, closed=True)
    assert (runs.begin.tolist(), runs.kind.tolist()) == (begin, kind)


@given(st.text("sr.", min_size=3, max_size=60), st.booleans(), st.sampled_from([20.0, 130.0, 600.0]))
@settings(deadline=None)
def test_pieces_follow_each_other_and_are_the_line(text: str, closed: bool, step_m: float) -> None:
    text = text + text[0] if closed else text
    runs = split(text, step_m, closed=closed)
    vertex = np.arange(len(text)) if not closed else np.append(np.arange(len(text) - 1), 0)
    pieces = runs.cut(vertex)
    if len(runs.kind) == 1:
        assert runs.lengths.tolist() == [len(text)]
        return
    edges = [tuple(pair) for piece in pieces for pair in pairwise(piece)]
    assert sorted(edges) == sorted(pairwise(vertex))
    assert all(one[-1] == other[0] for one, other in pairwise(pieces))
    assert (runs.kind[1:] != runs.kind[:-1]).all()
    assert (pieces[-1][-1] == pieces[0][0]) == closed
    lengths = [step_m * (len(piece) - 1) for piece in pieces]
    assert min(lengths[1:-1], default=1e9) >= 500


def test_water_is_looked_for_on_the_right() -> None:
    cells: NDArray[np.uint8] = np.zeros((4, 4), dtype=np.uint8)
    cells[2:, :] = SEA  # in the south
    east = np.stack((np.linspace(0.5, 3.5, 7), np.full(7, 2.0)), axis=1)
    start = np.array([0, 7])
    assert (look_beside(east, start, cells) == SEA).all()
    cells[:2, :] = RIVER
    assert (look_beside(east[::-1], start, cells) == RIVER).all()
    assert (look_beside(east, start, cells) == SEA).all()


def test_beside_a_ditch_no_cell_tells() -> None:
    cells: NDArray[np.uint8] = np.zeros((4, 4), dtype=np.uint8)
    cells[0, 0] = SEA
    line = np.stack((np.full(4, 3.0), np.arange(4.0)), axis=1)
    assert not look_beside(line, np.array([0, 4]), cells).any()
    assert look_beside(line[:, ::-1] + 9, np.array([0, 4]), cells).tolist() == [0, 0, 0, 0]  # beyond the last cells
