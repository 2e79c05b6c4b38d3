"""Pixels that a file itself declares invalid: by an internal mask, a mask beside it, or an alpha band."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.enums import ColorInterp

from pipeline.mapping.info import describe_scene
from pipeline.predict.device_input import ReflectanceTile, prepare_tile
from tests.tiles.products.scene_pixels import read_pixels
from tests.tiles.products.small_products import dark_water, write_item, write_raster
from tiles.bands import L2A_STACK
from tiles.masks import NODATA, VALID
from tiles.pixels.reader import FileStream, ReadPlan, read_strips
from tiles.products.open import StackOptions, open_scene
from tiles.scene import Scene

SHAPE = (12, 40, 40)
HOLE = np.zeros((40, 40), dtype=bool)
HOLE[:10, 5:30] = True


def make_dn(shape: tuple[int, ...] = SHAPE) -> NDArray[np.uint16]:
    """Calm sea with its offset in; under the mask lies what a warp may leave."""
    dn = dark_water(shape)
    dn[..., HOLE] = 321
    return dn


def write_mask(path: Path, *, internal: bool, hole: NDArray[np.bool_] = HOLE) -> None:
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=internal), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(np.where(hole, 0, 255).astype(np.uint8))


def write_alpha(path: Path, *, named: bool, names: tuple[str, ...] = L2A_STACK) -> Path:
    alpha = np.where(HOLE, 0, 65535).astype(np.uint16)[None]
    dn = np.concatenate([make_dn((len(names) or 12, 40, 40)), alpha])
    write_raster(path, dn, descriptions=(*names, "dataMask") if named else names)
    if not named:
        with rasterio.open(path, "r+") as dataset:
            undefined = [ColorInterp.undefined] * (len(dn) - 2)
            dataset.colorinterp = [ColorInterp.gray, *undefined, ColorInterp.alpha]
    return path


def assert_holed(scene: Scene) -> None:
    np.testing.assert_array_equal(read_pixels(scene).state, np.where(HOLE, NODATA, VALID))
    assert describe_scene(scene).nodata_share == pytest.approx(HOLE.mean(), abs=1e-4)
    assert set(scene.radiometry.offsets.values()) == {-1000}  # what is masked took no part in judging it
    assert not scene.radiometry.doubts


@pytest.mark.parametrize("internal", [True, False])
@pytest.mark.parametrize("nodata", [None, 0])
def test_masks_within_and_beside_a_stack(tmp_path: Path, *, internal: bool, nodata: float | None) -> None:
    path = write_raster(tmp_path / "s.tif", make_dn(), descriptions=L2A_STACK, nodata=nodata)
    write_mask(path, internal=internal)
    assert (tmp_path / "s.tif.msk").exists() is not internal
    assert_holed(open_scene(path))


@pytest.mark.parametrize("named", [True, False])
def test_alpha_of_a_stack(tmp_path: Path, *, named: bool) -> None:
    assert_holed(open_scene(write_alpha(tmp_path / "s.tif", named=named)))


def test_alpha_beside_nodata(tmp_path: Path) -> None:
    path = write_alpha(tmp_path / "s.tif", named=False)
    with rasterio.open(path, "r+") as dataset:
        dataset.nodata = 0
    assert_holed(open_scene(path))


def test_twelve_unnamed_bands_and_alpha_are_l2a(tmp_path: Path) -> None:
    path = write_alpha(tmp_path / "s.tif", named=False, names=())
    scene = open_scene(path)
    assert (scene.band_names, scene.level) == (L2A_STACK, "L2A")
    assert_holed(scene)
    assert_holed(open_scene(path, options=StackOptions(bands=L2A_STACK)))
    assert_holed(open_scene(path, options=StackOptions(bands=(*L2A_STACK, "-"))))


def test_a_band_that_is_named_is_no_alpha_whatever_a_program_marked(tmp_path: Path) -> None:
    names = ("B02", "B03", "B04", "B08")
    dn = (dark_water((4, 40, 40), offset=0) // 40).astype(np.uint8)
    dn[3, :5] = 0  # dark in the near infrared
    path = write_raster(tmp_path / "s.tif", dn, descriptions=names)
    with rasterio.open(path) as dataset:
        assert dataset.colorinterp[3] == ColorInterp.alpha  # as GDAL has it for four bands of a byte
    scene = open_scene(path, options=StackOptions(scale=0.004, offset=0))
    assert (read_pixels(scene).state == VALID).all()
    assert "B08" in scene.band_names


def test_masks_of_a_folder_and_of_an_item(tmp_path: Path) -> None:
    for name in L2A_STACK:
        path = write_raster(tmp_path / f"{name}.tif", make_dn((1, 40, 40)))
        if name == "B11":
            write_mask(path, internal=True)
    scene = open_scene(tmp_path)
    assert [band.name for band in scene.bands if band.masks] == ["B11"]
    np.testing.assert_array_equal(read_pixels(scene).state == NODATA, HOLE)
    assets = {name: {"href": f"./{name}.tif"} for name in L2A_STACK}
    item = open_scene(write_item(tmp_path / "item.json", assets=assets, **{"s2:processing_baseline": "05.11"}))
    np.testing.assert_array_equal(read_pixels(item).state == NODATA, HOLE)


def test_a_mask_under_the_rule_of_all_bands(tmp_path: Path) -> None:
    dn = dark_water(SHAPE, offset=0)
    dn[3, 20:25] = 0  # dark water, clipped in one band
    path = write_raster(tmp_path / "s.tif", dn, descriptions=L2A_STACK, nodata=0)
    write_mask(path, internal=True)
    scene = open_scene(path)
    assert scene.radiometry.nodata_rule == "all"
    np.testing.assert_array_equal(read_pixels(scene).state == NODATA, HOLE)


def test_masked_pixels_take_no_part_in_coarse_bands(tmp_path: Path) -> None:
    write_raster(tmp_path / "B02.tif", dark_water((1, 40, 40)))
    coarse = np.full((1, 20, 20), 1500, dtype=np.uint16)
    coarse[:, :10] = 9000
    path = write_raster(tmp_path / "B11.tif", coarse, pixel=20)
    write_mask(path, internal=True, hole=coarse[0] == 9000)
    pixels = read_pixels(open_scene(tmp_path, options=StackOptions(offset=0)))
    valid = pixels.state == VALID
    np.testing.assert_array_equal(valid[20:], True)
    np.testing.assert_array_equal(valid[:20], False)
    np.testing.assert_allclose(pixels.reflectance[1][valid], 0.15, atol=1e-5)


def test_a_mask_is_decoded_once_for_all_bands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_raster(tmp_path / "s.tif", make_dn((12, 40, 40)), descriptions=L2A_STACK)
    write_mask(path, internal=True)
    calls: list[int] = []
    decode = FileStream._decode_masks

    def count(stream: FileStream, row: int) -> tuple[NDArray[np.bool_] | None, ...]:
        masks = decode(stream, row)
        calls.append(len({id(mask) for mask in masks}))
        return masks

    monkeypatch.setattr(FileStream, "_decode_masks", count)
    read_pixels(open_scene(path))
    assert calls == [1]


def test_a_device_is_given_what_the_host_made_of_a_mask(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "s.tif", make_dn(), descriptions=L2A_STACK)
    write_mask(path, internal=True)
    scene = open_scene(path)
    plan = ReadPlan(scene=scene, bands=scene.bands, threads=1)
    (strip,) = read_strips(plan, [scene.grid.window])
    tile = prepare_tile(strip, scene.grid.window)
    assert isinstance(tile, ReflectanceTile)
    np.testing.assert_array_equal(tile.state == NODATA, HOLE)
