"""A shore that moved is told from a body that joined it, by edges, by length, and by what the lines say."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from pipeline.change.plane import Plane
from pipeline.change.shore_kinds import InlandShore, find_jumps, find_stubs, read_inland_shore
from pipeline.change.source import DatedCoast

NAN = float("nan")
PLANE = Plane(crs=pyproj.CRS.from_epsg(32630))


def jumps(
    shift: list[float],
    *,
    limit: float | list[float] = 10.0,
    line: list[int] | None = None,
    gone: tuple[int, ...] = (),
) -> list[int]:
    """Numbers of the samples that are found."""
    count = len(shift)
    found = find_jumps(
        np.array(shift),
        limit=np.broadcast_to(np.asarray(limit, dtype=float), count),
        line=np.array(line if line is not None else [0] * count, dtype=np.int64),
        gone=np.isin(np.arange(count), gone),
        spacing_m=10.0,
    )
    assert found.shape == (count,)
    return np.flatnonzero(found).tolist()


def stubs(
    run: list[int],
    shift: list[float] | float = 20.0,
    *,
    line: list[int] | None = None,
    unknown: tuple[int, ...] = (),
    aspect: float = 3.0,
) -> list[bool]:
    """Whether each stretch is a stub, samples lying 10 m apart."""
    number = np.array(run, dtype=np.int64)
    return find_stubs(
        number,
        length_m=np.bincount(number[number >= 0]) * 10.0,
        shift_m=np.broadcast_to(np.asarray(shift, dtype=float), len(run)),
        line=np.array(line if line is not None else [0] * len(run), dtype=np.int64),
        known=~np.isin(np.arange(len(run)), unknown),
        aspect=aspect,
    ).tolist()


def test_a_stretch_that_steps_at_both_ends_is_a_body() -> None:
    assert jumps([0, 0, 0, 100, 100, 100, 100, 100, 100, 0, 0, 0]) == [3, 4, 5, 6, 7, 8]
    assert jumps([0, 0, 0, -100, -100, -100, 0, 0, 0]) == [3, 4, 5]


def test_a_long_shore_that_moved_is_no_body_for_a_step_at_its_end() -> None:
    assert jumps([40] * 80 + [NAN], gone=(80,)) == list(range(80))  # 800 m long, 40 m wide
    assert jumps([40] * 81 + [NAN], gone=(81,)) == []
    assert jumps([0, 0, 0, *[-40] * 81, 0, 0, 0]) == []


def test_a_shore_within_its_limits_has_no_bodies() -> None:
    assert jumps([0, 5, 10, -10, 5, 0]) == []
    assert jumps([]) == []
    assert jumps([NAN, NAN]) == []


def test_a_sample_at_its_limit_is_not_beyond_it() -> None:
    assert jumps([0, 0, 0, 10, 100, 100, 100, 0, 0]) == [4, 5, 6]
    assert jumps([0, 0, 0, 10.5, 100, 100, 100, 0, 0]) == [3, 4, 5, 6]


def test_a_body_lies_off_by_three_limits_or_more() -> None:
    assert jumps([0, 0, 30, 30, 0, 0]) == [2, 3]
    assert jumps([0, 0, 29.9, 29.9, 0, 0]) == []
    limits = [10.0, 10, 20, 20, 80, 10, 10]
    assert jumps([0, 0, 60, 60, 90, 0, 0], limit=limits) == [2, 3, 4]  # three times the middle limit of the stretch


def test_an_end_is_sudden_from_two_fifths_of_the_greatest_shift_on() -> None:
    assert jumps([0, 0, 40, 80, 100, 100, 100, 0, 0]) == [2, 3, 4, 5, 6]
    assert jumps([0, 0, 39, 78, 100, 100, 100, 0, 0]) == []
    assert jumps([0, 0, 100, 100, 100, 78, 39, 0, 0]) == []


def test_the_step_is_looked_for_within_two_samples_of_the_end() -> None:
    assert jumps([0, 0, 0, 20, 100, 100, 100, 0, 0, 0]) == [3, 4, 5, 6]
    assert jumps([0, 0, 0, 20, 21, 100, 100, 100, 0, 0, 0]) == []
    wide = [10.0, 60, 10, 10, 10, 10, 10]
    assert jumps([5, 55, 70, 100, 100, 0, 0], limit=wide) == [2, 3, 4]
    wide = [10.0, 60, 60, 10, 10, 10, 10, 10]
    assert jumps([5, 55, 60, 70, 100, 100, 0, 0], limit=wide) == []


def test_a_step_from_one_line_to_the_next_is_none() -> None:
    limits = [10.0, 60, 10, 10, 10, 10, 10]
    assert jumps([5, 55, 70, 100, 100, 0, 0], limit=limits, line=[0, 1, 1, 1, 1, 1, 1]) == []


def test_the_first_two_samples_can_hold_a_step() -> None:
    assert jumps([0, 100, 100, 100, 0, 0]) == [1, 2, 3]
    assert jumps([0, 35, 70, 100, 100, 100, 0, 0]) == []


def test_one_sudden_end_is_enough_where_the_other_is_the_end_of_the_line() -> None:
    assert jumps([100, 100, 100, 0, 0]) == [0, 1, 2]
    assert jumps([0, 0, 100, 100, 100]) == [2, 3, 4]
    assert jumps([0, 0, 0, 100, 100, 100, 0, 0], line=[0, 0, 0, 1, 1, 1, 1, 1]) == [3, 4, 5]
    assert jumps([0, 0, 100, 100, 100, 0, 0, 0], line=[0, 0, 0, 0, 0, 1, 1, 1]) == [2, 3, 4]


def test_a_whole_line_that_lies_off_is_no_body() -> None:
    assert jumps([100] * 5) == []


def test_an_end_where_the_shore_is_gone_is_sudden() -> None:
    assert jumps([NAN, 100, 100, 100], gone=(0,)) == [1, 2, 3]
    assert jumps([100, 100, 100, NAN], gone=(3,)) == [0, 1, 2]


def test_an_end_that_was_not_seen_says_nothing() -> None:
    assert jumps([NAN, 100, 100, 100, 0, 0, 0]) == [1, 2, 3]
    assert jumps([NAN, 100, 100, 100, NAN]) == []
    assert jumps([0, 100, NAN]) == [1]
    assert jumps([NAN, 0, 100, 100, 100]) == [2, 3, 4]


def test_stretches_are_parted_by_a_calm_sample_a_change_of_side_and_a_new_line() -> None:
    assert jumps([0, 0, 100, 100, 0, 100, 100, 0, 0]) == [2, 3, 5, 6]
    assert jumps([0, 0, 100, 100, -20, -20, -20, 0, 0]) == [2, 3]
    assert jumps([0, 0, 0, 100, 100, 20, 20, 20, 0, 0], line=[0, 0, 0, 0, 0, 1, 1, 1, 1, 1]) == [3, 4]


def test_a_stretch_shorter_than_its_shift_allows_is_a_stub() -> None:
    assert stubs([-1, 0, 0, 0, -1], 10.01) == [True]
    assert stubs([-1, 0, 0, 0, -1], 10.0) == [False]  # 30 m is three times 10 m
    assert stubs([-1, 0, 0, 0, -1], [0, 2, -11, 3, 50]) == [True]
    assert stubs([-1, 0, 0, 0, -1], 10.0, aspect=3.1) == [True]


def test_each_stretch_is_judged_by_itself() -> None:
    run = [-1, 0, 0, 0, -1, 1, 1, 1, -1]
    assert stubs(run, [0, 20, 20, 20, 0, 5, 5, 5, 0]) == [True, False]
    assert stubs(run, [0, 5, 5, 5, 0, 20, 20, 20, 0]) == [False, True]
    assert stubs([-1, -1]) == []


def test_a_stretch_of_which_an_end_was_not_seen_is_no_stub() -> None:
    assert stubs([-1, 0, 0, 0, -1], unknown=(0,)) == [False]
    assert stubs([-1, 0, 0, 0, -1], unknown=(4,)) == [False]
    assert stubs([-1, 0, 0, 0, -1], unknown=(2,)) == [True]


def test_a_stretch_that_reaches_the_end_of_its_line_is_no_stub() -> None:
    assert stubs([0, 0, 0, -1]) == [False]
    assert stubs([-1, 0, 0, 0]) == [False]
    assert stubs([-1, 0, 0, 0, -1], line=[0, 1, 1, 1, 1]) == [False]
    assert stubs([-1, 0, 0, 0, -1], line=[0, 0, 0, 0, 1]) == [False]


def test_a_place_lies_on_an_inland_shore_up_to_five_metres_from_it() -> None:
    shore = InlandShore(tree=shapely.STRtree([shapely.LineString([(0, 0), (100, 0)])]))
    assert shore.holds(np.array([[50.0, 5.0], [50.0, 5.01], [50.0, -5.0], [105.0, 0.0]])).tolist() == [
        True, False, True, True,
    ]  # fmt: skip
    assert shore.holds(np.zeros((0, 2))).tolist() == []
    assert InlandShore(tree=shapely.STRtree([])).holds(np.zeros((2, 2))).tolist() == [False, False]


@pytest.mark.parametrize(("column", "word"), [("kind", "lake"), ("shape", "water body")])
def test_the_lines_say_which_shore_is_inland(tmp_path: Path, column: str, word: str) -> None:
    xy = np.array([[500_000.0, 5_600_000.0], [501_000.0, 5_600_000.0]])
    lines = shapely.linestrings([PLANE.compute_degrees(xy), PLANE.compute_degrees(xy + np.array([0, 500]))])
    path = tmp_path / "lines.gpkg"
    gpd.GeoDataFrame({column: ["coast", word]}, geometry=lines, crs="EPSG:4326").to_file(path, layer="shore")
    coast = DatedCoast(path=path, id="a", files=(path,), vectors=path, lines=path, layers=("shore",))
    found = read_inland_shore(coast, PLANE)
    assert len(found.tree) == 1
    assert found.holds(xy + np.array([0, 500])).all()
    assert not found.holds(xy).any()


def test_lines_that_do_not_say_are_coast(tmp_path: Path) -> None:
    path = tmp_path / "lines.gpkg"
    line = shapely.LineString([(500_000, 5_600_000), (501_000, 5_600_000)])
    gpd.GeoDataFrame({"name": ["inland"]}, geometry=[line], crs=PLANE.crs).to_file(path, layer="coastline")
    assert len(read_inland_shore(DatedCoast(path=path, id="a", files=(), lines=path), PLANE).tree) == 0
    assert len(read_inland_shore(DatedCoast(path=path, id="a", files=()), PLANE).tree) == 0
