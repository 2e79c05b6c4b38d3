"""Products in EOPF's Zarr layout: their reflectance is what xarray says too, and no second offset comes off."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import xarray

from pipeline.batch.sources import list_sources
from pipeline.mapping.info import describe_scene
from tests.tiles.products.eopf_product import FINEST, ID, LEFT, SIZE_M, TOP, Packing, make_band, write_eopf
from tiles.bands import L2A_STACK
from tiles.errors import GridError, RasterReadError, SceneError
from tiles.grid import Window
from tiles.masks import NODATA, OBSCURED, VALID
from tiles.pixels.reader import ReadPlan, read_strips
from tiles.products.eopf import is_eopf
from tiles.products.open import StackOptions, open_scene

EDGE = SIZE_M // 10


@pytest.fixture(scope="module", params=[(2, "packed"), (2, "fractions"), (3, "packed"), (3, "fractions")], ids=str)
def product(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    version, packing = request.param
    return write_eopf(tmp_path_factory.mktemp("eopf"), zarr_format=version, packing=packing)


def test_what_a_product_says_of_itself(product: Path) -> None:
    scene = open_scene(product)
    assert (scene.id, scene.kind, scene.level, scene.baseline) == (ID, "eopf", "L2A", "05.11")
    assert (scene.platform, scene.cloud_percent, str(scene.acquired)) == (
        "sentinel-2a",
        12.5,
        "2025-10-14 10:10:21+00:00",
    )
    assert scene.band_names == L2A_STACK
    assert tuple(scene.grid.bounds) == (LEFT, TOP - SIZE_M, LEFT + SIZE_M, TOP)
    assert {band.name: band.grid.resolution[0] for band in scene.bands} == FINEST
    assert scene.radiometry.doubts == scene.notes == ()


def test_reflectance_is_the_products_own(product: Path) -> None:
    scene = open_scene(product)
    plan = ReadPlan(scene=scene, bands=scene.bands, obscured_classes=frozenset({9}))
    (strip,) = read_strips(plan, [Window(0, 0, EDGE, EDGE)])
    pixels = strip.read(Window(0, 0, EDGE, EDGE))
    assert (pixels.state[:24] == NODATA).all()
    assert (pixels.state[24:] == VALID).all()
    for name in ("B02", "B08"):
        truth = (make_band(name).astype(float) - 1000) / 10000
        np.testing.assert_allclose(pixels.reflectance[scene.band_names.index(name)][24:], truth[24:], atol=1e-6)
        with xarray.open_zarr(product / "measurements/reflectance/r10m", consolidated=False) as opened:
            decoded = opened[name.lower()].to_numpy()
        np.testing.assert_allclose(decoded[24:], truth[24:], atol=1e-6)


def test_info_counts_nodata_and_cloud(product: Path) -> None:
    info = describe_scene(open_scene(product))
    assert info.nodata_share == pytest.approx(0.2)
    assert info.cloud_share == pytest.approx(5 / 60)


def test_classes_hide_the_ground(tmp_path: Path) -> None:
    path = write_eopf(tmp_path)
    scene = open_scene(path)
    assert scene.classification is not None
    plan = ReadPlan(scene=scene, bands=scene.bands[:1], obscured_classes=frozenset({6}))
    (strip,) = read_strips(plan, [Window(0, 60, EDGE, 60)])
    assert (strip.read(Window(0, 60, EDGE, 60)).state == OBSCURED).all()


def test_a_folder_of_products_is_batched(tmp_path: Path) -> None:
    path = write_eopf(tmp_path / "deep")
    for folder in (tmp_path, tmp_path / "deep", path):
        (scene,) = list_sources(folder).scenes
        assert (scene.id, scene.source) == (ID, str(path))


@pytest.mark.parametrize("packing", ["packed", "fractions"])
def test_a_new_baseline_and_the_users_word(tmp_path: Path, packing: Packing) -> None:
    path = write_eopf(tmp_path, packing=packing, **{"processing:version": "06.00"})
    assert "newer than any" in open_scene(path).notes[0]
    with pytest.raises(SceneError, match="says all this itself"):
        open_scene(path, options=StackOptions(offset=-1000))


@pytest.mark.parametrize("version", [2, 3])
def test_a_chunk_that_is_cut_is_an_error(tmp_path: Path, version: Literal[2, 3]) -> None:
    path = write_eopf(tmp_path, zarr_format=version)
    scene = open_scene(path)
    band = path / "measurements/reflectance/r10m/b03"
    chunk = band / ("1.1" if version == 2 else "c/1/1")
    chunk.write_bytes(chunk.read_bytes()[:-40])
    with pytest.raises(RasterReadError, match="B03"):
        list(read_strips(ReadPlan(scene=scene, bands=scene.bands), [Window(0, 0, EDGE, EDGE)]))


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    path = write_eopf(tmp_path / "crs", **{"proj:code": None})
    with pytest.raises(GridError, match="Expected a CRS"):
        open_scene(path)
    path = write_eopf(tmp_path / "bands")
    for folder in (path / "measurements/reflectance").iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)
    with pytest.raises(SceneError, match="Expected bands in"):
        open_scene(path)
    assert not is_eopf(tmp_path)
