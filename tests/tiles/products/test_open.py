"""The one door: what a path is, is found out from what lies there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from tests.tiles.products.small_products import dark_water, write_item, write_product, write_raster
from tiles.bands import L2A_STACK
from tiles.errors import SceneError
from tiles.products.dn_samples import read_dn_samples
from tiles.products.name import make_scene_id
from tiles.products.open import StackOptions, open_scene

KINDS = ["safe", "xml", "folder above", "stack", "band folder", "item", "item folder"]


def make(kind: str, folder: Path) -> Path:
    if kind in {"safe", "xml", "folder above"}:
        root = write_product(folder, resolutions=(60,))
        return {"safe": root, "xml": root / "MTD_MSIL2A.xml", "folder above": folder}[kind]
    if kind == "stack":
        return write_raster(folder / "s.tif", dark_water((12, 24, 24)))
    for name in L2A_STACK:
        write_raster(folder / "d" / f"{name}.tif", dark_water((1, 24, 24)))
    if kind == "band folder":
        return folder / "d"
    item = write_item(folder / "d" / "i.json", assets={name: {"href": f"{name}.tif"} for name in L2A_STACK})
    return item if kind == "item" else item.parent


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_is_is_found_out(tmp_path: Path, kind: str) -> None:
    expected = {"stack": "stack", "band folder": "stack", "item": "stac", "item folder": "stac"}.get(kind, "safe")
    source = make(kind, tmp_path)
    scene = open_scene(source)
    assert (scene.kind, scene.source) == (expected, str(source) if kind != "item folder" else str(source / "i.json"))
    assert open_scene(str(source)) == scene
    assert all(Path(file).exists() for file in scene.files)
    assert scene.radiometry.offsets == dict.fromkeys(scene.band_names, -1000.0)


@pytest.mark.parametrize("kind", ["safe", "xml"])
def test_a_product_needs_no_telling(tmp_path: Path, kind: str) -> None:
    with pytest.raises(SceneError, match="Leave them out"):
        open_scene(make(kind, tmp_path), options=StackOptions(offset=0))


def test_refuses_what_is_no_scene(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match="found nothing at"):
        open_scene(tmp_path / "missing.SAFE")
    (tmp_path / "letter.txt").write_text("dear analyst")
    with pytest.raises(SceneError, match="found none of these"):
        open_scene(tmp_path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("S2A_MSIL2A_x.SAFE", "S2A_MSIL2A_x"),
        ("/data/a b.TIF", "a_b"),
        ("S2A_x.SAFE.zip", "S2A_x"),
        ("../..", "scene"),
        ("/data/scene/", "scene"),
    ],
)
def test_id_is_safe_as_a_folder(name: str, expected: str) -> None:
    assert make_scene_id(name) == expected


def test_sample_of_a_large_file_is_small_and_true(tmp_path: Path) -> None:
    dn = dark_water((1, 1000, 1100))
    dn[:, :, 500:] = 0
    path = str(write_raster(tmp_path / "B02.tif", dn))
    values = read_dn_samples({"B02": (path, 1)}, nodata=0)["B02"]
    assert 0 < values.size < dn[dn > 0].size
    assert values.min() >= dn[dn > 0].min()
    assert read_dn_samples({"B02": (str(tmp_path / "missing.tif"), 1)}, nodata=0) == {}


def test_sample_keeps_dark_water_that_was_clipped_to_zero(tmp_path: Path) -> None:
    dn = dark_water((2, 100, 100))
    dn[0, :50] = 0  # clipped water: the other band has data
    dn[:, 90:] = 0  # missing in both
    path = str(write_raster(tmp_path / "s.tif", dn))
    samples = read_dn_samples({"B08": (path, 1), "B11": (path, 2)}, nodata=0)
    assert {name: values.size for name, values in samples.items()} == {"B08": 9000, "B11": 9000}
    assert (samples["B08"] == 0).sum() == 5000


@pytest.mark.parametrize("name", ["manifest.safe", "MTD_TL.xml"])
def test_a_file_within_a_product_leads_to_the_product(tmp_path: Path, name: str, shared: Path) -> None:
    root = write_product(tmp_path, resolutions=(60,))
    granule = next((root / "GRANULE").iterdir())
    real = next(shared.glob(f"safe/*flattened/**/{name}"))
    picked = (root if name == "manifest.safe" else granule) / name
    picked.write_bytes(real.read_bytes())
    scene = open_scene(picked)
    assert scene.radiometry.source == "MTD_MSIL2A.xml BOA_ADD_OFFSET"
    assert scene.acquired is not None


@pytest.mark.parametrize("block", [None, 256, 1024], ids=["strips", "small blocks", "large blocks"])
def test_samples_are_spread_over_a_large_file(tmp_path: Path, block: int | None) -> None:
    rows, cols = np.mgrid[0:2400, 0:3200]
    path = write_raster(tmp_path / "B02.tif", (1 + rows // 2 + cols)[np.newaxis].astype(np.uint16), block=block)
    values = read_dn_samples({"B02": (str(path), 1)}, nodata=0)["B02"]
    assert values.min() < 200
    assert values.max() > 3500
    assert values.size < 0.4 * rows.size


def test_a_container_names_the_rasters_that_it_holds(tmp_path: Path) -> None:
    bands = {name: (("y", "x"), np.ones((4, 4), dtype=np.int16)) for name in ("B02", "B03")}
    path = tmp_path / "cube.nc"
    xr.Dataset(bands).to_netcdf(path)
    with pytest.raises(SceneError, match=r"container of 2 rasters in .*cube\.nc.*:B02, .*:B03\. Give one"):
        open_scene(path)
