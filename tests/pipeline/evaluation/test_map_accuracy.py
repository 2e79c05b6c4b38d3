"""A map's errors are measured right: known shifts, known counts, known gaps."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.crs import CRS

from pipeline.evaluation.map_accuracy import DistanceStats, PixelStats, compute_accuracy
from pipeline.trace.coastline import SceneContext, build_coastline
from pipeline.trace.contour import ContourTracer
from pipeline.trace.line_samples import compute_distances, compute_samples
from tiles.errors import GridError, RasterReadError
from tiles.grid import Grid, Window
from tiles.masks import OBSCURED

SIZE = 100
GRID = Grid(crs=CRS.from_epsg(32630), transform=Affine(10, 0, 500_000, 0, -10, 5_600_000), width=SIZE, height=SIZE)
SHORE = 50.3
"""True shoreline: a meridian at this column, land to the west."""


def write_raster(path: Path, values: NDArray[np.uint8], grid: Grid, nodata: int = 255) -> None:
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "nodata": nodata}
    place = {"crs": grid.crs, "transform": grid.transform, "width": grid.width, "height": grid.height}
    with rasterio.open(path, "w", **profile, **place) as raster:
        raster.write(values, 1)


def write_truth(folder: Path, grid: Grid = GRID) -> Path:
    folder.mkdir()
    columns = np.clip(np.arange(SIZE) + 1 - SHORE, 0, 1)
    write_raster(folder / "water_fraction.tif", np.round(np.tile(columns, (SIZE, 1)) * 250).astype(np.uint8), GRID)
    line = shapely.LineString([grid.transform @ (SHORE, 0), grid.transform @ (SHORE, SIZE)])
    gpd.GeoDataFrame(geometry=[line], crs=grid.crs).to_file(folder / "shoreline.gpkg", layer="shoreline")
    return folder


def write_map(folder: Path, *, shift_px: float = 0.0, cloud: Window | None = None, grid: Grid = GRID) -> Path:
    """The map of a network whose shoreline lies ``shift_px`` east of the true one."""
    folder.mkdir()
    state = np.zeros(grid.shape, np.uint8)
    if cloud is not None:
        state[cloud.slices()] = OBSCURED
    col_off = round((grid.transform.c - GRID.transform.c) / 10)
    columns = np.clip((np.arange(grid.width) + col_off + 0.5 - SHORE - shift_px) / 4 + 0.5, 0, 1)
    probability = np.tile(columns, (grid.height, 1)).astype(np.float32)
    tracer = ContourTracer(width=grid.width, height=grid.height)
    tracer.add_strip(probability, state)
    context = SceneContext(scene="s", acquired=datetime(2024, 1, 1, tzinfo=UTC), model="m", probability_rmse=0.1)
    layers = build_coastline(tracer.finish(), grid=grid, context=context)
    layers.coastline.to_file(folder / "coastline.gpkg", layer="coastline")
    classes = np.where(state == OBSCURED, 2, probability >= 0.5).astype(np.uint8)
    write_raster(folder / "water.tif", classes, grid)
    return folder


@pytest.mark.parametrize("shift_px", [0.0, 0.31, -1.2])
def test_a_shifted_shoreline_is_as_far_off_as_it_was_shifted(tmp_path: Path, shift_px: float) -> None:
    accuracy = compute_accuracy(write_map(tmp_path / "map", shift_px=shift_px), write_truth(tmp_path / "truth"))
    metres = abs(shift_px) * 10
    for stats in (accuracy.mapped_to_true, accuracy.true_to_mapped):
        assert stats.count == pytest.approx(1000 / 5, abs=1)
        assert [stats.median, stats.mean, stats.rmse, stats.p95] == pytest.approx([metres] * 4, abs=1e-3)
    # Stated uncertainty: 0.1 over a slope of 1/4 a pixel, so 4 m.
    assert accuracy.within_1_sigma == (1.0 if metres <= 4 else 0.0)
    assert accuracy.within_2_sigma == (1.0 if metres <= 8 else 0.0)
    assert (accuracy.lines, accuracy.loose_ends) == (1, 0)
    assert accuracy.mapped_length_m == pytest.approx(1000 / 0.9996, rel=1e-5)


def test_pixels_are_counted_where_the_map_is_valid(tmp_path: Path) -> None:
    cloud = Window(90, 0, 10, SIZE)
    accuracy = compute_accuracy(write_map(tmp_path / "map", shift_px=2, cloud=cloud), write_truth(tmp_path / "truth"))
    # Truth: water from column 50 on (0.7 of it); map: from column 52 on (its centre lies at 52.5 > 52.3).
    expected = PixelStats(true_positive=3800, false_positive=0, false_negative=200, true_negative=5000)
    assert accuracy.pixels == expected
    assert accuracy.pixels.iou == pytest.approx(0.95)
    assert accuracy.to_dict()["pixels"]["recall"] == pytest.approx(0.95)
    assert accuracy.pixels.precision == 1
    assert accuracy.pixels.f1 == pytest.approx(2 * 0.95 / 1.95)


def test_what_lies_under_cloud_is_not_missed(tmp_path: Path) -> None:
    cloud = Window(40, 20, 20, 60)
    accuracy = compute_accuracy(write_map(tmp_path / "map", cloud=cloud), write_truth(tmp_path / "truth"))
    assert accuracy.lines == 2
    assert accuracy.loose_ends == 0
    assert accuracy.true_to_mapped.p95 < 1e-3
    assert accuracy.true_to_mapped.count == pytest.approx((1000 - 620) / 5, abs=2)


def test_a_shoreline_that_the_map_lacks_is_missed(tmp_path: Path) -> None:
    folder = write_map(tmp_path / "map")
    lines = gpd.read_file(folder / "coastline.gpkg", layer="coastline")
    half = shapely.box(500_000.0, 5_599_000.0, 501_000.0, 5_599_500.0)
    lines.geometry = lines.geometry.intersection(half)
    lines.to_file(folder / "coastline.gpkg", layer="coastline")
    accuracy = compute_accuracy(folder, write_truth(tmp_path / "truth"))
    assert accuracy.loose_ends == 1
    assert accuracy.mapped_to_true.p95 < 1e-3
    assert accuracy.true_to_mapped.p95 == pytest.approx(450, abs=10)


def test_a_part_of_the_product_is_compared_with_its_part_of_the_truth(tmp_path: Path) -> None:
    part = GRID.crop(Window(30, 10, 40, 50))
    accuracy = compute_accuracy(write_map(tmp_path / "map", grid=part), write_truth(tmp_path / "truth"))
    assert accuracy.pixels == PixelStats(true_positive=1000, false_positive=0, false_negative=0, true_negative=1000)
    assert accuracy.true_to_mapped.count == pytest.approx(500 / 5, abs=1)


def test_a_map_without_coastline_has_no_distances(tmp_path: Path) -> None:
    part = GRID.crop(Window(0, 0, 20, 20))
    accuracy = compute_accuracy(write_map(tmp_path / "map", grid=part), write_truth(tmp_path / "truth"))
    assert (accuracy.lines, accuracy.mapped_to_true.count, accuracy.true_to_mapped.count) == (0, 0, 0)
    assert np.isnan(accuracy.mapped_to_true.median)
    assert np.isnan(accuracy.pixels.iou)


def test_other_grids_and_missing_files_are_refused(tmp_path: Path) -> None:
    truth = write_truth(tmp_path / "truth")
    far = Grid(crs=GRID.crs, transform=GRID.transform @ Affine.translation(0.5, 0), width=SIZE, height=SIZE)
    with pytest.raises(GridError, match="truth of its own product"):
        compute_accuracy(write_map(tmp_path / "far", grid=far), truth)
    with pytest.raises(RasterReadError, match=r"water\.tif cannot be read"):
        compute_accuracy(tmp_path, truth)
    here = write_map(tmp_path / "map")
    with pytest.raises(RasterReadError, match=r"water_fraction\.tif cannot be read"):
        compute_accuracy(here, tmp_path)
    (truth / "shoreline.gpkg").unlink()
    with pytest.raises(RasterReadError, match="Layer shoreline of"):
        compute_accuracy(here, truth)


@pytest.mark.parametrize("top", [1, 253])
def test_classes_are_no_shares_of_water(tmp_path: Path, top: int) -> None:
    """A mask of 0 and 1 in place of shares was land from edge to edge."""
    truth = write_truth(tmp_path / "truth")
    mask = np.zeros((SIZE, SIZE), np.uint8)
    mask[:, 51:] = top
    write_raster(truth / "water_fraction.tif", mask, GRID)
    with pytest.raises(RasterReadError, match=rf"shares of water from 0 to 250 .*up to {top} in"):
        compute_accuracy(write_map(tmp_path / "map"), truth)


PLACES = st.tuples(st.floats(-50, 50), st.floats(-50, 50))
POLYLINES = st.lists(st.lists(PLACES, min_size=2, max_size=6, unique=True), min_size=1, max_size=5)


@given(POLYLINES, st.floats(0.5, 20))
@settings(deadline=None)
def test_samples_stand_for_the_same_length_each(places: list[list[tuple[float, float]]], step: float) -> None:
    lines = np.array([shapely.LineString(line) for line in places])
    samples = compute_samples(lines, step=step)
    assert np.abs(np.bincount(samples.line, minlength=len(lines)) - shapely.length(lines) / step).max() <= 0.5 + 1e-6
    assert (shapely.distance(shapely.points(samples.xy), lines[samples.line]) < 1e-9).all()
    for number, line in enumerate(lines):
        mine = samples.xy[samples.line == number]
        expected = [line.interpolate((k + 0.5) * step) for k in range(len(mine))]
        assert np.allclose(mine, np.array([(point.x, point.y) for point in expected]).reshape(-1, 2), atol=1e-6)


@given(POLYLINES, st.lists(PLACES, min_size=1, max_size=20))
@settings(deadline=None)
def test_distances_are_those_of_shapely(
    places: list[list[tuple[float, float]]], points: list[tuple[float, float]]
) -> None:
    lines = np.array([shapely.LineString(line) for line in places])
    expected = shapely.distance(shapely.points(points)[:, None], lines[None]).min(axis=1)
    assert compute_distances(np.array(points), lines) == pytest.approx(expected, abs=1e-9)


def test_no_lines_mean_no_distance() -> None:
    nothing = np.array([], dtype=object)
    assert np.isinf(compute_distances(np.zeros((2, 2)), nothing)).all()
    assert len(compute_samples(nothing, step=1).xy) == 0
    assert DistanceStats.from_distances(np.array([3.0, 4.0])).rmse == pytest.approx(np.sqrt(12.5))
