"""A file beside an item is the item's only where it can be, and where no other item may claim it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.tiles.products.small_products import dark_water, write_item, write_raster
from tiles.errors import SceneError
from tiles.products.copies import find_copy
from tiles.products.open import open_scene

SIDE, LEFT, TOP = 30, 399960, 5200020
BOX = {"proj:code": "EPSG:32633", "proj:shape": [SIDE, SIDE], "proj:transform": [10, 0, LEFT, 0, -10, TOP]}
FAR = {"type": "Polygon", "coordinates": [[[100, 0], [101, 0], [101, 1], [100, 1], [100, 0]]]}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A band of 300 m in UTM zone 33, as it is downloaded."""
    return write_raster(tmp_path / "items" / "B03.tif", dark_water((1, SIDE, SIDE)))


def make_asset(name: str = "one", **stated: object) -> dict[str, Any]:
    return {"href": f"https://files.invalid/{name}/B03.tif?sig=1", **stated}


def write(copy: Path, name: str = "one", *, asset: dict[str, Any] | None = None, **changes: Any) -> Path:  # noqa: ANN401
    """An item beside the copy; ``changes`` are fields of the item, its properties among them."""
    path = write_item(copy.parent / f"{name}.json", assets={"B03": asset or make_asset(name)})
    item = json.loads(path.read_text())
    item["properties"] |= changes.pop("properties", {})
    path.write_text(json.dumps(item | changes))
    return path


def find_fault(path: Path) -> str | None:
    item = json.loads(path.read_text())
    (asset,) = item["assets"].values()
    copy = find_copy(asset["href"], asset=asset, item=item, source=str(path))
    assert copy is not None
    return copy.fault


def hash_copy(copy: Path, method: str, prefix: str) -> str:
    return prefix + hashlib.new(method, copy.read_bytes()).hexdigest()


def test_a_lone_item_has_its_copy(copy: Path) -> None:
    assert find_fault(write(copy)) is None
    assert find_fault(write(copy, asset=make_asset(**BOX))) is None
    scene = open_scene(copy.parent / "one.json")
    assert scene.bands[0].path == str(copy)
    assert scene.notes == ("Copies beside the item were used in place of its remote assets: B03.",)


@pytest.mark.parametrize(
    "stated",
    [
        BOX | {"proj:shape": [300, 300], "proj:transform": [1, 0, LEFT, 0, -1, TOP]},  # a decimated copy
        {"proj:shape": [SIDE * 6, SIDE * 6]},
        {"proj:epsg": 32633, "proj:bbox": [LEFT, TOP - 300, LEFT + 300, TOP]},
        {"proj:transform": "nonsense", "proj:shape": "nonsense", "file:checksum": "nonsense", "file:size": "nonsense"},
    ],
)
def test_what_speaks_not_against_it_is_no_fault(copy: Path, stated: dict[str, Any]) -> None:
    assert find_fault(write(copy, asset=make_asset(**stated))) is None
    assert find_fault(write(copy, properties=stated)) is None


@pytest.mark.parametrize(
    ("stated", "fault"),
    [
        ({"proj:code": "EPSG:32634"}, "it lies in EPSG:32633, and the item in EPSG:32634"),
        ({"proj:epsg": 32733}, "EPSG:32733"),
        (BOX | {"proj:transform": [10, 0, LEFT + 900, 0, -10, TOP]}, "covers other ground"),
        (BOX | {"proj:shape": [10980, 10980]}, "covers other ground"),
        ({"proj:bbox": [LEFT, TOP - 300, LEFT + 400, TOP]}, "covers other ground"),
        ({"proj:shape": [10980, 5490]}, "has 30 x 30 pixels, and proj:shape says 10980 x 5490"),
        ({"proj:shape": [41, 41]}, "proj:shape says 41 x 41"),
    ],
)
def test_other_ground_is_a_fault_of_asset_and_item_alike(copy: Path, stated: dict[str, Any], fault: str) -> None:
    assert fault in str(find_fault(write(copy, asset=make_asset(**stated))))
    assert fault in str(find_fault(write(copy, properties=stated)))


def test_other_bytes_are_a_fault(copy: Path) -> None:
    assert "file:size says 5" in str(find_fault(write(copy, asset=make_asset(**{"file:size": 5}))))
    assert find_fault(write(copy, asset=make_asset(**{"file:size": copy.stat().st_size}))) is None
    wrong = {"file:checksum": f"1220{'0' * 64}"}
    assert find_fault(write(copy, asset=make_asset(**wrong))) == "its bytes are not those of file:checksum"
    for method, prefix in (("sha256", "1220"), ("md5", "d50110"), ("sha1", "1114")):
        assert find_fault(write(copy, asset=make_asset(**{"file:checksum": hash_copy(copy, method, prefix)}))) is None


def test_a_footprint_elsewhere_is_a_fault(copy: Path) -> None:
    assert find_fault(write(copy, geometry=FAR)) == "it lies outside the item's footprint"
    assert find_fault(write(copy, bbox=[100, 0, 101, 1])) == "it lies outside the item's footprint"
    assert find_fault(write(copy, bbox=[13.6, 46.9, 13.8, 47.0])) is None


@pytest.mark.parametrize(
    ("folder", "fits"),
    [
        ("S2A_33TVM_20241014_0_L2A", True),
        ("S2A_MSIL2A_20241014T101021_N0511_R022_T33TVM_20241014T142251.SAFE", True),
        ("S2A_33TVM_20230101_0_L2A", False),
        ("S2A_32TVM_20241014_0_L2A", False),
        ("downloads_20230101", True),
    ],
)
def test_a_folder_named_after_another_product_is_a_fault(tmp_path: Path, folder: str, fits: bool) -> None:
    copy = write_raster(tmp_path / folder / "B03.tif", dark_water((1, SIDE, SIDE)))
    fault = find_fault(write(copy, "S2A_33TVM_20241014_0_L2A"))
    assert (fault is None) is fits, fault


def test_of_several_items_in_a_folder_a_bare_name_is_nobodys(copy: Path) -> None:
    one, two = write(copy, "one"), write(copy, "two")
    assert find_fault(one) == "it may as well be that of two, which lies in the same folder"
    assert find_fault(two) == "it may as well be that of one, which lies in the same folder"
    with pytest.raises(SceneError, match=r"Asset B03 \(B03\) of .*one\.json cannot .* B03\.tif beside .* of two"):
        open_scene(one)
    many = copy.parent / "many.json"
    many.write_text(json.dumps({"type": "FeatureCollection", "features": [json.loads(two.read_text())]}))
    two.unlink()
    assert "may as well be that of two" in str(find_fault(one))


def test_of_several_items_the_one_that_it_can_be_has_it(copy: Path) -> None:
    one = write(copy, "one", asset=make_asset("one", **BOX))
    two = write(copy, "two", asset=make_asset("two", **{"file:size": 7}))
    assert find_fault(one) is None
    assert find_fault(two) is not None
    two = write(copy, "two")
    assert find_fault(one) is not None
    proof = {"file:checksum": hash_copy(copy, "sha256", "1220")}
    assert find_fault(write(copy, "one", asset=make_asset("one", **proof))) is None


def test_one_asset_of_two_items_and_an_item_that_is_there_twice_are_one(copy: Path) -> None:
    one = write(copy, "one")
    write(copy, "other", asset=make_asset("one"))
    assert find_fault(one) is None
    (copy.parent / "other.json").write_text(json.dumps({"features": [json.loads(one.read_text())]}))
    assert find_fault(one) is None


def test_an_alternate_is_read_where_the_copy_is_not_taken(copy: Path) -> None:
    own = write_raster(copy.parent / "own" / "B03.tif", dark_water((1, SIDE, SIDE), seed=9))
    asset = make_asset(**{"file:size": 5, "alternate": {"local": {"href": "own/B03.tif"}}})
    scene = open_scene(write(copy, asset=asset))
    assert scene.bands[0].path == str(own)
    assert "not taken for its assets B03" in scene.notes[0]
