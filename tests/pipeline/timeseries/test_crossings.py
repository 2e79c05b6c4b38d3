"""Crossings of lines and transects: exact on straight shores, one a shared vertex, and the right one of several."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from pipeline.output.classes import LAND, NODATA, OBSCURED, WATER
from pipeline.timeseries.crossings import Crossings, choose_crossings, cross_lines
from pipeline.timeseries.transects import Transects

UTM = CRS.from_epsg(32630)


def make_transects(origin: list[list[float]], direction: list[list[float]], *, reach: float = 200.0) -> Transects:
    count = len(origin)
    side = np.full(count, reach)
    return Transects(
        ids=np.array([str(number) for number in range(count)], dtype=object),
        origin=np.array(origin, float),
        direction=np.array(direction, float),
        landward_m=side,
        seaward_m=side,
        crs=UTM,
    )


def make_frame(*lines: list[list[float]] | np.ndarray, sigma: float = 2.0) -> gpd.GeoDataFrame:
    geometry = [shapely.LineString(line) for line in lines]
    return gpd.GeoDataFrame({"uncertainty_mean_m": [sigma] * len(lines)}, geometry=geometry, crs=UTM)


@settings(max_examples=50)
@given(st.floats(0, 6.28), st.floats(-150, 150), st.floats(-1.2, 1.2), st.floats(-1e5, 1e5))
def test_a_straight_shore_is_crossed_where_it_lies_whatever_way_the_world_is_turned(
    turn: float, position: float, slant: float, shift: float
) -> None:
    ahead, aside = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    middle = np.array([shift, -shift])
    run = aside * np.cos(slant) + ahead * np.sin(slant)  # land is on its left, behind the transect's origin
    shore = [middle + position * ahead + step * run for step in (-900.0, -1.0, 700.0)]
    transects = make_transects([middle.tolist()], [ahead.tolist()])
    crossed = cross_lines(make_frame(np.array(shore)), transects)
    assert crossed.position_m == pytest.approx([position], abs=1e-6)
    assert crossed.seaward.tolist() == [True]
    assert crossed.sigma_m == pytest.approx([2.0 / np.cos(slant)], rel=1e-6)
    turned = cross_lines(make_frame(np.array(shore[::-1])), transects)
    assert turned.position_m == pytest.approx([position], abs=1e-6)
    assert turned.seaward.tolist() == [False]


@pytest.mark.parametrize("corner", [0.0, 7.0])
def test_a_vertex_on_the_transect_counts_once_and_a_touching_one_not_at_all(corner: float) -> None:
    transects = make_transects([[0, 0]], [[1, 0]])
    through = make_frame([[50, -100], [50 + corner, 0], [50, 100]])
    assert cross_lines(through, transects).position_m == pytest.approx([50 + corner])
    touching = make_frame([[50, 100], [60, 0], [70, 100]])
    assert len(cross_lines(touching, transects).position_m) in (0, 2)
    along = make_frame([[50, -10], [50, 0], [80, 0], [80, 10]])
    assert len(cross_lines(along, transects).position_m) == 1


def test_beyond_the_ends_nothing_is_crossed_and_no_line_is_no_crossing() -> None:
    transects = make_transects([[0, 0]], [[1, 0]], reach=100)
    assert len(cross_lines(make_frame([[101, -10], [101, 10]]), transects).position_m) == 0
    assert len(cross_lines(make_frame(), transects).position_m) == 0


def make_date(
    *positions: float, profile: dict[float, int] | None = None, clear: bool = True, far_banks: tuple[float, ...] = ()
) -> Crossings:
    """What one transect of 200 m each way sees on one date; classes of the profile from a position on."""
    place = np.arange(-200, 201, 5.0)
    classes = np.full(len(place), LAND, np.uint8)
    for start, value in sorted((profile or {0.0: WATER}).items()):
        classes[place >= start] = value
    all_positions = np.array([*positions, *far_banks], float)
    count = len(all_positions)
    return Crossings(
        transect=np.zeros(count, np.int64),
        position_m=all_positions,
        sigma_m=np.ones(count),
        seaward=np.arange(count) < len(positions),
        clear=np.full(count, clear),
        obstacle=np.full(count, LAND if clear else OBSCURED, np.uint8),
        profile=classes[None],
        place_m=place[None],
    )


def test_of_several_shores_the_policy_chooses_and_far_banks_never_count() -> None:
    usual = [make_date(10.0), make_date(12.0), make_date(11.0)]
    several = make_date(-80.0, 9.0, 120.0, far_banks=(-70.0, 100.0))
    for policy, expected in (("nearest", 9.0), ("landward", -80.0), ("seaward", 120.0)):
        found = choose_crossings([*usual, several], 1, policy=policy)  # type: ignore[arg-type]
        assert found.position_m[0].tolist() == [10.0, 12.0, 11.0, expected]
        assert found.crossings[0].tolist() == [1, 1, 1, 3]
    bank = choose_crossings([make_date(far_banks=(5.0,))], 1)
    assert np.isnan(bank.position_m).all()
    assert "land landward" in bank.reason[0, 0]


@pytest.mark.parametrize(
    ("date", "reason"),
    [
        (make_date(10.0, clear=False), "cloud within 20 m of the crossing"),
        (make_date(profile={-20.0: OBSCURED, 60.0: WATER}), "cloud on the transect"),
        (make_date(profile={0.0: NODATA}), "nodata on the transect"),
        (make_date(profile={-200.0: NODATA}), "outside the scene"),
        (make_date(profile={-200.0: WATER}), "all water"),
        (make_date(profile={200.1: WATER}), "all land"),
        (make_date(150.0, profile={0.0: OBSCURED, 40.0: WATER}), "cloud where the shore may be"),
    ],
)
def test_what_hides_the_shore_is_the_reason(date: Crossings, reason: str) -> None:
    found = choose_crossings([make_date(10.0), make_date(12.0), make_date(11.0), date], 1)
    assert np.isnan(found.position_m[0, 3])
    assert found.reason[0, 3] == reason
    assert (found.reason[0, :3] == "").all()


def test_cloud_far_from_the_shore_hides_nothing() -> None:
    found = choose_crossings([make_date(10.0, profile={10.0: WATER, 120.0: OBSCURED})] * 3, 1)
    assert found.position_m.tolist() == [[10.0, 10.0, 10.0]]
    seaward = choose_crossings([make_date(10.0, profile={10.0: WATER, 120.0: OBSCURED})], 1, policy="seaward")
    assert seaward.reason[0, 0] == "cloud where the shore may be"
