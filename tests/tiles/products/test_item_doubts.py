"""Where an item says otherwise than its files, the files count, and that is told once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import shapely
from rasterio.warp import transform_bounds

from tests.tiles.products.small_products import NAME, dark_water, product_xml, write_item, write_product, write_raster
from tiles.bands import BANDS, L2A_STACK
from tiles.products.name import describe_baseline
from tiles.products.open import open_scene

EDGE = 80
BOUNDS = (399960.0, 5200020.0 - 10 * EDGE, 399960.0 + 10 * EDGE, 5200020.0)
TRUE = {"proj:code": "EPSG:32633", "proj:shape": [EDGE, EDGE], "proj:transform": [10, 0, 399960, 0, -10, 5200020]}


def open_item(folder: Path, stated: dict[str, Any], *, empty_rows: int = 0, shown: float = 1.0) -> tuple[str, ...]:
    """Notes on an item that says this of its assets, and of the upper ``shown`` of its ground that it has data."""
    for name in ("B03", "B08"):
        dn = dark_water((1, EDGE, EDGE))
        dn[:, EDGE - empty_rows :] = 0
        write_raster(folder / f"{name}.tif", dn, nodata=0)
    assets = {name: {"href": f"./{name}.tif", **stated} for name in ("B03", "B08")}
    path = write_item(folder / "item.json", assets=assets, **{"s2:processing_baseline": "05.11"})
    west, south, east, north = transform_bounds("EPSG:32633", "EPSG:4326", *BOUNDS)
    box = shapely.box(west, north - (north - south) * shown, east, north)
    text = path.read_text().replace('"geometry": null', f'"geometry": {shapely.to_geojson(box)}')
    path.write_text(text)
    scene = open_scene(path)
    assert tuple(scene.grid.bounds) == BOUNDS, "the file decides"
    return scene.notes


def test_an_item_that_is_right_raises_no_doubt(tmp_path: Path) -> None:
    assert open_item(tmp_path, TRUE) == ()
    assert open_item(tmp_path, {}) == ()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"proj:shape": [10980, 10980]}, "it covers other ground than proj:transform, proj:shape"),
        ({"proj:transform": [10, 0, 499960, 0, -10, 5200020]}, "it covers other ground than proj:transform"),
        ({"proj:code": "EPSG:32634"}, "it lies in EPSG:32633, and the item in EPSG:32634"),
    ],
)
def test_a_wrong_grid_is_told_once_for_all_bands(tmp_path: Path, wrong: dict[str, Any], words: str) -> None:
    (note,) = open_item(tmp_path, TRUE | wrong)
    assert note.startswith(f"The item is wrong about the file of B03: {words}")
    assert note.endswith("(so it is for B03, B08). The files count.")


@pytest.mark.parametrize(("empty_rows", "shown"), [(40, 1.0), (0, 0.5)])
def test_a_false_footprint_is_told(tmp_path: Path, empty_rows: int, shown: float) -> None:
    (note,) = open_item(tmp_path, TRUE, empty_rows=empty_rows, shown=shown)
    assert note.startswith("The footprint of the item covers ")
    assert note.endswith("of its pixels have data: the pixels count.")
    assert open_item(tmp_path, TRUE, empty_rows=40, shown=0.5) == ()


@pytest.mark.parametrize("platform", "ABCD")
def test_baseline_0512_of_each_satellite_is_read_without_a_doubt(tmp_path: Path, platform: str) -> None:
    uri = NAME.replace("S2A", f"S2{platform}").replace("N0511", "N0512")
    xml = product_xml(offsets=dict.fromkeys(BANDS, -1000.0), baseline="05.12", uri=uri)
    xml = xml.replace("Sentinel-2A", f"Sentinel-2{platform}")
    scene = open_scene(write_product(tmp_path, xml=xml, bands=L2A_STACK))
    assert (scene.platform, scene.baseline) == (f"sentinel-2{platform.lower()}", "05.12")
    assert set(scene.radiometry.offsets.values()) == {-1000.0}
    assert not [note for note in scene.notes if "baseline" in note]


def test_a_baseline_that_nobody_knows_is_told_once(tmp_path: Path) -> None:
    xml = product_xml(offsets=dict.fromkeys(BANDS, -1000.0), baseline="06.00", uri=NAME.replace("N0511", "N0600"))
    notes = [note for note in open_scene(write_product(tmp_path, xml=xml)).notes if "newer than any" in note]
    assert notes == list(describe_baseline("06.00"))
    assert len(notes) == 1
    for known in ("02.14", "05.12", "99.99", None):
        assert describe_baseline(known) == ()


def test_a_stack_of_a_new_baseline_is_told_too(tmp_path: Path) -> None:
    path = write_raster(
        tmp_path / f"{NAME.replace('N0511', 'N0601').removesuffix('.SAFE')}.tif", dark_water((12, 40, 40))
    )
    assert describe_baseline("06.01")[0] in open_scene(path).notes
