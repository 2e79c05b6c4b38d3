"""Values that no ground reflects, in all bands at once and without a tag: missing pixels, and said to be so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.tiles.products.scene_pixels import read_pixels
from tests.tiles.products.small_products import dark_water, write_item, write_raster
from tiles.bands import BANDS, L2A_STACK
from tiles.masks import NODATA, VALID
from tiles.products.fills import compute_repeated_values, resolve_fills
from tiles.products.open import StackOptions, open_scene

SHAPE = (12, 60, 60)


@pytest.mark.parametrize(
    ("fill", "dtype", "nodata"),
    [
        (-9999, "i2", None),
        (-10000, "i2", None),
        (-32768, "i2", 0),
        (-1000, "i2", None),  # nodata from which the offset was subtracted
        (-999, "f4", None),
        (32767, "i2", None),
        (65535, "u2", 0),
        (64536, "u2", None),
        (2**31 - 1, "i4", None),
        (-3.4028234663852886e38, "f4", None),
        (1e20, "f8", None),
    ],
)
def test_fill_is_nodata_though_no_tag_says_so(tmp_path: Path, fill: float, dtype: str, nodata: float | None) -> None:
    dn = dark_water(SHAPE, offset=0).astype(dtype)
    dn[:, :6] = fill
    scene = open_scene(write_raster(tmp_path / "s.tif", dn, descriptions=L2A_STACK, nodata=nodata))
    state = read_pixels(scene).state
    assert (state[:6] == NODATA).all()
    assert (state[6:] == VALID).all()
    assert set(scene.radiometry.offsets.values()) == {0}
    (doubt,) = scene.radiometry.doubts
    assert "nodata" in doubt
    assert f"{dn[0, 0, 0]:.10g}" in doubt
    assert "10.0%" in doubt


@pytest.mark.parametrize("fill", [-9999, 9999, -1, 255, 1e20])
def test_fill_says_nothing_of_the_scale_of_fractions(tmp_path: Path, fill: float) -> None:
    fractions = dark_water(SHAPE, offset=0).astype("f4") / 10_000
    fractions[:, :6] = fill
    scene = open_scene(write_raster(tmp_path / "s.tif", fractions, descriptions=L2A_STACK))
    assert scene.radiometry.quantification == 1
    assert (read_pixels(scene).state[:6] == NODATA).all()


def test_fill_in_files_of_several_resolutions(tmp_path: Path) -> None:
    for name in ("B02", "B03", "B08", "B11"):
        size = 600 // BANDS[name].resolution_m
        dn = dark_water((1, size, size), offset=0).astype(np.int16)
        dn[:, : size // 6] = -9999
        write_raster(tmp_path / f"{name}.tif", dn, pixel=BANDS[name].resolution_m)
    pixels = read_pixels(open_scene(tmp_path))
    assert (pixels.state[:10] == NODATA).all()
    assert (pixels.state[10:] == VALID).all()
    assert pixels.reflectance[:, 10:].min() > 0


def test_fill_in_an_item(tmp_path: Path) -> None:
    for name in ("B02", "B03", "B04", "B08"):
        dn = dark_water((1, 60, 60)).astype(np.int32)
        dn[:, :6] = 65535
        write_raster(tmp_path / f"{name}.tif", dn)
    assets = {name: {"href": f"./{name}.tif"} for name in ("B02", "B03", "B04", "B08")}
    scene = open_scene(write_item(tmp_path / "item.json", assets=assets, **{"s2:processing_baseline": "05.11"}))
    assert (read_pixels(scene).state[:6] == NODATA).all()
    assert any("65535" in doubt for doubt in scene.radiometry.doubts)


def test_the_users_word_needs_no_doubt(tmp_path: Path) -> None:
    dn = dark_water(SHAPE, offset=0).astype(np.int16)
    dn[:, :6] = -9999
    scene = open_scene(write_raster(tmp_path / "s.tif", dn, descriptions=L2A_STACK), options=StackOptions(nodata=-9999))
    assert (scene.radiometry.nodata, scene.radiometry.fills, scene.radiometry.doubts) == (-9999, (), ())


def test_saturated_and_uniform_ground_is_no_fill(tmp_path: Path) -> None:
    dn = dark_water(SHAPE)
    dn[:, :6] = 12_000  # cloud, all alike
    dn[:4, 6:12] = 65535  # saturated in some bands alone
    dn[:, 12:14] = 1  # as dark as it gets
    scene = open_scene(write_raster(tmp_path / "s.tif", dn, descriptions=L2A_STACK))
    assert scene.radiometry.fills == ()
    assert (read_pixels(scene).state == VALID).all()


def test_a_value_must_be_common_and_in_all_bands() -> None:
    rng = np.random.default_rng(3)
    bands = {name: rng.integers(100, 3000, 10_000) for name in ("B02", "B08")}
    bands["B02"][:200] = bands["B08"][:200] = -9999
    bands["B02"][200:400] = -8888
    bands["B02"][400:403] = bands["B08"][400:403] = -7777
    fills = resolve_fills(compute_repeated_values([bands]), quantifications=[10_000], markers=[0])
    assert fills == {-9999.0: 0.02}
