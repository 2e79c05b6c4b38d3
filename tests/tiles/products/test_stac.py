"""STAC items of three catalogues: which asset is which band, whose word on the offset holds, where hrefs lead."""

from __future__ import annotations

import json
import shutil
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest

from tests.tiles.products.small_products import dark_water, write_item, write_raster
from tiles.bands import BANDS, L2A_STACK
from tiles.errors import RasterReadError, SceneError
from tiles.products.hrefs import resolve_href
from tiles.products.open import StackOptions, open_scene
from tiles.products.stac_item import parse_stac_item, state_item_offset

# Real items: level, baseline, bands that they lack, key of B8A.
REAL: list[tuple[str, str, str, set[str], str]] = [
    ("29RKH/S2A_29RKH_20200219_0_L2A.json", "L2A", "02.14", set(), "nir08"),
    ("odc/S2A_28QCH_20200714_0_L2A.json", "L2A", "02.14", set(), "B8A"),
    ("odc/S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531.json", "L2A", "02.12", set(), "B8A"),
    ("odc/S2B_MSIL2A_20190629T212529_R043_T06VVN_20201006T080531_raster_ext.json", "L2A", "02.12", set(), "B8A"),
    ("raster-sentinel2-example.json", "L2A", "02.14", set(), "B8A"),
    ("eo-sentinel2-item.json", "L1C", "02.09", set(), "B8A"),
]


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text())
    return document


@pytest.mark.parametrize(("name", "level", "baseline", "lacks", "key"), REAL, ids=[row[0] for row in REAL])
def test_real_items(shared: Path, name: str, level: str, baseline: str, lacks: set[str], key: str) -> None:
    item = parse_stac_item(read(shared / "stac" / name), where=name)
    expected = set(BANDS if level == "L1C" else L2A_STACK) | ({"SCL"} if level == "L2A" else set())
    assert set(item.assets) == expected - lacks
    assert (item.level, item.baseline, item.assets["B8A"].key) == (level, baseline, key)
    assert item.platform in {"sentinel-2a", "sentinel-2b"}
    assert item.acquired is not None
    for band, asset in item.assets.items():
        assert any(f"{band}{tail}" in asset.href for tail in (".tif", ".jp2", "_10m", "_20m", "_60m")), asset
    statement = state_item_offset(item)
    assert (statement.offset, statement.final) == (0, True)  # all are of a baseline before 04.00


def test_a_real_collection_is_no_item(shared: Path) -> None:
    with pytest.raises(SceneError, match=r"Expected a STAC item .* found Collection"):
        open_scene(shared / "stac/odc/sentinel-2-l2a.collection.json")


def test_real_item_with_its_files_beside_it(shared: Path) -> None:
    scene = open_scene(shared / "stac/29RKH/S2A_29RKH_20200219_0_L2A.json")
    assert (scene.kind, scene.band_names, scene.id) == ("stac", L2A_STACK, "S2A_29RKH_20200219_0_L2A")
    assert scene.grid.resolution == (100, 100)
    assert {band.grid.resolution[0] for band in scene.bands} == {100, 200, 600}
    assert (set(scene.radiometry.offsets.values()), scene.radiometry.nodata_rule) == ({0}, "any")
    assert not scene.radiometry.doubts
    assert scene.cloud_percent == pytest.approx(4.051854)
    assert any("beside the item" in note for note in scene.notes)
    assert open_scene(shared / "stac/29RKH").bands == scene.bands


KEYS: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "Earth Search": {name: (BANDS[name].common_name, {}) for name in L2A_STACK},
    "Planetary Computer": {name: (name, {}) for name in L2A_STACK},
    "Copernicus Data Space": {
        name: (f"{name}_{BANDS[name].resolution_m}m", {"bands": [{"name": name}]}) for name in L2A_STACK
    },
    "names in eo:bands": {name: (f"x{i}", {"eo:bands": [{"name": name}]}) for i, name in enumerate(L2A_STACK)},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve bands at native resolution and SCL, calm sea, offset in."""
    for name in L2A_STACK:
        edge = 1440 // BANDS[name].resolution_m
        write_raster(tmp_path / f"{name}.tif", dark_water((1, edge, edge)), pixel=BANDS[name].resolution_m)
    return tmp_path


def make_assets(habit: str = "Planetary Computer", **more: object) -> dict[str, Any]:
    return {key: {"href": f"./{name}.tif", **extra, **more} for name, (key, extra) in KEYS[habit].items()}


@pytest.mark.parametrize("habit", KEYS)
def test_keys_of_each_catalogue(folder: Path, habit: str) -> None:
    scene = open_scene(
        write_item(folder / "item.json", assets=make_assets(habit), **{"s2:processing_baseline": "05.11"})
    )
    assert scene.band_names == L2A_STACK
    assert all(Path(band.path).name == f"{band.name}.tif" for band in scene.bands)
    assert scene.grid.resolution == (10, 10)


RAW = {"s2:processing_baseline": "05.11"}
APPLIED = {**RAW, "earthsearch:boa_offset_applied": True}
NOT_APPLIED = {**RAW, "earthsearch:boa_offset_applied": False}
IN = {"raster:bands": [{"scale": 0.0001, "offset": -0.1, "nodata": 0}]}
IN_1_1 = {"raster:scale": 0.0001, "raster:offset": -0.1}


@pytest.mark.parametrize(
    ("properties", "asset", "pixels", "decided", "doubts", "rule"),
    [
        (RAW, {}, 1000, -1000, 0, "any"),
        (RAW, IN, 1000, -1000, 0, "any"),
        (RAW, IN_1_1, 1000, -1000, 0, "any"),
        (APPLIED, IN, 0, 0, 0, "all"),  # the flag is the truth where raster:bands still says -0.1
        (NOT_APPLIED, IN, 1000, -1000, 0, "any"),
        (NOT_APPLIED, IN, 0, 0, 1, "all"),  # the wrong flag of earth-search issues 66 and 71
        (APPLIED, IN, 1000, -1000, 1, "any"),
        (RAW, {}, 0, 0, 1, "all"),
        ({}, {}, 1000, -1000, 0, "any"),
        ({}, {}, 0, 0, 0, "all"),
        ({"s2:processing_baseline": "02.14"}, IN, 0, 0, 0, "any"),
        ({"s2:processing_baseline": "02.14"}, {}, 1000, 0, 1, "any"),
    ],
)
def test_whose_word_on_the_offset_holds(
    tmp_path: Path,
    properties: dict[str, Any],
    asset: dict[str, Any],
    pixels: float,
    decided: float,
    doubts: int,
    rule: str,
) -> None:
    for name in L2A_STACK:
        write_raster(tmp_path / f"{name}.tif", dark_water((1, 40, 40), offset=pixels))
    item = write_item(tmp_path / "item.json", assets=make_assets(**asset), **properties)
    radiometry = open_scene(item).radiometry
    assert set(radiometry.offsets.values()) == {decided}
    assert len(radiometry.doubts) == doubts
    assert (radiometry.nodata_rule, radiometry.quantification) == (rule, 10000)


def test_users_offset_overrules_the_item(folder: Path) -> None:
    item = write_item(folder / "item.json", assets=make_assets(), **APPLIED)
    radiometry = open_scene(item, options=StackOptions(offset=-1000)).radiometry
    assert (set(radiometry.offsets.values()), radiometry.source) == ({-1000}, "--offset")


def test_item_on_a_host(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assets = {name: {"href": (folder / f"{name}.tif").as_uri()} for name in L2A_STACK}
    content = write_item(folder / "item.json", assets=assets, **RAW).read_bytes()
    monkeypatch.setattr("tiles.products.stac.urlopen", lambda url, timeout: BytesIO(content))
    scene = open_scene("https://host/items/x")
    assert (scene.id, scene.source, len(scene.bands)) == ("item", "https://host/items/x", 12)
    assert not scene.notes


@pytest.mark.parametrize(
    ("self_href", "expected"),
    [
        ("https://user:secret@h/items/one", "https://h/items/one"),
        ("gone/one.json", None),
        ("file:///gone.json", None),
        (7, None),
        (None, None),
    ],
)
def test_a_copy_of_an_item_knows_where_it_belongs(
    folder: Path, tmp_path: Path, self_href: object, expected: str | None
) -> None:
    path = write_item(folder / "item.json", assets=make_assets())
    others: list[object] = ["no link", {"rel": "root", "href": "https://h"}]
    path.write_text(json.dumps(read(path) | {"links": [*others, {"rel": "self", "href": self_href}]}))
    assert open_scene(path).origin == expected
    kept = tmp_path / "kept.json"
    kept.write_text("{}")
    path.write_text(json.dumps(read(path) | {"links": [{"rel": "self", "href": str(kept)}]}))
    assert open_scene(path).origin == str(kept)


def test_host_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(url: str, timeout: float) -> BytesIO:
        raise URLError("no route to host")

    monkeypatch.setattr("tiles.products.stac.urlopen", fail)
    with pytest.raises(SceneError, match=r"Could not fetch .*https://host/x.* \(no route to host\)"):
        open_scene("https://host/x")


def test_finest_of_two_and_the_cog_before_its_jp2_twin() -> None:
    document = {
        "type": "Feature",
        "id": "x",
        "properties": {},
        "assets": {
            "blue-jp2": {"href": "a.jp2", "eo:bands": [{"name": "blue"}], "gsd": 10},
            "blue": {"href": "a.tif", "eo:bands": [{"name": "blue"}], "gsd": 10},
            "B03_20m": {"href": "b20.tif"},
            "B03_10m": {"href": "b10.tif"},
            "visual": {"href": "t.tif", "eo:bands": [{"name": "red"}, {"name": "green"}, {"name": "blue"}]},
            "rededge": {"href": "r.tif", "eo:bands": [{"name": "x", "common_name": "rededge"}]},
            "scl": {"href": "scl.tif"},
        },
    }
    assets = parse_stac_item(document, where="x").assets
    assert {name: asset.href for name, asset in assets.items()} == {"B02": "a.tif", "B03": "b10.tif", "SCL": "scl.tif"}


@pytest.mark.parametrize(
    ("href", "source", "expected"),
    [
        ("./R10m/B02.tif", "/data/item.json", "/data/R10m/B02.tif"),
        ("/abs/B02.tif", "/data/item.json", "/abs/B02.tif"),
        ("file:///abs/a%20b.tif", "/data/item.json", "/abs/a b.tif"),
        ("https://host/B02.tif?sig=1", "/data/item.json", "/vsicurl/https://host/B02.tif?sig=1"),
        ("s3://bucket/B02.jp2", "/data/item.json", "/vsis3/bucket/B02.jp2"),
        ("../B02.tif", "https://host/items/x/item.json", "/vsicurl/https://host/items/B02.tif"),
        ("/vsizip/a.zip/B02.tif", "/data/item.json", "/vsizip/a.zip/B02.tif"),
    ],
)
def test_where_hrefs_lead(href: str, source: str, expected: str) -> None:
    assert resolve_href(href, source=source) == expected


def refuses(source: Path, error: type[Exception], match: str, *, options: StackOptions | None = None) -> None:
    with pytest.raises(error, match=match) as caught:
        open_scene(source, options=options)
    assert "\n" not in str(caught.value)


def test_refuses_a_missing_asset_by_name(folder: Path) -> None:
    (folder / "B11.tif").unlink()
    item = write_item(folder / "item.json", assets=make_assets("Earth Search"))
    refuses(item, SceneError, r"Asset swir16 \(B11\) of .* is not there: expected the file .*B11\.tif")


def test_refuses_what_is_no_item(tmp_path: Path, folder: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{not json")
    refuses(broken, SceneError, "in JSON")
    refuses(write_item(tmp_path / "empty.json", assets={"thumbnail": {"href": "x.png"}}), SceneError, "thumbnail")
    item = write_item(folder / "item.json", assets=make_assets())
    refuses(item, SceneError, "--bands", options=StackOptions(bands=("B02",)))


def test_refuses_a_truncated_asset(folder: Path) -> None:
    (folder / "B11.tif").write_bytes(b"II*\x00")
    refuses(write_item(folder / "item.json", assets=make_assets()), RasterReadError, r"B11\.tif")


def test_l1c_item_is_l1c_whatever_its_name(folder: Path) -> None:
    shutil.copy(folder / "B09.tif", folder / "B10.tif")
    assets = {**make_assets(), "B10": {"href": "B10.tif"}}
    assert open_scene(write_item(folder / "item.json", assets=assets)).level == "L1C"
