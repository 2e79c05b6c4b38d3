"""Files as Earth Engine and openEO export them: named bands, the offset taken off already, DN or fractions.

Source: Earth Engine, COPERNICUS/S2_SR_HARMONIZED (bands B1 to B12 without B10, scaled by 10000, offset taken off; ids
such as 20240614T101021_20251014T101725_T33TVM: sensed, made, tile); openEO, file formats GTiff and netCDF (bands B01 to
B12, int16, nodata -32768).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray

from tests.tiles.products.small_products import dark_water, write_raster
from tiles.bands import L2A_STACK
from tiles.grid import Window
from tiles.masks import VALID
from tiles.pixels.reader import ReadPlan, read_strips
from tiles.products.open import open_scene

EARTH_ENGINE = ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12")
QUALITY = ("AOT", "WVP", "SCL", "TCI_R", "MSK_CLDPRB", "QA60")
ID = "20240614T101021_20251014T101725_T33TVM"
EDGE = 60


def make_dn(count: int = 12, *, bright: int = 0) -> NDArray[np.uint16]:
    """DN without an offset; with ``bright`` nothing in them is dark enough to tell."""
    return (dark_water((count, EDGE, EDGE), offset=0) + bright).astype(np.uint16)


def check(path: Path, truth: NDArray[np.floating[Any]], names: tuple[str, ...] = L2A_STACK) -> tuple[str, ...]:
    """That a file comes out as this reflectance; gives the doubts."""
    scene = open_scene(path)
    assert scene.band_names == names
    (strip,) = read_strips(ReadPlan(scene=scene, bands=scene.bands), [Window(0, 0, EDGE, EDGE)])
    pixels = strip.read(Window(0, 0, EDGE, EDGE))
    assert (pixels.state == VALID).all()
    np.testing.assert_allclose(pixels.reflectance, truth, atol=1e-6)
    return scene.radiometry.doubts


@pytest.mark.parametrize("kind", ["uint16", "int16", "float32", "float64"])
@pytest.mark.parametrize("names", [EARTH_ENGINE, L2A_STACK])
def test_bands_of_both_spellings_in_dn_and_in_fractions(tmp_path: Path, names: tuple[str, ...], kind: str) -> None:
    dn = make_dn()
    pixels = dn / 10000 if kind.startswith("float") else dn
    path = write_raster(tmp_path / f"{ID}.tif", pixels.astype(kind), descriptions=names)
    assert check(path, dn / 10000) == ()
    assert f"{open_scene(path).acquired:%Y-%m-%dT%H:%M:%S}" == "2024-06-14T10:10:21", (
        "the first time is that of sensing"
    )


def test_four_bands_as_earth_engine_names_them(tmp_path: Path) -> None:
    dn = make_dn(4)
    path = write_raster(tmp_path / f"{ID}.tif", dn, descriptions=("B2", "B3", "B4", "B8"))
    check(path, dn / 10000, ("B02", "B03", "B04", "B08"))


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_fractions_in_which_nothing_is_dark_are_reflectance(tmp_path: Path, kind: str) -> None:
    """No date is a reason to take an offset from what is reflectance already."""
    dn = make_dn(bright=2500)
    path = write_raster(tmp_path / f"{ID}.tif", (dn / 10000).astype(kind), descriptions=EARTH_ENGINE, nodata=np.nan)
    check(path, dn / 10000)


def test_dn_in_which_nothing_is_dark_are_doubted(tmp_path: Path) -> None:
    """Nothing says that the offset is off: none is taken off, and how to say it otherwise is told."""
    path = write_raster(tmp_path / f"{ID}.tif", make_dn(bright=2500), descriptions=EARTH_ENGINE)
    assert "None is taken off; use --offset -1000 if there is one." in open_scene(path).radiometry.doubts[0]


def test_quality_bands_of_earth_engine_are_no_light(tmp_path: Path) -> None:
    dn = np.concatenate([make_dn(), np.full((len(QUALITY), EDGE, EDGE), 4, np.uint16)])
    path = write_raster(tmp_path / f"{ID}.tif", dn, descriptions=(*EARTH_ENGINE, *QUALITY))
    check(path, dn[:12] / 10000)
    scene = open_scene(path)
    assert scene.classification is not None
    assert scene.notes[0] == "Bands left out, as they are none of Sentinel-2: AOT, WVP, TCI_R, MSK_CLDPRB, QA60."


def test_openeo_with_its_nodata(tmp_path: Path) -> None:
    dn = make_dn().astype(np.int16)
    path = write_raster(tmp_path / "openEO_2024-06-14Z.tif", dn, descriptions=L2A_STACK, nodata=-32768)
    check(path, dn / 10000)
    assert f"{open_scene(path).acquired:%Y-%m-%d}" == "2024-06-14"


def test_dark_water_that_an_export_clipped_is_data(tmp_path: Path) -> None:
    dn = make_dn().astype(np.int16)
    dn[:3, 20:30, 20:30] = 0
    path = write_raster(tmp_path / "openEO_2024-06-14Z.tif", dn, descriptions=L2A_STACK, nodata=-32768)
    check(path, dn / 10000)


def test_a_folder_of_single_bands(tmp_path: Path) -> None:
    dn = make_dn(2)
    for name, band in zip(("B2", "B8"), dn, strict=True):
        write_raster(tmp_path / "S2" / f"{ID}.{name}.tif", band[None], descriptions=(name,))
    with rasterio.open(tmp_path / "S2" / f"{ID}.B2.tif") as file:
        assert file.count == 1
    check(tmp_path / "S2", dn / 10000, ("B02", "B08"))
