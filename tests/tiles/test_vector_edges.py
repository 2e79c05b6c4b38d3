"""Edges stay where they were drawn, whatever the CRS: each point of the scene is asked in the CRS of the polygon."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tiles.vector_edges import Bounds, compute_period, cut_edges, project_shapes

CRS84 = pyproj.CRS("OGC:CRS84")
SIDE_M, TOLERANCE_M = 30_000.0, 1.0


def list_points(bounds: Bounds) -> np.ndarray:
    left, bottom, right, top = bounds
    x, y = np.meshgrid(np.linspace(left, right, 41), np.linspace(bottom, top, 41))
    return np.column_stack([x.ravel(), y.ravel()])


def assert_same_ground(shape: shapely.Geometry, src: pyproj.CRS, dst: pyproj.CRS, bounds: Bounds) -> None:
    """Points of the bounds lie within the projected shape where, brought to its own CRS, they lie within the shape."""
    parts = np.asarray(shapely.get_parts(shape), dtype=object)
    projected = project_shapes(parts, src, dst, tolerance=TOLERANCE_M, bounds=bounds)
    whole = shapely.union_all(projected)
    points = list_points(bounds)
    x, y = pyproj.Transformer.from_crs(dst, src, always_xy=True).transform(*points.T)
    turns = [0.0] if (period := compute_period(src)) is None else [-period, 0.0, period]
    expected = np.any([shapely.contains_xy(shape, x + turn, y) for turn in turns], axis=0)
    clear = shapely.distance(shapely.boundary(whole), shapely.points(points)) > 2 * TOLERANCE_M
    np.testing.assert_array_equal(shapely.contains_xy(whole, *points.T)[clear], expected[clear])
    assert shapely.get_num_coordinates(projected).sum() < 2000


def make_scene(lon: float, lat: float) -> tuple[pyproj.CRS, Bounds]:
    """A UTM scene of 30 km around a place."""
    zone = int((lon + 180) // 6) % 60 + 1
    crs = pyproj.CRS.from_epsg((32600 if lat >= 0 else 32700) + zone)
    x, y = pyproj.Transformer.from_crs(CRS84, crs, always_xy=True).transform(lon, lat)
    return crs, (x - SIDE_M / 2, y - SIDE_M / 2, x + SIDE_M / 2, y + SIDE_M / 2)


@settings(max_examples=60)
@given(
    lon=st.floats(-180, 179.9),
    lat=st.floats(-75, 75),
    west=st.floats(0.01, 20),
    east=st.floats(0.01, 20),
    slant=st.floats(-4, 4),
)
def test_a_long_edge_in_degrees_covers_what_it_covers_in_degrees(
    lon: float, lat: float, west: float, east: float, slant: float
) -> None:
    crs, bounds = make_scene(lon, lat)
    below = [(lon - west, lat - slant), (lon + east, lat + slant)]  # through the middle of the scene, more or less
    shape = shapely.Polygon([*below, (lon + east, 89.0), (lon - west, 89.0)])
    hole = shapely.box(lon - west / 3, lat + 0.05, lon + east / 3, lat + 0.1)
    assert_same_ground(shape.difference(hole), CRS84, crs, bounds)


@settings(max_examples=15)
@given(
    code=st.sampled_from(["EPSG:3857", "EPSG:3035", "EPSG:32630", "EPSG:4258", "EPSG:4807", "EPSG:3395", "EPSG:8857"]),
    lon=st.floats(-4, 14),
    lat=st.floats(36, 62),
    turn=st.floats(0, np.pi),
    reach=st.floats(1e3, 4e5),
)
def test_a_long_edge_in_any_crs_covers_what_it_covers_there(
    code: str, lon: float, lat: float, turn: float, reach: float
) -> None:
    src = pyproj.CRS(code)
    crs, bounds = make_scene(lon, lat)
    centre = np.array(pyproj.Transformer.from_crs(CRS84, src, always_xy=True).transform(lon, lat))
    unit = (compute_period(src) or 4e7) / 4e7  # of grads, degrees or metres
    along, aside = np.array([np.cos(turn), np.sin(turn)]), np.array([-np.sin(turn), np.cos(turn)])
    corners = np.array([-along, along, along + aside, -along + aside])
    assert_same_ground(shapely.Polygon(centre + reach * unit * corners), src, crs, bounds)


@pytest.mark.parametrize(
    "shape",
    [
        shapely.box(179.8, -17.3, 180.2, -17.0),  # as maps that scroll write it
        shapely.box(-180.2, -17.3, -179.8, -17.0),
        shapely.MultiPolygon([shapely.box(179.8, -17.3, 180, -17.0), shapely.box(-180, -17.3, -179.8, -17.0)]),
        shapely.box(-180, -17.3, 180, -17.0),  # around the world
    ],
    ids=["beyond 180", "beyond -180", "cut at 180", "around the world"],
)
@pytest.mark.parametrize("epsg", [32701, 32760, 4326, 4258])
def test_the_antimeridian_is_no_edge(shape: shapely.Geometry, epsg: int) -> None:
    dst = pyproj.CRS.from_epsg(epsg)
    corners = shapely.box(179.9, -17.2, 180.1, -17.05)
    xy = shapely.get_coordinates(corners)
    if not dst.is_geographic:
        xy = np.column_stack(pyproj.Transformer.from_crs(CRS84, dst, always_xy=True).transform(*xy.T))
    inner = (*xy.min(axis=0), *xy.max(axis=0))
    parts = np.asarray(shapely.get_parts(shape), dtype=object)
    whole = shapely.union_all(project_shapes(parts, CRS84, dst, tolerance=1e-6 * (inner[2] - inner[0]), bounds=inner))
    assert shapely.contains_xy(whole, *list_points(inner).T).all()


def test_a_whole_continent_costs_no_more_than_what_lies_near() -> None:
    crs, bounds = make_scene(10.0, 54.0)
    around = np.linspace(0, 2 * np.pi, 100_000, endpoint=False)
    land = shapely.Polygon(np.column_stack([60 + 59 * np.cos(around), 30 + 58 * np.sin(around)]))
    (piece,) = project_shapes(np.array([land]), CRS84, crs, tolerance=0.5, bounds=bounds)
    assert shapely.get_num_coordinates(piece) < 3000
    left, bottom, right, top = piece.bounds
    assert right - left < 2 * SIDE_M
    assert top - bottom < 2 * SIDE_M


def test_what_is_in_the_crs_already_keeps_its_vertices() -> None:
    crs, bounds = make_scene(10.0, 54.0)
    shape = shapely.box(bounds[0] + 1000, bounds[1] + 1000, bounds[2] - 1000, bounds[3] - 1000)
    (same,) = project_shapes(np.array([shape]), crs, crs, tolerance=0.5, bounds=bounds)
    assert same == shape
    (line,) = project_shapes(np.array([shape.exterior]), crs, crs, tolerance=0.5)
    assert line == shape.exterior


def test_lines_come_out_one_for_one_and_true_to_their_edges() -> None:
    crs, _ = make_scene(9.5, 60.0)
    lines: Any = np.array([shapely.LineString([(9, 60), (11, 60)]), shapely.LineString([(9, 61), (9, 61.001)])])
    long, short = project_shapes(lines, CRS84, crs, tolerance=0.5)
    middle = shapely.Point(pyproj.Transformer.from_crs(CRS84, crs, always_xy=True).transform(10.0, 60.0))
    assert shapely.distance(long, middle) < 0.5
    assert shapely.get_num_coordinates(short) == 2


def test_an_edge_that_bends_to_both_sides_is_cut_though_its_middle_lies_right() -> None:
    def bend(xy: np.ndarray) -> np.ndarray:
        return np.column_stack([xy[:, 0], xy[:, 1] + np.sin(2 * np.pi * xy[:, 0])])

    (line,) = cut_edges(np.array([shapely.LineString([(0, 0), (1, 0)])]), bend, tolerance=1e-3)
    drawn = shapely.transform(line, bend)
    true = bend(np.column_stack([np.linspace(0, 1, 999), np.zeros(999)]))
    assert shapely.distance(drawn, shapely.points(true)).max() < 2e-3


def test_what_no_vertices_can_mend_ends() -> None:
    def tear(xy: np.ndarray) -> np.ndarray:
        return np.column_stack([np.where(xy[:, 0] > 0.3, xy[:, 0] + 1e6, xy[:, 0]), xy[:, 1]])

    (line,) = cut_edges(np.array([shapely.LineString([(0, 0), (1, 0)])]), tear, tolerance=1e-6)
    assert shapely.get_num_coordinates(line) < 2_000_000


@pytest.mark.parametrize(
    ("code", "period"),
    [
        ("EPSG:4326", 360.0),
        ("EPSG:4807", 400.0),  # in grads
        ("EPSG:3857", 2 * np.pi * 6378137),
        ("EPSG:3832", 2 * np.pi * 6378137),  # around 150 degrees east
        ("EPSG:32630", None),
        ("EPSG:3035", None),
        ("EPSG:8857", None),  # Equal Earth: its meridians are curves
        ("EPSG:3413", None),
    ],
)
def test_the_width_of_the_world(code: str, period: float | None) -> None:
    assert compute_period(pyproj.CRS(code)) == (period if period is None else pytest.approx(period, rel=1e-6))


def test_parts_of_a_shape_are_cut_as_each_by_itself() -> None:
    def bend(xy: np.ndarray) -> np.ndarray:
        return np.column_stack([xy[:, 0], xy[:, 1] + xy[:, 0] ** 2])

    boxes = [shapely.box(0, 0, 1, 1), shapely.box(5, 0, 6, 1)]
    for parts, whole in (
        (boxes, shapely.MultiPolygon(boxes)),
        ([box.exterior for box in boxes], shapely.MultiLineString([box.exterior for box in boxes])),
    ):
        (drawn,) = shapely.transform(cut_edges(np.array([whole]), bend, tolerance=1e-3), bend)
        alone = shapely.transform(shapely.segmentize(np.array(parts), 1e-3), bend)
        assert shapely.hausdorff_distance(drawn, shapely.union_all(alone)) < 2e-3
