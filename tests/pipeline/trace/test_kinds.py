"""Kinds of a traced scene: lines are cut at the mouths of rivers, and stay lines that share all with the polygons."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from pipeline.trace.coastline import CoastlineLayers, CoastlineOptions, SceneContext, build_coastline
from pipeline.trace.contour import ContourTracer
from tiles.grid import Grid
from tiles.masks import NODATA, OBSCURED

PIXEL_M, SIZE = 20.0, 1000
CORNER = (600_000.0, 6_060_000.0)
GRID = Grid(
    crs=CRS.from_epsg(32632), transform=Affine(PIXEL_M, 0, CORNER[0], 0, -PIXEL_M, CORNER[1]), width=SIZE, height=SIZE
)
CONTEXT = SceneContext(scene="S2_TEST", acquired=None, model="m 1", probability_rmse=0.1)
CANAL_KM, MOUTH_KM = (8.0, 8.12), 6.0
LAGOON_KM, LAKE_KM = (12.0, 16.0, 7.0, 8.0), (2.0, 3.0, 14.0, 16.0)


def draw_coast(*, seed: int | None = None) -> NDArray[np.float32]:
    """Sea in the west, a canal, a lagoon with an inlet, a harbour, a lake; an island in the sea, one in the lagoon."""
    y, x = (np.mgrid[:SIZE, :SIZE] + 0.5) * PIXEL_M / 1000
    wet = x < MOUTH_KM
    boxes = [(*CANAL_KM, 6, 18), LAGOON_KM, (13.9, 14.1, 6, 7), (4.0, 4.4, 6, 8.0), LAKE_KM]
    for top, bottom, left, right in boxes:
        wet |= (y > top) & (y < bottom) & (x > left) & (x < right)
    for row, col in ((10.0, 3.0), (12.9, 7.5)):
        wet &= np.hypot(y - row, x - col) > 0.3
    field = wet.astype(np.float64)
    if seed is not None:
        field = 0.7 * field + 0.3 * np.random.default_rng(seed).random(field.shape)
    drawn: NDArray[np.float32] = field.astype(np.float32)
    return drawn


def write_ocean(folder: Path) -> Path:
    path = folder / "ocean.gpkg"
    west, north = CORNER
    box = shapely.box(west - 1000, north - 21_000, west + 6000, north + 1000)
    gpd.GeoDataFrame(geometry=[box], crs=32632).to_file(path)
    return path


def build(
    probability: NDArray[np.float32], ocean: Path, *, state: NDArray[np.uint8] | None = None, simplify_m: float = 0
) -> CoastlineLayers:
    tracer = ContourTracer(width=SIZE, height=SIZE)
    tracer.add_strip(probability, np.zeros((SIZE, SIZE), np.uint8) if state is None else state)
    options = CoastlineOptions(ocean=ocean, simplify_m=simplify_m)
    return build_coastline(tracer.finish(), grid=GRID, context=CONTEXT, options=options)


def to_km(geometry: NDArray[np.object_]) -> NDArray[np.float64]:
    """(n, 2) vertices in kilometres right of and below the corner."""
    moved: NDArray[np.float64] = (shapely.get_coordinates(geometry) - CORNER) * (1e-3, -1e-3)
    return moved


@pytest.fixture(scope="module")
def ocean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_ocean(tmp_path_factory.mktemp("ocean"))


@pytest.fixture(scope="module")
def layers(ocean: Path) -> CoastlineLayers:
    return build(draw_coast(), ocean)


def test_each_shore_is_what_it_is(layers: CoastlineLayers) -> None:
    lines = layers.coastline
    for kind in ("sea", "river", "lake"):
        xy = to_km(lines.geometry[lines["kind"] == kind].to_numpy())
        assert len(xy) > 100
        inland = xy[:, 0] > MOUTH_KM + 0.25
        harbour = (xy[:, 1] > 3.9) & (xy[:, 1] < 4.5)
        lake = (xy[:, 0] > 13) & (xy[:, 1] < 4)
        expected = {"sea": ~inland | harbour, "river": inland & ~lake & ~harbour, "lake": lake}[kind]
        if kind == "river":
            expected |= (xy[:, 0] > MOUTH_KM - 0.1) & ~lake & ~harbour
        assert expected.mean() > 0.99, kind
    assert sorted(layers.water["kind"]) == ["lake", "sea"]
    islands = layers.land[layers.land.area < 1e6].sort_values("area_m2")
    assert sorted(islands["kind"]) == ["river", "sea"]


def test_lines_are_cut_at_mouths_alone_and_go_on_there(layers: CoastlineLayers) -> None:
    lines = layers.coastline
    ends = lines["start_reason"].tolist() + lines["end_reason"].tolist()
    assert ends.count("mouth") == 8  # of the canal and of the inlet, two banks each, and two lines meet at each
    starts, stops = (shapely.get_point(lines.geometry.to_numpy(), place) for place in (0, -1))
    cut = [
        sorted((point.x, point.y) for point, reason in zip(points, lines[name], strict=True) if reason == "mouth")
        for points, name in ((starts, "start_reason"), (stops, "end_reason"))
    ]
    assert cut[0] == cut[1]
    assert not lines["closed"][(lines[["start_reason", "end_reason"]] == "mouth").any(axis=1)].any()
    whole = shapely.union_all(shapely.boundary(layers.water.geometry.to_numpy()))
    assert shapely.covers(shapely.buffer(whole, 1e-6), shapely.union_all(lines.geometry.to_numpy()))


def test_no_length_is_lost_by_cutting(layers: CoastlineLayers) -> None:
    west, north = CORNER
    edge = shapely.boundary(shapely.box(west, north - SIZE * PIXEL_M, west + SIZE * PIXEL_M, north))
    shore = shapely.difference(shapely.union_all(shapely.boundary(layers.water.geometry.to_numpy())), edge)
    assert layers.coastline.geometry.length.sum() == pytest.approx(shore.length, rel=1e-3)
    assert layers.coastline["length_m"].sum() == pytest.approx(shore.length, rel=2e-3)


@pytest.mark.parametrize("tolerance", [30.0, 500.0])
def test_simplified_pieces_still_meet_and_share_their_vertices(ocean: Path, tolerance: float) -> None:
    layers = build(draw_coast(seed=3), ocean, simplify_m=tolerance)
    lines = layers.coastline
    assert (lines["kind"] == "river").any()
    starts, stops = (shapely.get_point(lines.geometry.to_numpy(), place) for place in (0, -1))
    cut = [
        sorted((point.x, point.y) for point, reason in zip(points, lines[name], strict=True) if reason == "mouth")
        for points, name in ((starts, "start_reason"), (stops, "end_reason"))
    ]
    assert cut[0] == cut[1]
    assert len(cut[0]) >= 4
    polygons = np.concatenate([layers.water.geometry.to_numpy(), layers.land.geometry.to_numpy()])
    assert shapely.is_valid(polygons).all()
    assert shapely.coverage_is_valid(polygons)
    vertices = [
        set(map(tuple, shapely.get_coordinates(frame.geometry.to_numpy())))
        for frame in (lines, layers.water, layers.land)
    ]
    assert vertices[0] <= vertices[1]
    assert vertices[0] <= vertices[2]


def test_kinds_that_are_asked_for_alone_are_kept(layers: CoastlineLayers) -> None:
    some = layers.select(frozenset({"sea", "lake"}))
    pairs = ((some.coastline, layers.coastline), (some.water, layers.water), (some.land, layers.land))
    for kept, whole in pairs:
        expected = whole[whole["kind"] != "river"]
        assert 0 < len(kept) == len(expected)
        assert kept["id"].tolist() == expected["id"].tolist()
        assert kept.geometry.to_wkb().tolist() == expected.geometry.to_wkb().tolist()


def test_a_canal_that_cloud_cuts_off_is_still_a_river(ocean: Path) -> None:
    state = np.zeros((SIZE, SIZE), np.uint8)
    state[:, 400:420] = OBSCURED  # across the canal, 2 km inland
    lines = build(draw_coast(), ocean, state=state).coastline
    xy = [to_km(np.array([line])) for line in lines.geometry]
    behind = [
        kind for kind, line in zip(lines["kind"], xy, strict=True) if line[:, 0].min() > 8.3 and 7 < line[0, 1] < 9
    ]
    assert set(behind) == {"river"}


def test_tiny_waters_at_the_edge_are_counted(ocean: Path) -> None:
    probability = np.zeros((SIZE, SIZE), np.float32)
    probability[-2:, 100:102] = 1
    state = np.zeros((SIZE, SIZE), np.uint8)
    state[:, :50] = NODATA
    layers = build(probability, ocean, state=state)
    assert layers.water["kind"].tolist() == ["sea"]  # in an ocean of the user's own
    probability[-2:, 100:102], probability[-2:, 600:602] = 0, 1
    assert build(probability, ocean, state=state).water["kind"].tolist() == ["open"]
