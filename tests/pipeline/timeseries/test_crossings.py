"""Crossings of lines and transects: exact on straight shores, one a shared vertex, and the right one of several."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import CRS

from pipeline.output.classes import LAND, NODATA, OBSCURED, WATER
from pipeline.record.mapped_scene import MappedScene, read_mapped_scenes
from pipeline.timeseries.crossings import Crossings, choose_crossings, cross_lines, find_crossings
from pipeline.timeseries.transects import Transects
from tests.pipeline.mosaic.mapped_dates import LEFT, TOP, write_dates

UTM = CRS.from_epsg(32630)
Floats = NDArray[np.float64]


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


def map_shore(folder: Path, *, size: int = 120, cloud: tuple[float, float] | None = None) -> MappedScene:
    """Land in the west of a shore at 5100 m (or 600 m), cloud between two places along x."""
    shore = 5100.0 if size > 512 else 600.0

    def hide(_date: int, x: Floats, _y: Floats) -> NDArray[np.bool_]:
        return np.zeros(x.shape, bool) if cloud is None else (x > cloud[0]) & (x < cloud[1])

    write_dates(folder, [lambda x, _y: x - shore], size=size, cloudy=hide)
    (scene,) = read_mapped_scenes(folder).scenes
    return scene


def cast_eastward(x: float, y: float = 300.0) -> Transects:
    """One transect of 200 m to both sides, out to sea in the east."""
    return make_transects([[LEFT + x, TOP - y]], [[1.0, 0.0]])


def test_an_overpass_is_crossed_where_its_shore_lies(tmp_path: Path) -> None:
    found = find_crossings([map_shore(tmp_path)], cast_eastward(590))
    assert found.position_m == pytest.approx([10], abs=0.5)
    assert (found.seaward.tolist(), found.clear.tolist(), found.transect.tolist()) == ([True], [True], [0])
    assert found.place_m[0] == pytest.approx(np.arange(-200, 201, 5))
    # Classes along the transect: land up to the shore, water from there on.
    assert found.profile[0, 0] == LAND
    assert found.profile[0, -1] == WATER
    assert set(found.profile[0].tolist()) == {LAND, WATER}


def test_a_profile_runs_on_beyond_a_block_and_beyond_the_map(tmp_path: Path) -> None:
    scene = map_shore(tmp_path, size=520)  # blocks of 512 pixels: the second begins at 5120 m, the map ends at 5200 m
    found = find_crossings([scene], cast_eastward(5100, y=5110))
    ground = 5100 + found.place_m[0]
    expected = np.select([ground >= 5200, ground >= 5100], [NODATA, WATER], LAND)
    assert (found.profile[0] != expected).sum() <= 2  # at the shore itself, within a pixel
    assert found.profile[0][ground < 5090].tolist() == [LAND] * int((ground < 5090).sum())
    assert found.profile[0][ground >= 5200].tolist() == [NODATA] * int((ground >= 5200).sum())
    nowhere = find_crossings([scene], cast_eastward(9000))
    assert len(nowhere.position_m) == 0
    assert set(nowhere.profile.ravel().tolist()) == {NODATA}


@pytest.mark.parametrize(("cloud", "clear"), [((630.0, 700.0), True), ((610.0, 700.0), False)])
def test_cloud_within_twenty_metres_spoils_a_crossing(tmp_path: Path, cloud: tuple[float, float], clear: bool) -> None:
    found = find_crossings([map_shore(tmp_path, cloud=cloud)], cast_eastward(600))
    assert found.clear.tolist() == [clear]
    assert found.obstacle.tolist() == [WATER if clear else OBSCURED]


def test_where_scenes_of_an_overpass_overlap_a_shore_counts_once(tmp_path: Path) -> None:
    clouded = map_shore(tmp_path / "one", cloud=(700.0, 900.0))
    found = find_crossings([clouded, map_shore(tmp_path / "two")], cast_eastward(600))
    assert len(found.position_m) == 1
    assert OBSCURED not in found.profile  # the other scene sees the ground
