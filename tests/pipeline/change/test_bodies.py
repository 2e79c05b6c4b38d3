"""Of the ground between two contours that is kept which exceeds the uncertainty: shore that moved, and bodies."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely

from pipeline.change.bodies import APPEARED, SHORE, VANISHED, Changes, compute_changes
from pipeline.change.options import ChangeOptions
from pipeline.change.plane import Plane
from pipeline.change.polygons import Pieces
from pipeline.change.shift import BODY, MOVED, NO_SHORE, STEADY, Shifts

PLANE = Plane(crs=pyproj.CRS.from_epsg(32630))
STRIP = shapely.box(0, 0, 100, 20)


def pieces(*polygons: shapely.Polygon, old_m: float = 100, new_m: float = 100, variance: float = 0) -> Pieces:
    count = len(polygons)
    return Pieces(
        polygon=np.array(polygons, dtype=object),
        at_frame=np.zeros(count, dtype=bool),
        old_m=np.full(count, old_m, dtype=float),
        new_m=np.full(count, new_m, dtype=float),
        variance=np.full(count, variance, dtype=float),
    )


def samples(shift: float = 20.0, *, state: int = MOVED, y: float = 0.0, count: int = 10, inland: int = 0) -> Shifts:
    """Places 10 m apart along ``y``, water in the north; as many as ``inland`` are of enclosed waters."""
    x = np.arange(count) * 10.0 + 5
    xy = np.stack((x, np.full(count, y)), axis=1)
    full = np.full(count, shift)
    return Shifts(
        xy=xy,
        ends=np.stack((xy - np.array([5, 0]), xy + np.array([5, 0])), axis=1),
        target=xy + np.array([0, shift]),
        shift_m=full,
        local_m=full * np.where(np.arange(count) == 3, 1.5, 1),
        sigma_old_m=np.where(np.arange(count) < count // 2, 1.0, 7.0),
        sigma_new_m=np.full(count, 3.0),
        sigma_m=np.full(count, 4.0),
        state=np.full(count, state, dtype=np.uint8),
        run=np.zeros(count, dtype=np.int64),
        seaward=np.tile([0.0, 1.0], (count, 1)),
        inland=np.arange(count) < inland,
    )


def changes(found: Pieces, shifts: Shifts, *, gained: bool = True, **options: float) -> Changes:
    return compute_changes(found, shifts, gained=gained, plane=PLANE, options=ChangeOptions(**options))


def test_ground_that_the_shore_moved_over_has_its_shift_and_its_uncertainty() -> None:
    found = changes(pieces(STRIP), samples())
    assert found.kind.tolist() == [SHORE]
    assert found.polygon[0].equals(STRIP)
    assert found.mean_shift_m.tolist() == [20]
    assert found.max_shift_m.tolist() == [30]
    assert found.least_shift_m == pytest.approx([20 - 1.96 * 4])
    assert found.shore_m.tolist() == [100]
    assert found.sigma_old_m == pytest.approx([5])  # of 1 and 7
    assert found.sigma_new_m == pytest.approx([3])
    assert found.sigma_m == pytest.approx([4])


def test_land_lost_has_negative_shifts() -> None:
    found = changes(pieces(shapely.box(0, -20, 100, 0)), samples(-20), gained=False)
    assert (found.mean_shift_m.tolist(), found.max_shift_m.tolist()) == ([-20], [-30])
    assert found.least_shift_m == pytest.approx([-(20 - 1.96 * 4)])


def test_the_least_shift_is_passed_along_the_least_length() -> None:
    one = changes(pieces(STRIP), samples(), min_length_m=10)  # a single sample is 30 m off
    assert one.least_shift_m == pytest.approx([30 - 1.96 * 4])
    longer = changes(pieces(STRIP), samples(), min_length_m=5000)  # than the shore: all of it counts
    assert longer.least_shift_m == pytest.approx([20 - 1.96 * 4])
    assert changes(pieces(shapely.box(0, 0, 100, 6)), samples(6)).least_shift_m.tolist() == [0]


def test_only_shore_that_moved_the_same_way_sweeps_ground() -> None:
    assert len(changes(pieces(STRIP), samples(), gained=False)) == 0
    assert len(changes(pieces(STRIP), samples(state=STEADY))) == 0


def test_ground_beyond_half_a_step_from_the_moved_stretch_is_left_out() -> None:
    found = changes(pieces(shapely.box(0, 0, 200, 20)), samples())
    assert found.polygon[0].bounds == (0, 0, 105, 20)


def test_a_part_is_inland_where_most_of_its_shore_is() -> None:
    assert changes(pieces(STRIP), samples(inland=5)).inland.tolist() == [False]
    assert changes(pieces(STRIP), samples(inland=6)).inland.tolist() == [True]


def test_ten_metres_of_both_shores_make_ground_between_them() -> None:
    assert changes(pieces(STRIP, old_m=10, new_m=10), samples()).kind.tolist() == [SHORE]
    assert changes(pieces(STRIP, old_m=9.9, new_m=10), samples()).kind.tolist() == [APPEARED]
    assert changes(pieces(STRIP, old_m=10, new_m=9.9), samples()).kind.tolist() == [VANISHED]


def test_a_body_is_what_has_a_shore_on_one_date_alone() -> None:
    assert changes(pieces(STRIP, old_m=0), samples()).kind.tolist() == [APPEARED]
    assert changes(pieces(STRIP, new_m=0), samples()).kind.tolist() == [VANISHED]
    assert changes(pieces(STRIP, old_m=5, new_m=5), samples()).kind.tolist() == [VANISHED]


def test_a_body_says_nothing_of_a_shift() -> None:
    found = changes(pieces(STRIP, old_m=0), samples())
    shifts = (found.mean_shift_m, found.max_shift_m, found.least_shift_m)
    for values in (*shifts, found.sigma_old_m, found.sigma_new_m, found.sigma_m):
        assert np.isnan(values).all()
    assert (found.shore_m.tolist(), found.inland.tolist()) == ([0], [False])


def test_a_body_is_wider_than_its_uncertainty() -> None:
    choice = {"factor": 2.0, "registration_m": 3.0}  # with a variance of 16, a width of 10 m: a square of 20 m
    square, larger = shapely.box(0, 0, 20, 20), shapely.box(0, 0, 20.2, 20.2)
    assert len(changes(pieces(square, old_m=0, variance=16), samples(), **choice)) == 0
    assert len(changes(pieces(larger, old_m=0, variance=16), samples(), **choice)) == 1


@pytest.mark.parametrize(("gained", "kind"), [(True, VANISHED), (False, APPEARED)])
@pytest.mark.parametrize("state", [NO_SHORE, BODY])
def test_ground_whose_old_shore_is_gone_is_a_body(state: int, gained: bool, kind: str) -> None:
    assert changes(pieces(STRIP), samples(state=state), gained=gained).kind.tolist() == [kind]


def test_a_shore_that_is_gone_touches_ground_within_a_metre() -> None:
    assert len(changes(pieces(STRIP), samples(state=NO_SHORE, y=-1.0))) == 1
    assert len(changes(pieces(STRIP), samples(state=NO_SHORE, y=-1.01))) == 0


def test_loose_ground_is_wider_than_its_uncertainty_too() -> None:
    assert len(changes(pieces(shapely.box(0, 0, 20, 20), variance=16), samples(state=NO_SHORE), registration_m=3)) == 0
    assert len(changes(pieces(shapely.box(0, 0, 21, 21), variance=16), samples(state=NO_SHORE), registration_m=3)) == 1


def test_polygons_smaller_than_the_least_area_are_left_out() -> None:
    assert len(changes(pieces(STRIP), samples(), min_area_m2=2000)) == 1
    assert len(changes(pieces(STRIP), samples(), min_area_m2=2001)) == 0
    exact = {"factor": 0.0, "registration_m": 0.0}
    assert len(changes(pieces(shapely.box(0, 0, 1, 1), old_m=0), samples(), **exact)) == 1
    assert len(changes(pieces(shapely.box(0, 0, 1, 0.99), old_m=0), samples(), **exact)) == 0


def test_polygons_are_listed_from_north_to_south_then_from_west_to_east() -> None:
    south, east, west = shapely.box(0, 0, 50, 50), shapely.box(200, 50, 250, 100), shapely.box(100, 50, 150, 100)
    found = changes(pieces(south, east, west, old_m=0), samples())
    assert found.polygon.tolist() == [west, east, south]
