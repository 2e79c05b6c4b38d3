"""Transects: cast square to the shore, seaward on the right, whatever way the world is turned."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from pipeline.timeseries.transects import (
    Casting,
    TimeseriesError,
    cast_transects,
    project_lines,
    read_lines,
    read_transects,
    resolve_metric_crs,
)

UTM = CRS.from_epsg(32630)
MIDDLE = np.array([500_000, 4_600_000])
angles = st.floats(0, 2 * np.pi)


def line_at(angle: float, *, length: float = 2_000.0, shift: tuple[float, float] = (500_000.0, 4_600_000.0)) -> object:
    """A straight shore of many short steps, running towards ``angle``."""
    along = np.linspace(0, length, 101)[:, None] * [np.cos(angle), np.sin(angle)]
    return shapely.LineString(along + shift)


@settings(max_examples=40)
@given(angles, st.floats(20, 400))
def test_a_straight_shore_gets_evenly_spaced_transects_at_right_angles(angle: float, spacing: float) -> None:
    transects = cast_transects(np.array([line_at(angle)]), crs=UTM, casting=Casting(spacing_m=spacing))
    assert len(transects) == int(2_000 / spacing + 1e-6)
    np.testing.assert_allclose(transects.direction, [[np.sin(angle), -np.cos(angle)]] * len(transects), atol=1e-6)
    if len(transects) > 1:
        np.testing.assert_allclose(np.hypot(*np.diff(transects.origin, axis=0).T), spacing, atol=1e-3)


@given(st.booleans())
def test_all_transects_of_an_island_point_out_to_sea(turned: bool) -> None:
    around = np.linspace(0, 2 * np.pi, 721)  # anticlockwise: land is inside, on the left
    island = shapely.LineString(np.stack((600 * np.cos(around), 600 * np.sin(around)), axis=1) + MIDDLE)
    ring = shapely.reverse(island) if turned else island
    transects = cast_transects(np.array([ring]), crs=UTM)
    outward = ((transects.origin - MIDDLE) * transects.direction).sum(axis=1)
    np.testing.assert_allclose(outward, -600 if turned else 600, atol=0.5)


@settings(max_examples=30)
@given(angles, st.floats(-20_000, 20_000), st.floats(-20_000, 20_000))
def test_turning_and_moving_the_world_turns_and_moves_the_transects(angle: float, dx: float, dy: float) -> None:
    x = np.linspace(0, 3_000, 301)
    shore = np.stack((x, 80 * np.sin(x / 200)), axis=1)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    here = cast_transects(np.array([shapely.LineString(shore)]), crs=UTM)
    there = cast_transects(np.array([shapely.LineString(shore @ turn + [dx, dy])]), crs=UTM)
    np.testing.assert_allclose(there.origin, here.origin @ turn + [dx, dy], atol=1e-4)
    np.testing.assert_allclose(there.direction, here.direction @ turn, atol=1e-6)


def test_a_position_is_0_on_the_reference_itself_and_normals_do_not_follow_its_pixels() -> None:
    x = np.arange(0, 2_000, 10.0)
    steps = np.stack((x, 5.0 * (np.arange(len(x)) % 2)), axis=1)  # a saw of pixels about a straight shore
    line = shapely.LineString(steps)
    transects = cast_transects(np.array([line]), crs=UTM)
    assert shapely.distance(shapely.points(transects.origin), line).max() < 1e-6
    np.testing.assert_allclose(transects.direction, [[0, -1]] * len(transects), atol=0.02)


def test_given_transects_are_read_in_any_crs_with_their_names(tmp_path: Path) -> None:
    lines = [shapely.LineString([(-3.0, 43.0 + step), (-3.0, 43.002 + step)]) for step in (0.0, 0.01)]
    path = tmp_path / "lines.geojson"
    gpd.GeoDataFrame({"name": ["north", "south"]}, geometry=lines, crs="EPSG:4326").to_file(path)
    seaward, landward = read_transects(path), read_transects(path, seaward_first=True)
    assert seaward.crs.to_epsg() == 32630
    assert list(seaward.ids) == ["north", "south"]
    np.testing.assert_allclose(seaward.direction, -landward.direction)
    np.testing.assert_allclose(seaward.locate(seaward.seaward_m), landward.origin, atol=1e-6)
    np.testing.assert_allclose(seaward.seaward_m, 222.1, atol=0.3)


@pytest.mark.parametrize(
    ("lon", "lat", "epsg"),
    [(179.99, -17.0, 32760), (-179.99, -17.0, 32701), (-0.01, 50.0, 32630), (0.01, 50.0, 32631)],
)
def test_the_zone_is_that_of_the_middle_also_at_the_antimeridian(lon: float, lat: float, epsg: int) -> None:
    side = np.array([[-0.5, -0.5], [0.5, 0.5]]) + np.array([lon, lat])
    turned = np.where(
        side[:, :1] > 180, side[:, :1] - 360, np.where(side[:, :1] < -180, side[:, :1] + 360, side[:, :1])
    )
    area = np.array([shapely.LineString(np.hstack((turned, side[:, 1:])))], dtype=object)
    assert resolve_metric_crs(area, "EPSG:4326").to_epsg() == epsg


def test_the_equator_belongs_to_the_north() -> None:
    assert resolve_metric_crs(np.array([shapely.box(-3.5, -1, -2.5, 1)]), "EPSG:4326").to_epsg() == 32630
    assert resolve_metric_crs(np.array([shapely.box(-3.5, -1.1, -2.5, 1)]), "EPSG:4326").to_epsg() == 32730


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    with pytest.raises(TimeseriesError, match="at least 500 m"):
        cast_transects(np.array([line_at(0, length=300)]), crs=UTM)
    with pytest.raises(TimeseriesError, match="cannot be read"):
        read_transects(tmp_path / "none.gpkg")
    point = tmp_path / "point.geojson"
    gpd.GeoDataFrame(geometry=[shapely.Point(0, 0)], crs="EPSG:4326").to_file(point)
    with pytest.raises(TimeseriesError, match="found none among 1"):
        read_transects(point)
    with pytest.raises(TimeseriesError, match="spacing"):
        Casting(spacing_m=0)


def write_layers(path: Path, **layers: tuple[shapely.LineString, str]) -> Path:
    for name, (line, crs) in layers.items():
        frame = gpd.GeoDataFrame({"id": [name]}, geometry=gpd.GeoSeries([line], crs="EPSG:4326").to_crs(crs))
        frame.to_file(path, layer=name)
    return path


WEST, EAST = (shapely.LineString([(lon, 43.0), (lon, 43.002)]) for lon in (-3.0, -2.9))


def test_transects_of_all_layers_count_in_whatever_crs(tmp_path: Path) -> None:
    path = write_layers(tmp_path / "lines.gpkg", north=(WEST, "EPSG:4326"), south=(EAST, "EPSG:32629"))
    transects = read_transects(path)
    assert list(transects.ids) == ["north", "south"]
    np.testing.assert_allclose(transects.seaward_m, 222.1, atol=0.3)
    expected = gpd.GeoSeries([shapely.Point(EAST.coords[0])], crs="EPSG:4326").to_crs(transects.crs)
    np.testing.assert_allclose(transects.origin[1], [expected.x[0], expected.y[0]], atol=0.01)


def test_a_baseline_is_no_transect_and_is_the_reference(tmp_path: Path) -> None:
    path = write_layers(tmp_path / "lines.gpkg", cast=(WEST, "EPSG:4326"), Baseline=(EAST, "EPSG:4326"))
    with pytest.raises(TimeseriesError, match=r"found layers cast, Baseline\. .*lines\.gpkg cast\)"):
        read_transects(path)
    assert list(read_lines(path, what="reference")["id"]) == ["Baseline"]


def test_a_long_edge_of_a_reference_runs_along_its_parallel(tmp_path: Path) -> None:
    path = write_layers(tmp_path / "line.gpkg", line=(shapely.LineString([(-3.5, 60), (-2.5, 60)]), "EPSG:4326"))
    (line,) = project_lines(read_lines(path, what="reference"), UTM)
    middle = gpd.GeoSeries([shapely.Point(-3, 60)], crs="EPSG:4326").to_crs(UTM)[0]
    assert shapely.distance(line, middle) < 0.5
