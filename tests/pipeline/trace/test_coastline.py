"""Features of the coastline: kinds, sizes on the ellipsoid, uncertainty, and options that keep the topology."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from rasterio.crs import CRS

from pipeline.output.fields import LAYERS
from pipeline.trace import ellipsoid
from pipeline.trace.coastline import (
    UNCERTAINTY_CAP_PX,
    CoastlineLayers,
    CoastlineOptions,
    SceneContext,
    build_coastline,
    grade_certainty,
)
from pipeline.trace.contour import ContourTracer
from pipeline.trace.ellipsoid import Ground, sum_by_line
from pipeline.trace.simplify import drop_small_rings
from pipeline.trace.traced import Traced
from tiles.errors import GridError
from tiles.grid import Grid
from tiles.masks import NODATA, OBSCURED

BAVARIA = (32632, Affine(10, 0, 660_000, 0, -10, 5_320_000))
ACQUIRED = datetime(2024, 5, 6, 10, 7, tzinfo=UTC)
CONTEXT = SceneContext(scene="S2_TEST", acquired=ACQUIRED, model="m 1", probability_rmse=0.1)


def trace(probability: NDArray[np.float32], state: NDArray[np.uint8] | None = None) -> Traced:
    height, width = probability.shape
    tracer = ContourTracer(width=width, height=height)
    tracer.add_strip(probability, np.zeros((height, width), np.uint8) if state is None else state)
    return tracer.finish()


def build(
    probability: NDArray[np.float32],
    state: NDArray[np.uint8] | None = None,
    *,
    place: tuple[int, Affine] = BAVARIA,
    options: CoastlineOptions | None = None,
    rmse: float = 0.1,
) -> CoastlineLayers:
    height, width = probability.shape
    grid = Grid(crs=CRS.from_epsg(place[0]), transform=place[1], width=width, height=height)
    context = SceneContext(scene="S2_TEST", acquired=ACQUIRED, model="m 1", probability_rmse=rmse)
    return build_coastline(trace(probability, state), grid=grid, context=context, options=options)


def disc(centre: tuple[float, float], radius: float, *, size: int = 40) -> NDArray[np.float32]:
    """Probability of water that falls from 1 inside to 0 outside, 1/2 on the circle, over some four pixels."""
    y, x = np.mgrid[:size, :size] + 0.5
    falling: NDArray[np.float64] = np.clip((radius - np.hypot(x - centre[0], y - centre[1])) / 4 + 0.5, 0, 1)
    return falling.astype(np.float32)


def rough(seed: int, *, size: int = 32) -> NDArray[np.float32]:
    """Islands, lakes and ragged shores of all sizes."""
    rng = np.random.default_rng(seed)
    coarse = np.kron(rng.random((size // 8, size // 8)), np.ones((8, 8)))
    return (0.6 * coarse + 0.4 * rng.random((size, size))).astype(np.float32)


def assert_topology(layers: CoastlineLayers) -> None:
    polygons = np.concatenate([layers.water.geometry.to_numpy(), layers.land.geometry.to_numpy()])
    assert shapely.is_valid(polygons).all()
    assert shapely.coverage_is_valid(polygons)
    vertices = [set(map(tuple, shapely.get_coordinates(frame.geometry.to_numpy()))) for frame in vars_of(layers)]
    assert vertices[0] <= vertices[1]
    assert vertices[0] <= vertices[2]


def vars_of(layers: CoastlineLayers) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    return layers.coastline, layers.water, layers.land


def total_area(layers: CoastlineLayers) -> float:
    return float(layers.water.area.sum() + layers.land.area.sum())


@pytest.mark.parametrize("value", [0.0, 1.0, None])
def test_the_columns_are_those_that_the_exporters_expect(value: float | None) -> None:
    layers = build(rough(1) if value is None else np.full((4, 5), value, np.float32))
    for frame, layer in zip(vars_of(layers), LAYERS.values(), strict=True):
        assert list(frame.columns) == [*(field.name for field in layer.fields), "geometry"]
        assert frame.crs == pyproj.CRS.from_epsg(32632)
        assert frame["id"].is_unique
        assert set(frame.geom_type) <= {layer.geometry}
        assert set(frame["time"]) <= {"2024-05-06T10:07:00Z"}
        assert set(frame["scene"]) <= {"S2_TEST"}
        assert set(frame["model"]) <= {"m 1"}


PLACES = {
    "UTM, far from its meridian": (32633, Affine(60, 0, 160_000, 0, -60, 7_400_000)),
    "UTM south, over the antimeridian": (32701, Affine(60, 0, 170_000, 0, -60, 8_000_000)),
    "Gauss-Krüger, on Bessel's ellipsoid": (31467, Affine(60, 0, 3_500_000, 0, -60, 5_400_000)),
    "degrees": (4326, Affine(2e-4, 0, 89.0, 0, -1e-4, 22.0)),
    "degrees, over the antimeridian": (4326, Affine(1e-3, 0, 179.98, 0, -1e-3, -17.0)),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_lengths_and_areas_are_those_of_the_ellipsoid(place: tuple[int, Affine]) -> None:
    layers = build(rough(2), place=place)
    crs = pyproj.CRS.from_epsg(place[0])
    geod = crs.get_geod()
    assert geod is not None
    to_degrees = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)

    def degrees(geometry: shapely.Geometry) -> shapely.Geometry:
        fine = shapely.segmentize(geometry, place[1].a * 4)  # edges of the scene are no geodesics
        moved: shapely.Geometry = shapely.transform(fine, lambda xy: np.stack(to_degrees.transform(*xy.T), axis=1))
        return moved

    for line, length in zip(layers.coastline.geometry, layers.coastline["length_m"], strict=True):
        assert length == pytest.approx(geod.geometry_length(degrees(line)), rel=1e-6)
    for frame in (layers.water, layers.land):
        for polygon, area in zip(frame.geometry, frame["area_m2"], strict=True):
            expected = geod.geometry_area_perimeter(degrees(polygon))[0]  # to some 1e-4 square metres
            assert area == pytest.approx(expected, rel=1e-5, abs=1e-3)
    assert_topology(layers)


def test_a_round_lake_in_bavaria_is_a_lake_and_has_its_size() -> None:
    layers = build(disc((20, 20), 12.0))
    (lake,) = layers.water.itertuples()
    (line,) = layers.coastline.itertuples()
    scale = 0.9999  # of the UTM zone there, within 2e-4
    assert lake.area_m2 == pytest.approx(np.pi * 120**2 / scale**2, rel=3e-3)
    assert line.length_m == pytest.approx(2 * np.pi * 120 / scale, rel=2e-3)
    assert (lake.kind, line.kind, line.closed, line.start_reason, line.end_reason) == (
        "lake",
        "lake",
        True,
        None,
        None,
    )
    assert layers.land["kind"].tolist() == ["open"]


def test_an_island_takes_the_kind_of_the_water_around_it() -> None:
    ring = np.minimum(disc((20, 20), 15), 1 - disc((20, 20), 6))
    layers = build(ring)
    assert sorted(layers.land["kind"]) == ["lake", "open"]
    assert layers.water["kind"].tolist() == ["lake"]
    assert layers.land.set_index("kind").loc["lake", "area_m2"] < 2e4


def test_water_that_reaches_the_edge_is_sea_only_at_the_ocean() -> None:
    bay = disc((0, 20), 12)
    assert build(bay).water["kind"].tolist() == ["open"]
    baltic = (4326, Affine(1.6e-4, 0, 11.0, 0, -0.9e-4, 54.6))
    layers = build(bay, place=baltic)
    assert [set(frame["kind"]) for frame in vars_of(layers)] == [{"sea"}] * 3


def test_an_ocean_of_ones_own_decides(tmp_path: Path) -> None:
    bays = np.maximum(disc((0, 8), 5), disc((0, 33), 5))
    x, y = BAVARIA[1] @ (0, 8)
    ocean = gpd.GeoDataFrame(geometry=[shapely.Point(x, y).buffer(200)], crs=32632).to_crs(4326)
    ocean.to_file(tmp_path / "ocean.gpkg")
    layers = build(bays, options=CoastlineOptions(ocean=tmp_path / "ocean.gpkg"))
    upper_first = layers.water.assign(y=layers.water.centroid.y).sort_values("y", ascending=False)
    assert upper_first["kind"].tolist() == ["sea", "open"]
    assert sorted(layers.coastline["kind"]) == ["open", "sea"]
    assert layers.land["kind"].tolist() == ["sea"]


def test_ends_say_why() -> None:
    state = np.zeros((40, 40), np.uint8)
    state[:, :2], state[:, 38:] = NODATA, OBSCURED
    half = (np.arange(40)[:, None] / 40 + np.zeros(40)).astype(np.float32)
    (line,) = build(half, state).coastline.itertuples()
    start, end = (shapely.get_point(line.geometry, place) for place in (0, -1))
    # Water lies to the south, so land on the left means eastwards: from the nodata to the cloud.
    assert start.x < end.x
    assert (line.start_reason, line.end_reason, line.closed) == ("nodata", "cloud", False)


def test_uncertainty_is_the_error_of_the_probability_over_its_slope() -> None:
    y, x = np.mgrid[:20, :20] + 0.5
    gentle = (0.5 + 0.05 * (x - 10.2)).astype(np.float32)
    (line,) = build(gentle, rmse=0.1).coastline.itertuples()
    assert line.uncertainty_mean_m == pytest.approx(0.1 / (0.05 / 10), rel=1e-3)
    assert line.uncertainty_max_m == pytest.approx(0.1 / (0.05 / 10), rel=1e-3)
    # In degrees the same slope means other metres east and north.
    upright = (0.5 + 0.05 * (y - 10.2)).astype(np.float32)
    place = (4326, Affine(1e-4, 0, 24.9, 0, -1e-4, 60.0))
    (meridian,), (parallel,) = (list(build(field, place=place).coastline.itertuples()) for field in (gentle, upright))
    ratio = meridian.uncertainty_mean_m / parallel.uncertainty_mean_m
    assert ratio == pytest.approx(np.cos(np.radians(60)), rel=0.01)


def test_uncertainty_is_capped_where_the_probability_is_flat() -> None:
    x = np.arange(20) + 0.5
    flat = np.tile(0.5 + 1e-4 * (x - 10.2), (20, 1)).astype(np.float32)
    (line,) = build(flat, rmse=0.1).coastline.itertuples()
    assert line.uncertainty_max_m == pytest.approx(10 * UNCERTAINTY_CAP_PX, rel=1e-3)
    (sure,) = build(flat, rmse=0.0).coastline.itertuples()
    assert sure.uncertainty_max_m == 0


@pytest.mark.parametrize(
    ("sigma_m", "word"),
    [(0.0, "good"), (5.0, "good"), (5.01, "fair"), (10.0, "fair"), (10.01, "poor"), (100.0, "poor")],
)
def test_certainty_goes_by_halves_of_a_pixel(sigma_m: float, word: str) -> None:
    assert grade_certainty(np.array([sigma_m]), 10.0).tolist() == [word]
    assert grade_certainty(np.array([sigma_m * 6]), 60.0).tolist() == [word]


def test_where_the_error_is_told_the_slope_counts_in_units_of_it() -> None:
    _, x = np.mgrid[:20, :20] + 0.5
    gentle = (0.5 + 0.05 * (x - 10.2)).astype(np.float32)
    tracer = ContourTracer(width=20, height=20)
    error = np.full((20, 20), 0.2, np.float32)
    for rows in (slice(0, 7), slice(7, 20)):
        tracer.add_strip(gentle[rows], np.zeros((20, 20), np.uint8)[rows], error[rows])
    traced = tracer.finish()
    vertex = traced.lines.vertex
    np.testing.assert_allclose(np.hypot(*traced.gradient[vertex].T), 0.05 / 0.2, rtol=1e-5)


def test_small_islands_and_lakes_go_with_their_lines_and_holes() -> None:
    land = 1 - disc((20, 20), 17)  # water around an island
    pond, islet = disc((14, 20), 4), 1 - disc((36.5, 4), 3)
    scene = np.minimum(np.maximum(land, pond), islet)
    whole = build(scene)
    assert [len(frame) for frame in vars_of(whole)] == [3, 2, 2]
    less = build(scene, options=CoastlineOptions(min_area_m2=10_000))
    assert [len(frame) for frame in vars_of(less)] == [1, 1, 1]
    assert total_area(less) == pytest.approx(total_area(whole), rel=1e-12)
    assert_topology(less)


def test_a_small_lake_under_cloud_stays_because_nobody_knows_it_whole() -> None:
    scene, state = disc((20, 20), 8), np.zeros((40, 40), np.uint8)
    state[20, 20] = OBSCURED
    layers = build(scene, state, options=CoastlineOptions(min_area_m2=1e6))
    assert len(layers.water) == 1
    assert len(shapely.get_parts(layers.water.geometry.to_numpy()[0].interiors)) == 1
    assert_topology(layers)


@given(st.integers(0, 10_000), st.sampled_from([150.0, 600.0, 5_000.0, 1e9]), st.booleans())
@settings(deadline=None, max_examples=25)
def test_dropping_small_rings_keeps_the_topology(seed: int, least: float, masked: bool) -> None:
    probability, state = rough(seed), np.zeros((32, 32), np.uint8)
    if masked:
        state[np.random.default_rng(seed).random((32, 32)) < 0.01] = OBSCURED
    whole, less = build(probability, state), build(probability, state, options=CoastlineOptions(min_area_m2=least))
    assert_topology(less)
    assert total_area(less) == pytest.approx(total_area(whole), rel=1e-9)
    kept = less.coastline[less.coastline["closed"]].geometry.to_numpy()
    if not masked:
        assert all(shapely.Polygon(line.coords).area >= least * 0.998 for line in kept)
    lines = set(less.coastline.geometry.to_wkb())
    assert lines <= set(whole.coastline.geometry.to_wkb())
    gone = whole.coastline[~whole.coastline.geometry.to_wkb().isin(lines)]
    assert gone["closed"].all()


@given(st.integers(0, 10_000), st.sampled_from([0.0, 60.0, 200.0, 1e9]))
@settings(deadline=None, max_examples=25)
def test_short_stubs_that_end_at_cloud_or_the_edge_are_left_out_and_nothing_else(seed: int, least: float) -> None:
    probability, state = rough(seed), np.zeros((32, 32), np.uint8)
    state[np.random.default_rng(seed).random((32, 32)) < 0.02] = OBSCURED
    state[0, :9] = NODATA
    whole, less = build(probability, state), build(probability, state, options=CoastlineOptions(min_length_m=least))
    lines = whole.coastline
    ends = lines[["start_reason", "end_reason"]].isin(["cloud", "nodata", "scene edge"]).any(axis=1)
    kept = lines[~ends | (lines["length_m"] >= least)]
    assert less.coastline["id"].tolist() == kept["id"].tolist()
    assert (less.coastline.geometry.to_wkb() == kept.geometry.to_wkb().to_numpy()).all()
    for name in ("water", "land"):
        assert getattr(less, name).equals(getattr(whole, name))


@given(st.integers(0, 10_000), st.sampled_from([1.0, 8.0, 30.0, 500.0]))
@settings(deadline=None, max_examples=20)
def test_simplifying_keeps_the_topology(seed: int, tolerance: float) -> None:
    state = np.zeros((32, 32), np.uint8)
    state[16:20, 12:20] = NODATA
    whole, less = build(rough(seed), state), build(rough(seed), state, options=CoastlineOptions(simplify_m=tolerance))
    assert_topology(less)
    assert [len(a) == len(b) for a, b in zip(vars_of(whole), vars_of(less), strict=True)] == [True] * 3
    assert total_area(less) == pytest.approx(total_area(whole), rel=1e-9)
    coordinates = [shapely.get_coordinates(layers.coastline.geometry.to_numpy()) for layers in (whole, less)]
    assert set(map(tuple, coordinates[1])) <= set(map(tuple, coordinates[0]))
    assert len(coordinates[1]) < len(coordinates[0])
    assert (whole.coastline["start_reason"] == less.coastline["start_reason"]).sum() == (
        less.coastline["start_reason"].notna().sum()
    )
    ends = [shapely.get_point(layers.coastline.geometry.to_numpy(), -1) for layers in (whole, less)]
    is_open = ~whole.coastline["closed"].to_numpy()
    assert shapely.equals(ends[0][is_open], ends[1][is_open]).all()


def test_times_are_told_in_utc() -> None:
    zone = timezone(timedelta(hours=2))
    for acquired, text in (
        (datetime(2024, 1, 1, 12, tzinfo=zone), "2024-01-01T10:00:00Z"),
        (datetime(2024, 1, 1, 12, tzinfo=UTC).replace(tzinfo=None), "2024-01-01T12:00:00Z"),
        (None, None),
    ):
        assert SceneContext(scene="s", acquired=acquired, model="m", probability_rmse=0.1).time == text


def test_wrong_choices_are_refused() -> None:
    with pytest.raises(GridError, match="min_area_m2 must be 0 or more, found -1"):
        CoastlineOptions(min_area_m2=-1)
    with pytest.raises(GridError, match="simplify_m must be 0 or more, found nan"):
        CoastlineOptions(simplify_m=float("nan"))
    grid = Grid(crs=CRS.from_epsg(32632), transform=BAVARIA[1], width=5, height=4)
    with pytest.raises(GridError, match="5 x 4 pixels, found 4 x 4"):
        build_coastline(trace(np.zeros((4, 4), np.float32)), grid=grid, context=CONTEXT)


@given(hnp.arrays(np.float32, (6, 6), elements=st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])))
@settings(deadline=None, max_examples=30)
def test_options_work_together_on_the_smallest_rings(probability: NDArray[np.float32]) -> None:
    options = CoastlineOptions(min_area_m2=60, simplify_m=7)
    layers = build(probability, options=options)
    assert_topology(layers)
    assert total_area(layers) == pytest.approx(3600, rel=1e-9)


def test_sizes_do_not_depend_on_how_much_is_projected_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = build(rough(5))
    monkeypatch.setattr("pipeline.trace.ellipsoid._BATCH", 7)
    parts = build(rough(5))
    for name in ("length_m", "area_m2"):
        for mine, yours in zip(vars_of(whole), vars_of(parts), strict=True):
            if name in mine:
                assert mine[name].to_numpy() == pytest.approx(yours[name].to_numpy(), rel=1e-12)


def lay_ground(place: tuple[int, Affine] = BAVARIA, *, size: int = 100) -> Ground:
    return Ground(grid=Grid(crs=CRS.from_epsg(place[0]), transform=place[1], width=size, height=size))


def test_values_are_summed_from_the_first_vertex_of_a_line_to_its_last() -> None:
    values, start = np.array([1.0, 2.0, 99.0, 4.0, 99.0, 8.0, 16.0]), np.array([0, 3, 5, 8])
    assert sum_by_line(values, start).tolist() == [3, 4, 24]
    assert sum_by_line(np.zeros(0), np.array([0])).tolist() == []


def test_places_on_the_ground_are_those_of_the_grid() -> None:
    ground, corners = lay_ground(), np.array([[0.0, 0.0], [100.0, 50.0]])
    assert ground.compute_coordinates(corners).tolist() == [[660_000, 5_320_000], [661_000, 5_319_500]]
    to_degrees = pyproj.Transformer.from_crs(32632, 4326, always_xy=True)
    expected = np.stack(to_degrees.transform([660_000, 661_000], [5_320_000, 5_319_500]), axis=1)
    np.testing.assert_allclose(ground.compute_degrees(corners), expected, rtol=0, atol=1e-12)


def test_a_pixel_is_measured_in_the_middle_of_its_grid() -> None:
    degrees = lay_ground(PLACES["degrees"])
    geod = pyproj.Geod(ellps="WGS84")
    lon, lat = 89.0 + 50 * 2e-4, 22.0 - 50 * 1e-4
    across = geod.inv(lon - 1e-4, lat, lon + 1e-4, lat)[2]
    down = geod.inv(lon, lat - 5e-5, lon, lat + 5e-5)[2]
    assert degrees.pixel_m == pytest.approx((across, down), rel=1e-9)
    assert lay_ground().pixel_m == pytest.approx((10, 10), rel=1e-3)


def test_degrees_are_degrees_from_greenwich_where_the_grid_counts_in_grads_from_paris() -> None:
    ground = lay_ground((27572, Affine(10, 0, 600_000, 0, -10, 2_200_000)))
    (lon, lat), *_ = ground.compute_degrees(np.array([[0.0, 0.0]]))
    assert (lon, lat) == pytest.approx((2.33722917, 46.8), abs=1e-6)


def test_a_grid_around_the_globe_has_the_area_of_its_zone() -> None:
    ground = Ground(grid=Grid(crs=CRS.from_epsg(4326), transform=Affine(1, 0, -180, 0, -1, 40), width=360, height=60))
    xy = np.array([[0.0, 0.0], [0.0, 60.0], [360.0, 60.0], [360.0, 0.0]])
    (area,) = ground.compute_ring_areas(xy, np.arange(4), np.array([0, 4]))
    geod, q = pyproj.Geod(ellps="WGS84"), []
    for sine in np.sin(np.radians((-20, 40))):  # Snyder (1987), equation 3-12
        e, es = np.sqrt(geod.es), geod.es * sine**2
        q.append((1 - geod.es) * (sine / (1 - es) + np.arctanh(e * sine) / e))
    assert area == pytest.approx(np.pi * geod.a**2 * (q[1] - q[0]), rel=1e-9)


def test_the_plane_lies_around_the_middle_and_keeps_areas() -> None:
    plane = lay_ground(PLACES["degrees"]).plane
    assert plane.ellipsoid is not None
    assert (plane.ellipsoid.semi_major_metre, plane.ellipsoid.semi_minor_metre) == pytest.approx(
        (6_378_137, 6_356_752.3)
    )
    assert plane.coordinate_operation is not None
    assert plane.coordinate_operation.method_name == "Lambert Azimuthal Equal Area"
    values = {value.name: value.value for value in plane.coordinate_operation.params}
    assert values["Latitude of natural origin"] == pytest.approx(21.995)
    assert values["Longitude of natural origin"] == pytest.approx(89.01)
    assert {axis.unit_name for axis in plane.axis_info} == {"metre"}


@pytest.mark.parametrize(
    ("edge", "corners"),
    [
        ((16.0, 0.0), []),
        ((0.0, -16.0), []),
        ((17.0, 0.0), [[8.5, 0]]),
        ((0.0, -17.0), [[0, -8.5]]),
        ((-48.0, 24.0), [[-16, 8], [-32, 16]]),
    ],
)
def test_edges_longer_than_sixteen_pixels_are_cut_into_equal_parts(
    edge: tuple[float, float], corners: list[list[float]]
) -> None:
    ring = np.array([[0.0, 0.0], edge])  # there and back again
    before, added = ellipsoid._cut_long_edges(ring, np.array([0, 2]))
    back = [[edge[0] - x, edge[1] - y] for x, y in corners]
    assert added.tolist() == corners + back
    assert before.tolist() == [1] * len(corners) + [2] * len(back)


def test_areas_of_rings_have_a_sign_and_follow_the_grid() -> None:
    ground = lay_ground(PLACES["degrees"])
    small = np.array([[0.0, 0.0], [0.0, 10.0], [10.0, 10.0], [10.0, 0.0]])  # y goes down: to the left on a map
    large = small * 9
    xy = np.concatenate((small, large, small[::-1]))
    start = np.array([0, 4, 8, 12])
    areas = ground.compute_ring_areas(xy, np.arange(12), start)
    lon, lat = ground.compute_degrees(np.array([[x, y] for x in range(91) for y in (0, 90)], float)).T
    order = [*range(0, 182, 2), *range(181, 0, -2)]
    geod = pyproj.Geod(ellps="WGS84")
    assert areas[1] == pytest.approx(-geod.polygon_area_perimeter(lon[order], lat[order])[0], rel=1e-8)
    assert areas[0] == pytest.approx(-areas[2], rel=1e-9)
    assert areas[0] == pytest.approx(areas[1] / 81, rel=1e-3)
    assert areas[0] > 0


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES.keys())
def test_a_small_ring_has_the_area_that_the_curvature_there_gives_it(place: tuple[int, Affine]) -> None:
    ground = lay_ground(place)
    xy = np.array([[90.0, 45.0], [90.0, 45.1], [90.1, 45.1], [90.1, 45.0]])
    (area,) = ground.compute_ring_areas(xy, np.arange(4), np.array([0, 4]))
    geod, (lon, lat) = ground.crs.get_geod(), np.radians(ground.compute_degrees(xy).T)
    assert geod is not None
    root = np.sqrt(1 - geod.es * np.sin(lat[0]) ** 2)
    across, down = geod.a / root * np.cos(lat[0]), geod.a * (1 - geod.es) / root**3  # metres a radian
    flat = shapely.Polygon(np.stack((np.unwrap(lon) * across, lat * down), axis=1))
    assert area == pytest.approx(flat.area, rel=1e-5)


@pytest.mark.parametrize(("least", "kept"), [(99.9, 1), (100.0, 1), (100.1, 0)])
def test_a_ring_of_the_least_area_stays(least: float, kept: int) -> None:
    probability = np.zeros((8, 8), np.float32)
    probability[3:5, 3:5] = 1
    traced = trace(probability)
    assert len(traced.lines) == 1
    dropped = drop_small_rings(traced, land_areas_m2=np.where(traced.land.area < 0, -100.0, 6300.0), min_area_m2=least)
    assert (len(dropped.lines), len(dropped.water)) == (kept, kept)
    assert len(dropped.land) == kept + 1
