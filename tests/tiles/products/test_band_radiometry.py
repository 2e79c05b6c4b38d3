"""Scale, offset and nodata belong to a band: each has its own, in stacks, folders of files and STAC items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from pipeline.mapping.info import describe_scene
from tests.tiles.products.scene_pixels import read_pixels
from tests.tiles.products.small_products import dark_water, write_item, write_raster
from tiles.bands import L2A_STACK
from tiles.masks import NODATA, VALID
from tiles.products.open import StackOptions, open_scene
from tiles.scene import Scene

SHAPE = (12, 40, 40)
NAMES = ("B02", "B03", "B04", "B08")
OTHER = L2A_STACK.index("B04")


def make_reflectance() -> NDArray[np.float64]:
    """Of a calm sea and its shore, (band, row, col)."""
    return (dark_water(SHAPE, offset=0).astype(np.float64)) / 10_000


def set_tags(path: Path, **values: Any) -> Path:  # noqa: ANN401 (rasterio's own)
    with rasterio.open(path, "r+") as dataset:
        for name, value in values.items():
            setattr(dataset, name, value)
    return path


def assert_reads(scene: Scene, reflectance: NDArray[np.float64], *, atol: float = 1e-4) -> None:
    np.testing.assert_allclose(read_pixels(scene).reflectance, reflectance, atol=atol)


def test_each_band_of_a_stack_has_its_own_scale(tmp_path: Path) -> None:
    reflectance = make_reflectance()
    scales = [1e-4] * 12
    scales[OTHER] = 5e-4
    dn = np.round(reflectance / np.array(scales)[:, None, None]).astype(np.uint16)
    path = write_raster(tmp_path / "s.tif", dn, descriptions=L2A_STACK)
    scene = open_scene(set_tags(path, scales=scales))
    assert (scene.radiometry.quantification, scene.radiometry.quantifications) == (10_000, {"B04": 2000})
    assert_reads(scene, reflectance, atol=5e-4)
    described = describe_scene(scene).to_dict()
    assert described["radiometry"]["quantifications"] == {"B04": 2000}
    assert {band["name"]: band["quantification"] for band in described["bands"]}["B04"] == 2000


def test_each_band_of_a_stack_has_its_own_offset(tmp_path: Path) -> None:
    reflectance = make_reflectance()
    dn = np.round(reflectance * 10_000 + 1000)
    dn[OTHER] -= 1000
    path = write_raster(tmp_path / "s.tif", dn.astype(np.uint16), descriptions=L2A_STACK)
    offsets = [0.0 if index == OTHER else -0.1 for index in range(12)]
    scene = open_scene(set_tags(path, scales=[1e-4] * 12, offsets=offsets))
    assert scene.radiometry.offsets == {name: 0 if name == "B04" else -1000 for name in L2A_STACK}
    assert not scene.radiometry.doubts
    assert_reads(scene, reflectance)


def test_an_offset_in_dn_beside_no_scale_is_dn(tmp_path: Path) -> None:
    path = write_raster(tmp_path / "s.tif", dark_water(SHAPE), descriptions=L2A_STACK, tags=(1.0, -1000.0))
    assert set(open_scene(path).radiometry.offsets.values()) == {-1000}


def test_bands_of_a_folder_differ_in_type_scale_and_nodata(tmp_path: Path) -> None:
    reflectance = make_reflectance()
    reflectance[:, :4] = np.nan
    for name, band in zip(L2A_STACK, reflectance, strict=True):
        if name == "B04":
            write_raster(tmp_path / "B04.tif", np.nan_to_num(band, nan=-9999)[None].astype("f4"), nodata=-9999)
        else:
            dn = np.nan_to_num(np.round(band * 10_000), nan=0)
            write_raster(tmp_path / f"{name}.tif", dn[None].astype(np.uint16), nodata=0)
    scene = open_scene(tmp_path)
    assert (scene.radiometry.quantifications, scene.radiometry.markers) == ({"B04": 1}, {"B04": -9999})
    pixels = read_pixels(scene)
    assert (pixels.state[:4] == NODATA).all()
    assert (pixels.state[4:] == VALID).all()
    np.testing.assert_allclose(pixels.reflectance[:, 4:], reflectance[:, 4:], atol=1e-4)


def test_a_marker_of_one_band_alone_takes_its_pixels_away(tmp_path: Path) -> None:
    for name in NAMES:
        dn = dark_water((1, 40, 40), offset=0).astype(np.int16)
        dn[:, :, :5] = -32768 if name == "B08" else dn[:, :, :5]
        write_raster(tmp_path / f"{name}.tif", dn, nodata=-32768 if name == "B08" else 0)
    scene = open_scene(tmp_path)
    assert scene.radiometry.nodata_rule == "all"
    state = read_pixels(scene).state
    assert (state[:, :5] == NODATA).all()
    assert (state[:, 5:] == VALID).all()


def test_each_asset_of_an_item_has_its_own_scale_offset_and_nodata(tmp_path: Path) -> None:
    reflectance = make_reflectance()[:4]
    assets = {}
    for name, band in zip(NAMES, reflectance, strict=True):
        scale, nodata = (2e-4, -9999) if name == "B03" else (1e-4, 0)
        dn = np.round((band + 0.1) / scale).astype(np.int16)
        dn[:5] = nodata
        write_raster(tmp_path / f"{name}.tif", dn[None])
        said = {"scale": scale, "offset": -0.1, "nodata": nodata}
        assets[name] = {"href": f"./{name}.tif", "raster:bands": [said]}
    scene = open_scene(write_item(tmp_path / "item.json", assets=assets, **{"s2:processing_baseline": "05.11"}))
    assert (scene.radiometry.quantifications, scene.radiometry.markers) == ({"B03": 5000}, {"B03": -9999})
    assert scene.radiometry.offsets == {"B02": -1000, "B03": -500, "B04": -1000, "B08": -1000}
    pixels = read_pixels(scene)
    assert (pixels.state[:5] == NODATA).all()
    np.testing.assert_allclose(pixels.reflectance[:, 5:], reflectance[:, 5:], atol=2e-4)


@pytest.mark.parametrize("scale", [1e-4, 2e-4])
def test_the_users_scale_holds_for_all_bands(tmp_path: Path, scale: float) -> None:
    path = write_raster(tmp_path / "s.tif", dark_water(SHAPE), descriptions=L2A_STACK)
    set_tags(path, scales=[1e-4] * 11 + [1e-3])
    radiometry = open_scene(path, options=StackOptions(scale=scale, offset=0)).radiometry
    assert (radiometry.quantification, radiometry.quantifications) == (round(1 / scale), {})
