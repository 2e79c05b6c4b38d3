from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tiles.simulate.world.waterline import compute_area_share, join_lines, trace_lines

STEPS = np.arange(41) / 4  # ten pixels, four nodes each


def disc(radius: float, x: float = 5.0, y: float = 5.0) -> NDArray[np.float64]:
    """Distance inside a disc of water, on the nodes of ten by ten pixels."""
    return np.asarray(radius - np.hypot(STEPS[None, :] - x, STEPS[:, None] - y) + 1e-9)


def signed_area(line: NDArray[np.float64]) -> float:
    """Area of a closed line as a north-up map shows it: positive where it turns to the left."""
    x, y = line[:, 0], -line[:, 1]
    return float(0.5 * np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))


@settings(max_examples=30, deadline=None)
@given(radius=st.floats(1.0, 4.0), x=st.floats(4.5, 5.5), y=st.floats(4.5, 5.5))
def test_the_shares_of_pixels_add_up_to_the_area_of_the_polygon(radius: float, x: float, y: float) -> None:
    field = disc(radius, x, y)
    shares = compute_area_share(field[None], 4)[0]
    line = trace_lines(field)[0] / 4
    assert shares.shape == (10, 10)
    assert float(shares.sum()) == pytest.approx(abs(signed_area(line)), rel=1e-5)
    assert float(shares.sum()) == pytest.approx(np.pi * radius**2, rel=0.02)


@settings(max_examples=60, deadline=None)
@given(corners=st.lists(st.floats(-4, 4).filter(lambda v: abs(v) > 1e-3), min_size=4, max_size=4))
def test_the_shares_of_a_square_and_of_its_negative_add_up_to_one(corners: list[float]) -> None:
    square = np.array(corners).reshape(1, 2, 2)
    # A saddle whose middle is exactly 0 has no side.
    if abs(square.sum()) > 1e-6:
        total = compute_area_share(square, 1) + compute_area_share(-square, 1)
        np.testing.assert_allclose(total, 1.0, atol=1e-5)


@settings(max_examples=60, deadline=None)
@given(corners=st.lists(st.floats(-4, 4).filter(lambda v: abs(v) > 1e-3), min_size=9, max_size=9))
def test_saddles_are_cut_as_the_line_cuts_them(corners: list[float]) -> None:
    # Nine nodes in a ring of land: every line is closed, saddles included.
    nodes = np.pad(np.array(corners).reshape(3, 3), 1, constant_values=-1.0)
    lines = trace_lines(nodes)
    water = -sum(signed_area(line) for line in lines)
    assert float(compute_area_share(nodes[None], 1).sum()) == pytest.approx(water, abs=1e-4)


def test_land_lies_on_the_left_of_travel() -> None:
    (lake,) = trace_lines(disc(3.0))
    (island,) = trace_lines(-disc(3.0))
    assert signed_area(lake) < 0 < signed_area(island)


@settings(max_examples=40, deadline=None)
@given(cuts=st.lists(st.integers(1, 30), max_size=6), order=st.randoms(use_true_random=False), closed=st.booleans())
def test_pieces_of_a_line_are_joined_into_the_line(cuts: list[int], order: object, closed: bool) -> None:
    angle = np.linspace(0, 2 * np.pi if closed else 5.0, 32)
    whole = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    whole[-1] = whole[0] if closed else whole[-1]
    edges = [0, *sorted(set(cuts)), 31]
    pieces = [whole[start : stop + 1] for start, stop in itertools.pairwise(edges)]
    order.shuffle(pieces)  # type: ignore[attr-defined]
    (line,) = join_lines(pieces)
    assert len(line) == len(whole)
    if closed:
        np.testing.assert_array_equal(line[0], line[-1])
        assert signed_area(line) == pytest.approx(signed_area(whole))
    else:
        np.testing.assert_array_equal(line, whole)


def test_lines_that_do_not_meet_stay_apart() -> None:
    pieces = [np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([[1.0, 0.001], [2.0, 0.0]])]
    assert len(join_lines(pieces)) == 2
