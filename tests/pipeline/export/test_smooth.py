"""Smoothing takes nothing from land or water, parts nothing that was together, and says how far it went."""

from __future__ import annotations

import math
from collections.abc import Iterable

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import OptionError
from pipeline.export import smooth
from pipeline.export.finish import smooth_frames
from pipeline.export.smooth import count_sweeps
from tests.pipeline.export.drawn_map import draw_map

FEW = settings(max_examples=12, deadline=None)
DEGREES = ("EPSG:4326", (-1.5, 50.0), 1e-4)
SEEDS = st.integers(0, 10_000)


def find_edges(shapes: Iterable[shapely.Geometry]) -> set[tuple[tuple[float, ...], ...]]:
    """Edges of lines or of the rings of polygons, whichever way they run."""
    paths = [*shapely.get_parts(list(shapes))]
    rings = [ring for path in paths for ring in ([path.exterior, *path.interiors] if path.area else [path])]
    return {tuple(sorted(edge)) for ring in rings for edge in zip(ring.coords[:-1], ring.coords[1:], strict=True)}


@FEW
@given(SEEDS, st.sampled_from([30.0, 60.0, 120.0]), st.sampled_from([1.0, 1.5, 3.0]))
def test_areas_ends_and_shared_borders_stay(seed: int, wave_m: float, rough: float) -> None:
    before = draw_map(seed, rough=rough)
    after, moved = smooth_frames(before, wave_m)
    for name in ("water", "land"):
        old, new = before[name].geometry, after[name].geometry
        assert new.is_valid.all()
        assert new.area.to_numpy() == pytest.approx(old.area.to_numpy(), rel=1e-9, abs=1e-4)
    lines, old_lines = after["coastline"].geometry, before["coastline"].geometry
    assert lines.is_simple.all()
    # No line meets another, and each is the border of the land on its left and of the water on its right.
    parts = shapely.get_parts(shapely.union_all(lines.to_numpy()))
    assert shapely.length(parts).sum() == pytest.approx(lines.length.sum())
    together = find_edges(lines.to_numpy())
    assert together <= find_edges(after["water"].geometry.to_numpy())
    assert together <= find_edges(after["land"].geometry.to_numpy())
    assert shapely.intersection(
        shapely.union_all(after["water"].geometry.to_numpy()), shapely.union_all(after["land"].geometry.to_numpy())
    ).area == pytest.approx(0, abs=1e-4)
    is_open = ~before["coastline"]["closed"].to_numpy()
    for place in (0, -1):
        ends = [shapely.get_point(shapes.to_numpy()[is_open], place) for shapes in (lines, old_lines)]
        assert shapely.equals(*ends).all()
    far = shapely.distance(shapely.points(lines.get_coordinates().to_numpy()), shapely.union_all(old_lines.to_numpy()))
    assert far.max(initial=0) == pytest.approx(moved.max_m, abs=1e-6)
    assert far.max(initial=0) <= wave_m / 2
    assert lines.length.sum() <= old_lines.length.sum() + 1e-6


@FEW
@given(SEEDS)
def test_the_edge_of_the_data_stays_bit_for_bit(seed: int) -> None:
    before = draw_map(seed, clouds=4)
    after, _ = smooth_frames(before, 80.0)
    shore = {xy for line in before["coastline"].geometry for xy in line.coords}
    for name in ("water", "land"):
        for old, new in zip(before[name].geometry, after[name].geometry, strict=True):
            pairs = zip(shapely.get_coordinates(old).tolist(), shapely.get_coordinates(new).tolist(), strict=True)
            assert all(one == other for one, other in pairs if tuple(one) not in shore)


@pytest.mark.parametrize("seed", range(3))
def test_areas_stay_in_degrees_too(seed: int) -> None:
    before = draw_map(seed, place=DEGREES)
    after, moved = smooth_frames(before, 60.0)
    assert moved.max_m > 0
    for name in ("water", "land"):
        old, new = (frames[name].to_crs("+proj=laea +lat_0=50 +lon_0=-1.5").area for frames in (before, after))
        # The plane of equal areas is there and back to some ten micrometres.
        assert new.to_numpy() == pytest.approx(old.to_numpy(), rel=1e-6, abs=0.2)
        assert after[name].geometry.is_valid.all()


def make_wave(length_m: float, height_m: float = 1.0, spacing_m: float = 7.0) -> shapely.LineString:
    x = np.arange(0, 20 * length_m, spacing_m)
    return shapely.LineString(np.stack((x, height_m * np.sin(2 * math.pi * x / length_m)), axis=1))


@pytest.mark.parametrize(("length_m", "least", "most"), [(30, 0.0, 0.15), (60, 0.45, 0.55), (120, 0.93, 1.0)])
def test_a_wave_of_the_stated_length_loses_half_its_height(length_m: float, least: float, most: float) -> None:
    frames = {"coastline": gpd.GeoDataFrame({"id": [1]}, geometry=[make_wave(length_m)], crs="EPSG:32630")}
    places = shapely.get_coordinates(smooth_frames(frames, 60.0)[0]["coastline"].geometry.to_numpy())
    middle = places[len(places) // 4 : -len(places) // 4, 1]
    assert least <= np.abs(middle).max() <= most


def test_an_islet_becomes_round_and_keeps_its_size() -> None:
    ring = shapely.box(600000, 5600000, 600040, 5600010).segmentize(5).exterior
    frames = {"coastline": gpd.GeoDataFrame({"id": [1]}, geometry=[shapely.LineString(ring.coords)], crs="EPSG:32630")}
    after = shapely.Polygon(smooth_frames(frames, 100.0)[0]["coastline"].geometry[0].coords)
    assert after.area == pytest.approx(400, rel=1e-9)
    assert after.length < 0.8 * ring.length


def test_lines_that_would_come_to_cross_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    before = draw_map(0, rough=1.0)
    after, moved = smooth_frames(before, 120.0)
    assert moved.held > 0
    assert after["land"].geometry.is_valid.all()
    monkeypatch.setattr(smooth, "_find_crossings", lambda *_: np.zeros(0, dtype=np.int64))
    crossed, free = smooth_frames(before, 120.0)
    assert free.held == 0
    assert not (crossed["land"].geometry.is_valid.all() and crossed["water"].geometry.is_valid.all())


@pytest.mark.parametrize(("tip", "meets"), [((5.0, 1.0), False), ((5.0, -1.0), True), ((5.0, 0.0), True)])
def test_edges_that_meet_elsewhere_than_at_a_vertex_are_found(tip: tuple[float, float], meets: bool) -> None:
    xy = np.array([(0.0, 0.0), (10.0, 0.0), (5.0, 9.0), tip])
    found = smooth._find_crossings(xy, np.array([[0, 1], [2, 3]]), np.array([False, False, False, True]))
    assert found.tolist() == ([0, 1, 2, 3] if meets else [])


def test_an_edge_that_folds_back_on_its_neighbour_is_found() -> None:
    xy = np.array([(0.0, 0.0), (10.0, 0.0), (5.0, 0.0)])
    moved = np.array([False, False, True])
    assert smooth._find_crossings(xy, np.array([[0, 1], [1, 2]]), moved).tolist() == [0, 1, 2]
    straight = np.array([(0.0, 0.0), (5.0, 0.0), (10.0, 0.0)])
    assert smooth._find_crossings(straight, np.array([[0, 1], [1, 2]]), moved).tolist() == []


def test_sweeps_grow_with_the_fourth_power() -> None:
    assert count_sweeps(100, 7) == pytest.approx(16 * count_sweeps(50, 7), rel=0.1)
    assert count_sweeps(1, 7) == 1


def test_waves_that_are_too_long_are_one_clear_line() -> None:
    frames = {"coastline": gpd.GeoDataFrame({"id": [1]}, geometry=[make_wave(60)], crs="EPSG:32630")}
    with pytest.raises(OptionError, match=r"Expected up to 198 m for lines whose vertices lie 7\.0 m apart"):
        smooth_frames(frames, 900.0)


def test_lengths_are_measured_anew() -> None:
    before = draw_map(3)
    after, _ = smooth_frames(before, 60.0)
    shorter = after["coastline"]["length_m"].sum() / before["coastline"]["length_m"].sum()
    assert shorter == pytest.approx(after["coastline"].length.sum() / before["coastline"].length.sum(), rel=1e-3)
    assert (after["land"]["area_m2"] == before["land"]["area_m2"]).all()


def test_a_line_gets_the_vertex_of_a_polygon_that_is_cut_across_it() -> None:
    shore = shapely.LineString([(0, 0), (10, 1), (20, 0), (30, 2), (40, 0)])
    west = shapely.Polygon([(0, 0), (10, 1), (15, 0.5), (15, 9), (0, 9)])
    east = shapely.Polygon([(15, 0.5), (20, 0), (30, 2), (40, 0), (40, 9), (15, 9)])
    lines = gpd.GeoDataFrame({"id": [1], "length_m": [0.0]}, geometry=[shore], crs="EPSG:32630")
    land = gpd.GeoDataFrame({"id": [1, 2]}, geometry=[west, east], crs="EPSG:32630")
    after, moved = smooth_frames({"coastline": lines, "land": land}, 40.0)
    line = after["coastline"].geometry[0]
    assert (moved.vertices, len(line.coords)) == (6, 6)
    assert find_edges([line]) <= find_edges(after["land"].geometry.to_numpy())
    assert after["land"].area.sum() == pytest.approx(land.area.sum(), rel=1e-12)
