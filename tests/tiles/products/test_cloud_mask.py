"""A user's cloud mask on any grid hides what it says, pixel by pixel, and nothing beyond it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from tests.tiles.products.small_products import dark_water, write_raster
from tiles.errors import OptionError, RasterReadError
from tiles.grid import Grid, Window
from tiles.masks import OBSCURED, VALID
from tiles.pixels.cloud_buffer import NO_BUFFER, CloudBuffer
from tiles.pixels.reader import ReadPlan, read_strips
from tiles.products.cloud_mask import open_cloud_mask
from tiles.products.open import open_scene
from tiles.scene import Scene
from tiles.tiling import Tiling

BANDS = ("B02", "B03", "B04", "B08")


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    path = write_raster(tmp_path_factory.mktemp("scene") / "s.tif", dark_water((4, 90, 110)), descriptions=BANDS)
    return open_scene(str(path))


def write_mask(
    path: Path, classes: NDArray[np.uint8], crs: object, transform: Affine, *, nodata: float | None = None
) -> Path:
    height, width = classes.shape[-2:]
    profile = {"driver": "GTiff", "dtype": "uint8", "crs": crs, "transform": transform, "nodata": nodata}
    with rasterio.open(path, "w", height=height, width=width, count=classes.size // (height * width), **profile) as dst:
        dst.write(classes.reshape(-1, height, width))
    return path


def write_tilted(path: Path, scene: Scene, *, nodata: float | None = None, share: float = 1.2) -> Path:
    """Classes 0 to 3 in degrees, in pixels of other size, over a share of the scene's width and height."""
    to_degrees = pyproj.Transformer.from_crs(scene.grid.crs.to_wkt(), 4326, always_xy=True)
    left, bottom, right, top = to_degrees.transform_bounds(*scene.grid.bounds)
    step = (right - left) / 37
    size = (int(share * (top - bottom) / step), int(share * 37))
    classes = np.random.default_rng(3).integers(0, 4, size, dtype=np.uint8)
    return write_mask(path, classes, "EPSG:4326", Affine(step, 0, left, 0, -step, top), nodata=nodata)


def read_state(
    scene: Scene, path: Path, classes: frozenset[int], *, tile_size: int = 200, buffer: CloudBuffer = NO_BUFFER
) -> NDArray[np.uint8]:
    masked = replace(scene, classification=open_cloud_mask(str(path), scene.grid).source)
    plan = ReadPlan(scene=masked, bands=scene.bands, obscured_classes=classes, cloud_buffer=buffer)
    rows = list(Tiling(domain=scene.grid.window, tile_size=tile_size, halo=5).rows())
    state = np.empty(scene.grid.shape, dtype=np.uint8)
    for row, strip in zip(rows, read_strips(plan, [row.read for row in rows]), strict=True):
        for tile in row.tiles:
            read = strip.read(tile.read).state
            state[tile.interior.slices()] = read[tile.interior.slices(within=tile.read)]
    return state


def sample_mask(scene: Scene, path: Path) -> NDArray[np.int64]:
    """The class at each pixel's centre, by pyproj; -1 beyond the mask."""
    with rasterio.open(path) as dataset:
        cols, rows = np.meshgrid(np.arange(scene.grid.width) + 0.5, np.arange(scene.grid.height) + 0.5)
        to_mask = pyproj.Transformer.from_crs(scene.grid.crs.to_wkt(), dataset.crs.to_wkt(), always_xy=True)
        t, m = scene.grid.transform, dataset.transform
        x, y = to_mask.transform(t.c + cols * t.a, t.f + rows * t.e)
        col, row = np.floor((x - m.c) / m.a).astype(int), np.floor((y - m.f) / m.e).astype(int)
        inside = (col >= 0) & (col < dataset.width) & (row >= 0) & (row < dataset.height)
        values = dataset.read(1).astype(np.int64)
        return np.where(inside, values[row.clip(0, dataset.height - 1), col.clip(0, dataset.width - 1)], -1)


@pytest.mark.parametrize("classes", [{1, 2, 3}, {2}, {0}])
@pytest.mark.parametrize("share", [1.2, 0.5])
def test_each_pixel_has_the_class_at_its_centre(scene: Scene, tmp_path: Path, classes: set[int], share: float) -> None:
    path = write_tilted(tmp_path / "m.tif", scene, share=share)
    expected = np.isin(sample_mask(scene, path), list(classes))
    state = read_state(scene, path, frozenset(classes))
    np.testing.assert_array_equal(state == OBSCURED, expected)
    assert set(np.unique(state).tolist()) == {VALID, OBSCURED}
    covered = open_cloud_mask(str(path), scene.grid).covered
    assert covered == pytest.approx((sample_mask(scene, path) >= 0).mean(), abs=0.03)


def test_what_a_mask_tags_as_missing_hides_nothing(scene: Scene, tmp_path: Path) -> None:
    path = write_tilted(tmp_path / "m.tif", scene, nodata=2)
    state = read_state(scene, path, frozenset({1, 2}))
    np.testing.assert_array_equal(state == OBSCURED, sample_mask(scene, path) == 1)


def test_a_value_that_no_byte_holds_hides_nothing(scene: Scene, tmp_path: Path) -> None:
    path = write_tilted(tmp_path / "m.tif", scene)
    state = read_state(scene, path, frozenset({1, 300}))
    np.testing.assert_array_equal(state == OBSCURED, sample_mask(scene, path) == 1)


def test_a_small_mask_is_a_mask_and_is_measured_by_what_is_mapped(tmp_path: Path) -> None:
    crs = CRS.from_epsg(32630)
    grid = Grid(crs=crs, transform=Affine(10, 0, 300000, 0, -10, 4500000), width=10980, height=10980)
    part = grid.crop(Window(90, 90, 100, 100))  # between the points that are looked at in the scene
    path = write_mask(tmp_path / "m.tif", np.ones((100, 50), np.uint8), crs, part.transform)
    assert open_cloud_mask(str(path), grid, part=part).covered == pytest.approx(0.5)
    assert open_cloud_mask(str(path), grid).covered < 1e-3


@pytest.mark.parametrize("tile_size", [16, 41, 64])
def test_tiles_agree_to_the_pixel_with_what_grows(scene: Scene, tmp_path: Path, tile_size: int) -> None:
    grid = scene.grid
    classes = np.zeros((45, 55), dtype=np.uint8)  # pixels of 20 m
    classes[10:14, 10:14], classes[30:40, 40:44], classes[40, 5] = 1, 2, 3
    transform = grid.transform @ Affine.scale(2)
    path = write_mask(tmp_path / "m.tif", classes, CRS.from_wkt(grid.crs.to_wkt()), transform)
    buffer = CloudBuffer.measure(grid, 60)
    whole = read_state(scene, path, frozenset({1, 2, 3}), buffer=buffer)
    hidden = classes.repeat(2, axis=0).repeat(2, axis=1) > 0
    assert (whole[hidden] == OBSCURED).all()
    assert (whole == OBSCURED).sum() > 3 * hidden.sum()
    again = read_state(scene, path, frozenset({1, 2, 3}), tile_size=tile_size, buffer=buffer)
    np.testing.assert_array_equal(again, whole)


def test_what_is_no_mask_of_the_scene_is_refused(scene: Scene, tmp_path: Path) -> None:
    two = np.zeros((2, 5, 5), dtype=np.uint8)
    path = write_mask(tmp_path / "two.tif", two, "EPSG:4326", Affine(1, 0, 0, 0, -1, 60))
    with pytest.raises(OptionError, match="one band of classes, found 2 bands"):
        open_cloud_mask(str(path), scene.grid)
    path = write_mask(tmp_path / "far.tif", two[0], "EPSG:4326", Affine(1, 0, -100, 0, -1, 0))
    with pytest.raises(OptionError, match="does not lie on the scene"):
        open_cloud_mask(str(path), scene.grid)
    with pytest.raises(RasterReadError, match=r"none\.tif"):
        open_cloud_mask(str(tmp_path / "none.tif"), scene.grid)
