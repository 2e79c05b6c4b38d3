"""How far a straight shore has moved, to the metre, and when that counts."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from pipeline.change.faces import Faces, Shore
from pipeline.change.options import ChangeOptions
from pipeline.change.plane import Box
from pipeline.change.shift import MOVED, NO_SHORE, STEADY, Shifts, compute_shifts, join_shifts
from pipeline.change.shore_kinds import InlandShore

BOX = Box(left=0, bottom=0, right=100, top=100)
COAST = InlandShore(tree=shapely.STRtree([]))
EXACT = {"registration_m": 0.0}


def split(x: float, *, sigma: float = 0.0, east: float = 400.0) -> Faces:
    """Land in the west, water in the east of a shore of 200 m, of which the block holds 100 m."""
    return Faces(
        water=shapely.box(x, -50, east, 150),
        land=shapely.box(-400, -50, x, 150),
        shore=Shore(xy=np.array([[x, -50.0], [x, 150.0]]), sigma=np.full(2, sigma), start=np.array([0, 2])),
    )


def measure(old: Faces, new: Faces, **options: float) -> Shifts:
    return compute_shifts(old, new, BOX, ChangeOptions(**options), COAST)[0]


def states(shifts: Shifts) -> set[int]:
    return set(shifts.state.tolist())


def test_an_advance_is_positive_and_a_retreat_negative() -> None:
    ahead, back = measure(split(40), split(60)), measure(split(60), split(40))
    assert ahead.shift_m == pytest.approx(np.full(10, 20.0))
    assert back.shift_m == pytest.approx(np.full(10, -20.0))
    assert ahead.target[:, 0] == pytest.approx(np.full(10, 60.0))
    assert states(ahead) == states(back) == {MOVED}
    assert ahead.run.tolist() == [0] * 10


def test_samples_lie_half_a_step_from_the_beginning_with_ends_on_both_sides() -> None:
    found = measure(split(40), split(60))
    assert found.xy == pytest.approx(np.stack((np.full(10, 40.0), np.arange(10) * 10 + 5.0), axis=1))
    assert found.ends[:, 0, 1] == pytest.approx(np.arange(10) * 10.0)
    assert found.ends[:, 1, 1] == pytest.approx(np.arange(10) * 10.0 + 10)
    assert found.seaward == pytest.approx(np.tile([1.0, 0.0], (10, 1)))


def test_deviations_of_both_lines_and_of_registration_add_in_quadrature() -> None:
    found = measure(split(40, sigma=2), split(60, sigma=3), registration_m=6)
    assert found.sigma_old_m == pytest.approx(np.full(10, 2.0))
    assert found.sigma_new_m == pytest.approx(np.full(10, 3.0))
    assert found.sigma_m == pytest.approx(np.full(10, 7.0))


def test_a_shift_counts_beyond_its_uncertainty_alone() -> None:
    assert states(measure(split(40), split(60), registration_m=10, factor=2)) == {STEADY}
    assert states(measure(split(40), split(60.5), registration_m=10, factor=2)) == {MOVED}
    assert states(measure(split(40), split(40), **EXACT)) == {STEADY}


def test_a_shore_is_found_up_to_the_end_of_reach() -> None:
    assert states(measure(split(40), split(60), max_shift_m=20)) == {MOVED}
    assert states(measure(split(60), split(40), max_shift_m=20)) == {MOVED}
    gone = measure(split(40), split(60), max_shift_m=19.5)
    assert states(gone) == {NO_SHORE}
    assert np.isnan(gone.shift_m).all()
    assert np.isnan(gone.sigma_new_m).all()
    assert gone.run.tolist() == [-1] * 10


def test_where_the_way_to_the_end_of_reach_was_not_seen_nothing_is_said() -> None:
    assert len(measure(split(40, east=100), split(200, east=300), max_shift_m=70)) == 0
    assert states(measure(split(40, east=100), split(200, east=300), max_shift_m=60)) == {NO_SHORE}


def test_a_stretch_counts_from_its_least_length_on() -> None:
    assert states(measure(split(40), split(60), min_length_m=200)) == {MOVED}
    assert states(measure(split(40), split(60), min_length_m=201)) == {STEADY}


def test_samples_are_counted_for_the_coast_and_for_enclosed_waters() -> None:
    options = ChangeOptions()
    found, counts = compute_shifts(split(40), split(60), BOX, options, COAST)
    assert counts == (10, 0)
    assert not found.inland.any()
    lake = InlandShore(tree=shapely.STRtree([shapely.LineString([(40, -5), (40, 44)])]))
    found, counts = compute_shifts(split(40), split(60), BOX, options, lake)
    assert counts == (5, 5)
    assert found.inland.tolist() == [True] * 5 + [False] * 5


def test_a_date_without_shore_has_no_samples() -> None:
    bare = Shore(xy=np.zeros((0, 2)), sigma=np.zeros(0), start=np.zeros(1, np.int64))
    land = Faces(water=shapely.Polygon(), land=shapely.box(-400, -50, 400, 150), shore=bare)
    found, counts = compute_shifts(land, split(60), BOX, ChangeOptions(), COAST)
    assert (len(found), counts) == (0, (0, 0))
    assert states(measure(split(40), land)) == {NO_SHORE}


def test_stretches_of_several_blocks_are_numbered_through() -> None:
    moved, steady = measure(split(40), split(60)), measure(split(40), split(40))
    joined = join_shifts([moved, steady, moved.take(np.arange(2)), moved.take(np.arange(1))])
    assert joined.run.tolist() == [0] * 10 + [-1] * 10 + [1, 1] + [2]
    assert len(joined) == 23
