"""Grey islets near cloud and ships are hidden, islands and quays stay, however the rows are cut."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.clock import StageClock
from pipeline.predict import islets
from pipeline.predict.islets import IsletRule, hide_islets
from pipeline.predict.looks import GREEN, GREY
from pipeline.predict.quicklook import Cells
from pipeline.predict.tile import MappedRows
from tiles.masks import NODATA, OBSCURED, VALID

SIZE = 300
"""Pixels of 20 m: 6 km a side; a margin is 50 + 100 + 3 + 1 rows."""


def make_sea(size: int = SIZE) -> MappedRows:
    """Water, and nothing else."""
    shape = (size, size)
    return MappedRows(
        row_off=0,
        probability=np.full(shape, 0.99, dtype=np.float32),
        state=np.full(shape, VALID, dtype=np.uint8),
        look=np.zeros(shape, dtype=np.uint8),
    )


def draw(sea: MappedRows, row: int, col: int, height: int, width: int, *, look: int = 0) -> None:
    """Land in the sea."""
    assert sea.look is not None
    sea.probability[row : row + height, col : col + width] = 0.1
    sea.look[row : row + height, col : col + width] = look


def hide(sea: MappedRows, cuts: Sequence[int] = (), *, pixel_m: float = 20) -> MappedRows:
    """The whole map again."""
    rule = IsletRule(threshold=0.5, width_m=pixel_m, height_m=pixel_m, rows=len(sea.state))

    def cut() -> Iterator[MappedRows]:
        edges = [0, *sorted({cut for cut in cuts if 0 < cut < len(sea.state)}), len(sea.state)]
        for start, stop in pairwise(edges):
            assert sea.look is not None
            part = slice(start, stop)
            yield replace(
                sea, row_off=start, probability=sea.probability[part], state=sea.state[part], look=sea.look[part]
            )

    rows = list(hide_islets(cut(), rule, clock=StageClock()))
    assert [each.row_off for each in rows] == np.cumsum([0, *(len(each.state) for each in rows[:-1])]).tolist()
    whole = {name: np.concatenate([getattr(each, name) for each in rows]) for name in ("probability", "state", "look")}
    counts = {name: sum(getattr(each, name) for each in rows) for name in ("clouds", "vessels")}
    return replace(sea, **whole, **counts)


def list_hidden(before: MappedRows, after: MappedRows) -> NDArray[np.bool_]:
    hidden: NDArray[np.bool_] = (after.state == OBSCURED) & (before.state == VALID)
    assert np.isnan(after.probability[hidden]).all()
    np.testing.assert_array_equal(after.probability[~hidden], before.probability[~hidden])
    return hidden


def draw_cloud(sea: MappedRows, row: int = 60, col: int = 60) -> None:
    sea.state[row : row + 10, col : col + 10] = OBSCURED
    sea.probability[row : row + 10, col : col + 10] = np.nan


def test_a_grey_islet_near_cloud_is_a_cloud_and_elsewhere_stays() -> None:
    sea = make_sea()
    draw_cloud(sea)
    draw(sea, 100, 100, 20, 20, look=GREY)  # 400 m
    draw(sea, 250, 250, 20, 20, look=GREY)  # the same, 3.6 km away
    draw(sea, 100, 40, 20, 20)  # sand
    draw(sea, 40, 100, 12, 12, look=GREEN)
    after = hide(sea)
    expected = np.zeros((SIZE, SIZE), dtype=bool)
    expected[100:120, 100:120] = True
    np.testing.assert_array_equal(list_hidden(sea, after), expected)
    assert (after.clouds, after.vessels) == (1, 0)


@pytest.mark.parametrize(("height", "width", "hidden"), [(3, 3, True), (2, 300, False), (300, 2, False), (1, 1, False)])
def test_specks_and_threads_of_cloud_doubt_no_islet(height: int, width: int, hidden: bool) -> None:
    sea = make_sea()
    draw(sea, 100, 100, 20, 20, look=GREY)
    rows, cols = (slice(0, 300) if size == 300 else slice(60, 60 + size) for size in (height, width))
    sea.state[rows, cols], sea.probability[rows, cols] = OBSCURED, np.nan
    assert hide(sea).clouds == int(hidden)


def test_what_touches_the_cloud_is_doubted_too() -> None:
    sea = make_sea()
    draw_cloud(sea)
    draw(sea, 60, 70, 10, 3, look=GREY)
    after = hide(sea)
    assert list_hidden(sea, after).sum() == 30
    assert after.clouds == 1


@pytest.mark.parametrize(
    ("height", "width", "look", "hidden"),
    [
        (1, 6, 0, True),  # a red hull
        (1, 1, GREY, True),
        (2, 2, GREY, True),
        (1, 1, 0, False),  # a rock
        (3, 3, 0, False),
        (1, 6, GREEN, False),
        (1, 24, GREY, False),  # 480 m
        (5, 20, GREY, False),  # 100 m wide
    ],
)
def test_vessels_by_shape_and_look(height: int, width: int, look: int, hidden: bool) -> None:
    sea = make_sea()
    draw(sea, 150, 150, height, width, look=look)
    after = hide(sea)
    assert list_hidden(sea, after).sum() == (height * width if hidden else 0)
    assert (after.clouds, after.vessels) == (0, int(hidden))


def test_a_slanting_ship_is_as_slender_as_another() -> None:
    sea = make_sea()
    for step in range(12):
        draw(sea, 150 + step, 150 + step, 1, 2)
    after = hide(sea)
    assert list_hidden(sea, after).sum() == 24
    assert after.vessels == 1


def test_in_pixels_of_60_m_a_ship_has_no_shape() -> None:
    sea = make_sea()
    draw(sea, 150, 150, 1, 5, look=GREY)
    assert not list_hidden(sea, hide(sea, pixel_m=60)).any()


def test_beside_land_a_quay_stays_and_beside_another_ship_a_ship_does_not() -> None:
    sea = make_sea()
    draw(sea, 0, 0, SIZE, 100)
    draw(sea, 150, 104, 1, 6, look=GREY)  # 80 m from land
    draw(sea, 200, 106, 1, 6, look=GREY)  # 120 m
    draw(sea, 250, 200, 1, 6, look=GREY)
    draw(sea, 252, 200, 1, 6, look=GREY)
    draw(sea, 150, 250, 12, 12, look=GREEN)  # an island, green and so for sure
    draw(sea, 150, 265, 1, 6, look=GREY)
    hidden = list_hidden(sea, hide(sea))
    assert not hidden[150].any()
    assert [int(hidden[row].sum()) for row in (200, 250, 252)] == [6, 6, 6]


def test_what_is_not_wholly_seen_stays() -> None:
    sea = make_sea()
    draw(sea, 150, 0, 1, 6, look=GREY)
    draw(sea, 0, 150, 6, 1, look=GREY)
    draw(sea, SIZE - 6, 150, 6, 1, look=GREY)
    draw(sea, 150, SIZE - 6, 1, 6, look=GREY)
    draw(sea, 100, 150, 1, 6, look=GREY)
    sea.state[101, 156] = NODATA  # at its corner
    assert not list_hidden(sea, hide(sea)).any()


def test_without_looks_nothing_is_hidden() -> None:
    sea = replace(make_sea(), look=None)
    sea.probability[150, 150:156] = 0.1
    rule = IsletRule(threshold=0.5, width_m=20, height_m=20, rows=SIZE)
    (after,) = hide_islets([sea], rule, clock=StageClock())
    np.testing.assert_array_equal(after.state, sea.state)


def test_what_goes_to_the_picture_goes_once_and_in_order() -> None:
    sea = make_sea(900)
    cells = [Cells(layer=k, row=0, col=0, total=np.zeros((1, 1)), count=np.zeros((1, 1))) for k in range(9)]
    assert sea.look is not None
    parts = [
        MappedRows(
            row_off=100 * k,
            probability=sea.probability[100 * k : 100 * k + 100],
            state=sea.state[100 * k : 100 * k + 100],
            look=sea.look[100 * k : 100 * k + 100],
            cells=(cells[k],),
        )
        for k in range(9)
    ]
    rule = IsletRule(threshold=0.5, width_m=20, height_m=20, rows=900)
    rows = list(hide_islets(parts, rule, clock=StageClock()))
    assert len(rows) > 1
    assert [each.layer for row in rows for each in row.cells] == list(range(9))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 899), max_size=12), st.sampled_from([100, 333, 900]))
def test_the_answer_does_not_depend_on_how_rows_and_columns_are_cut(
    seed: int, cuts: list[int], block_cols: int
) -> None:
    rng = np.random.default_rng(seed)
    sea = make_sea(900)
    for _ in range(3):
        draw_cloud(sea, *rng.integers(0, 880, 2).tolist())
    for _ in range(60):
        (row, col), (height, width) = rng.integers(0, 880, 2).tolist(), rng.integers(1, 14, 2).tolist()
        draw(sea, row, col, height, width, look=int(rng.choice([0, GREY, GREY, GREEN])))
    for size in rng.integers(1, 6, 40).tolist():
        row, col = rng.integers(0, 880, 2).tolist()
        sea.state[row : row + size, col : col + size], sea.probability[row : row + size, col : col + size] = 2, np.nan
    sea.state[rng.random(sea.state.shape) < 1e-5] = NODATA
    whole = hide(sea)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(islets, "_BLOCK_COLS", block_cols)
        parts = hide(sea, cuts)
    np.testing.assert_array_equal(parts.state, whole.state)
    np.testing.assert_array_equal(parts.probability, whole.probability)
    assert (parts.clouds, parts.vessels) == (whole.clouds, whole.vessels)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(200, 420))
def test_a_part_that_sees_its_margin_answers_like_the_whole(seed: int, start: int) -> None:
    rng = np.random.default_rng(seed)
    sea = make_sea(700)
    for _ in range(4):
        draw_cloud(sea, *rng.integers(0, 680, 2).tolist())
    for _ in range(80):
        (row, col), (height, width) = rng.integers(0, 640, 2).tolist(), rng.integers(1, 60, 2).tolist()
        draw(sea, row, col, height, width, look=int(rng.choice([0, GREY, GREY, GREEN])))
    rule = IsletRule(threshold=0.5, width_m=20, height_m=20, rows=700)
    whole, counts = hide(sea), {"clouds": 0, "vessels": 0}
    for own in (range(start), range(start, 700)):
        seen = slice(max(0, own.start - rule.margin_cols), min(700, own.stop + rule.margin_cols))
        assert sea.look is not None
        part = replace(sea, probability=sea.probability[:, seen], state=sea.state[:, seen], look=sea.look[:, seen])
        kept = slice(own.start - seen.start, own.stop - seen.start)
        (after,) = hide_islets([part], replace(rule, counted=range(kept.start, kept.stop)), clock=StageClock())
        np.testing.assert_array_equal(after.state[:, kept], whole.state[:, own.start : own.stop])
        counts["clouds"] += after.clouds
        counts["vessels"] += after.vessels
    assert counts == {"clouds": whole.clouds, "vessels": whole.vessels}


@pytest.mark.parametrize("has_look", [True, False])
def test_rows_that_were_passed_on_are_not_kept_while_the_next_are_waited_for(has_look: bool) -> None:
    kept: list[bool] = []

    def give() -> Iterator[MappedRows]:
        before: list[weakref.ref[NDArray[np.float32]]] = []
        for first in range(0, 1200, 400):
            kept.append(any(each() is not None for each in before))
            part = make_sea(400)
            before.append(weakref.ref(part.probability))
            yield replace(part, row_off=first, look=part.look if has_look else None)
            del part

    rule = IsletRule(threshold=0.5, width_m=20, height_m=20, rows=1200)
    for rows in hide_islets(give(), rule, clock=StageClock()):
        del rows
    assert kept == [False, False, False]
