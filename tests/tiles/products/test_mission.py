"""What an item must say to be taken for Sentinel-2, and what tells another mission."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tiles.products.small_products import dark_water, write_item, write_raster
from tiles.bands import L2A_STACK
from tiles.errors import SceneError
from tiles.products.mission import find_other_mission
from tiles.products.open import StackOptions, open_scene
from tiles.products.stac_item import parse_stac_item

LANDSAT_KEYS = ("coastal", "blue", "green", "red", "nir08", "swir16", "swir22")


def make_item(*, collection: str | None = None, name: str = "one", **properties: object) -> dict[str, Any]:
    assets = {key: {"href": f"{key}.tif"} for key in LANDSAT_KEYS}
    return {"type": "Feature", "id": name, "collection": collection, "properties": properties, "assets": assets}


@pytest.mark.parametrize(
    "stated",
    [
        {},
        {"platform": "sentinel-2c"},
        {"platform": "Sentinel_2A"},
        {"platform": "S2B"},
        {"platform": "", "constellation": "Sentinel-2"},
        {"platform": "sentinel-2a", "collection": "harmonised-landsat-sentinel"},
        {"platform": "unknown", "instruments": ["msi"]},
        {"instruments": "MSI"},
        {"collection": "sentinel-2-l2a"},
        {"collection": "landsat-like", "name": "S2A_30VWL_20241007_0_L2A"},
        {"collection": "my-scenes"},
    ],
)
def test_what_is_of_sentinel_2_or_says_nothing_is_taken(stated: dict[str, Any]) -> None:
    assert find_other_mission(make_item(**stated)) is None


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ({"platform": "landsat-9", "instruments": ["oli", "tirs"]}, "platform landsat-9"),
        ({"platform": "LANDSAT_8", "collection": "sentinel-2-l2a"}, "platform LANDSAT_8"),
        ({"platform": "sentinel-3b"}, "platform sentinel-3b"),
        ({"platform": "Terra"}, "platform Terra"),
        ({"constellation": "PlanetScope"}, "constellation PlanetScope"),
        ({"instruments": ["oli", "tirs"]}, "instruments oli, tirs"),
        ({"collection": "landsat-c2-l2"}, "collection landsat-c2-l2"),
        ({"collection": "hls2-l30"}, "collection hls2-l30"),
        ({"name": "LC09_L2SP_204021_20241007_02_T1"}, "id LC09_L2SP_204021_20241007_02_T1"),
    ],
)
def test_another_mission_is_told_by_what_the_item_says_first(stated: dict[str, Any], told: str) -> None:
    assert find_other_mission(make_item(**stated)) == told


@pytest.mark.parametrize("word", ["eo:bands", "bands"])
def test_bands_of_another_numbering_tell_it_where_nothing_else_does(word: str) -> None:
    item = make_item()
    numbers = {"nir08": "B5", "swir16": "B6", "swir22": "B7"}
    for key, name in numbers.items():
        item["assets"][key][word] = [{"name": name, "common_name": key}]
    assert find_other_mission(item) == "bands B5 = nir08, B6 = swir16, B7 = swir22"
    item["assets"] = {"B8A": {"href": "a.tif", word: [{"name": "B8A", "common_name": "nir"}]}}
    assert find_other_mission(item) is None  # one may be a slip of the pen


def test_an_asset_may_say_it_in_place_of_its_item() -> None:
    item = make_item()
    item["assets"]["red"]["platform"] = "landsat-7"
    assert find_other_mission(item) == "platform landsat-7"


def test_an_item_of_another_mission_is_refused_or_taken_by_an_option(tmp_path: Any) -> None:  # noqa: ANN401
    for name in L2A_STACK:
        write_raster(tmp_path / f"{name}.tif", dark_water((1, 40, 40)))
    assets = {name: {"href": f"./{name}.tif"} for name in L2A_STACK}
    item = write_item(tmp_path / "item.json", assets=assets, platform="landsat-9")
    match = r"Expected an item of Sentinel-2, .* \(platform landsat-9\) in .*item\.json\. .* --any-platform"
    with pytest.raises(SceneError, match=match) as caught:
        open_scene(item)
    assert "\n" not in str(caught.value)
    scene = open_scene(item, options=StackOptions(any_platform=True))
    assert (scene.other_mission, scene.platform) == ("platform landsat-9", "landsat-9")
    assert any("not of Sentinel-2 (platform landsat-9)" in note for note in scene.notes)


def test_the_red_edges_by_their_wavelengths_are_bands() -> None:
    item = {
        "type": "Feature",
        "id": "x",
        "properties": {},
        "assets": {
            "rededge071": {"href": "a.tif"},
            "re2": {"href": "b.tif", "bands": [{"name": "x", "eo:common_name": "rededge075"}]},
            "re3": {"href": "c.tif", "eo:bands": [{"name": "rededge078"}]},
        },
    }
    assert {band: asset.href for band, asset in parse_stac_item(item, where="x").assets.items()} == {
        "B05": "a.tif",
        "B06": "b.tif",
        "B07": "c.tif",
    }
