from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pystac
import pytest
import rustac
import shapely

import pipeline.record.catalogue as catalogue_module
from pipeline.errors import OutputError
from pipeline.record.catalogue import write_catalogue
from pipeline.record.links import locate_file
from pipeline.search.documents import identify, walk_catalogue
from pipeline.search.errors import EmptySearchError
from pipeline.search.search_scenes import SearchOptions, search_scenes
from tests.pipeline.stac_items import make_item
from tests.stac_schemas import require_valid

WATER = b"water of this scene"


def make_result(out: Path, name: str, **properties: object) -> dict[str, Any]:
    """A result as a map leaves it: outputs, and the item that names them."""
    folder = out / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "water.tif").write_bytes(WATER)
    assets = {
        "water": {"href": "water.tif", "type": pystac.MediaType.COG, "roles": ["data"], "file:size": len(WATER)},
        "model": {"href": "/models/small.safetensors", "roles": ["mlm:model"]},
    }
    stated = {"strandline:parameters": {"threshold": 0.5}, "strandline:notes": [], "strandline:fingerprint": name}
    item = make_item(name, collection=None, assets=assets, **(stated | properties)) | {"stac_version": "1.1.0"}
    (folder / "item.json").write_text(json.dumps(item))
    return item


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Three results that do not say quite the same of themselves."""
    out = tmp_path / "out"
    make_result(out, "b", **{"strandline:notes": ["A note."]})
    make_result(out, "a", when="2024-06-11T10:00:00Z", box=(170, -17, 171, -16))
    make_result(out, "c", **{"strandline:parameters": {"threshold": 1, "blending": {"window": "hann"}}, "title": "C"})
    return out


def read_index(path: Path | None) -> list[dict[str, Any]]:
    """Items of an index, without the empty columns that one of them has for another's sake."""
    items: list[dict[str, Any]] = json.loads(json.dumps(rustac.read_sync(str(path))["features"]))
    return [entry for item in items if isinstance(entry := without_null(item), dict)]


def without_null(value: object) -> object:
    if isinstance(value, dict):
        return {key: without_null(entry) for key, entry in value.items() if entry is not None}
    return [without_null(entry) for entry in value] if isinstance(value, list) else value


def test_pystac_walks_a_valid_catalogue_that_may_be_moved(out: Path, tmp_path: Path) -> None:
    assert write_catalogue(out).count == 3
    moved = tmp_path / "elsewhere"
    shutil.move(out, moved)
    assert (moved / "catalog.json").read_text().startswith('{\n  "type": "Catalog",\n  "id"')
    catalogue = pystac.Catalog.from_file(str(moved / "catalog.json"))
    catalogue.validate()
    items = list(catalogue.get_items(recursive=True))
    assert [item.id for item in items] == ["a", "b", "c"]
    for item in items:
        item.validate()
        href = item.assets["water"].get_absolute_href()
        assert href is not None
        assert Path(href).read_bytes() == WATER


def test_many_items_are_listed_by_tile_and_year(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_module, "_MOST_ITEMS", 3)
    write_catalogue(out)
    assert not (out / "catalogues").exists()
    make_result(out, "c", **{"grid:code": "", "strandline:undated": True})
    make_result(out, "d", when="2023-06-11T10:00:00Z", **{"grid:code": "MGRS-31UES"})
    make_result(out, "e", when="2024-06-11T10:00:00Z", **{"grid:code": "MGRS-31UES"})
    written = write_catalogue(out)
    root = pystac.Catalog.from_file(str(written.path))
    parts = [(tile.title, [year.title for year in tile.get_children()]) for tile in root.get_children()]
    assert parts == [
        ("31UES", ["31UES 2023", "31UES 2024"]),
        ("32UPF", ["32UPF 2024"]),
        ("no-tile", ["no-tile no-date"]),
    ]
    assert sorted(item.id for item in root.get_items(recursive=True)) == ["a", "b", "c", "d", "e"]
    for folder, _, _ in root.walk():
        parent = folder.get_parent()
        assert (parent is None) == (folder is root)
        require_valid(Path(folder.get_self_href() or ""))
    theirs = (out / "catalogues" / "31UES" / "notes.json", out / "catalogues" / "my.json", out / "catalogues" / "a.txt")
    for path in theirs:
        path.write_text("{}")
    shutil.rmtree(out / "d")
    write_catalogue(out)
    assert all(path.exists() for path in theirs)
    for path in theirs:
        path.unlink()
    assert [path.name for path in sorted((out / "catalogues" / "31UES").iterdir())] == ["2024.json"]
    shutil.rmtree(out / "a")
    write_catalogue(out)
    assert not (out / "catalogues").exists()


def test_index_holds_the_whole_items(out: Path) -> None:
    written = write_catalogue(out)
    indexed = {item["id"]: item for item in read_index(written.index)}
    for name in "abc":
        item = json.loads((out / name / "item.json").read_text())
        assert indexed[name]["assets"]["water"]["href"] == f"./{name}/water.tif"
        assert indexed[name]["assets"]["model"]["href"] == "/models/small.safetensors"
        assert (out / indexed[name]["assets"]["water"]["href"]).read_bytes() == WATER
        for key, value in item["properties"].items():
            assert indexed[name]["properties"][key] == value, key
        assert shapely.equals(
            shapely.geometry.shape(indexed[name]["geometry"]), shapely.geometry.shape(item["geometry"])
        )
    assert written.dropped == ()


def test_index_of_many_batches_is_the_index_of_one(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read_index(write_catalogue(out).index)
    monkeypatch.setattr("pipeline.record.catalogue._BATCH", 1)
    assert read_index(write_catalogue(out).index) == expected


def test_same_results_give_same_bytes(out: Path, tmp_path: Path) -> None:
    def contents(folder: Path) -> list[bytes]:
        write_catalogue(folder)
        return [(folder / name).read_bytes() for name in ("catalog.json", "items.parquet")]

    first = contents(out)
    assert contents(out) == first
    other = tmp_path / "again" / "out"
    for name in "cab":
        shutil.copytree(out / name, other / name)
    assert contents(other) == first


def test_what_is_broken_or_half_written_is_left_out_and_counted(out: Path) -> None:
    make_result(out, "cut")
    (out / "cut" / "item.json").write_text('{"type": "Feature", "id": "cu')
    make_result(out, "short")
    (out / "short" / "water.tif").write_bytes(WATER[:3])
    make_result(out, "gone")
    (out / "gone" / "water.tif").unlink()
    shapeless = make_result(out, "shapeless")
    (out / "shapeless" / "item.json").write_text(json.dumps(shapeless | {"geometry": None}))
    crooked = make_result(out, "crooked")
    crooked["geometry"] = {"type": "Polygon", "coordinates": "everywhere"}
    (out / "crooked" / "item.json").write_text(json.dumps(crooked))
    shutil.copytree(out / "a", out / ".a.begun-1")
    (out / "empty").mkdir()
    written = write_catalogue(out)
    assert written.count == 3
    assert [entry.name for entry in written.unlisted] == ["crooked", "cut", "gone", "shapeless", "short"]
    reasons = {entry.name: entry.reason for entry in written.unlisted}
    assert "cannot be read" in reasons["cut"]
    assert reasons["short"] == reasons["gone"] == "asset water (water.tif) is missing or not whole"
    assert [item.id for item in pystac.Catalog.from_file(str(written.path)).get_items()] == ["a", "b", "c"]
    assert written.index is not None
    assert len(rustac.read_sync(str(written.index))["features"]) == 3


def test_values_of_two_kinds_cost_only_their_column(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_result(out, "d", **{"strandline:odd": {"a": 1}})
    make_result(out, "e", **{"strandline:odd": "text"})
    monkeypatch.setattr("pipeline.record.catalogue._BATCH", 1)
    written = write_catalogue(out)
    assert (written.count, written.unlisted, written.dropped) == (5, (), ("strandline:odd",))


def test_folder_without_results(tmp_path: Path) -> None:
    written = write_catalogue(tmp_path)
    assert (written.count, written.index) == (0, None)
    assert list(pystac.Catalog.from_file(str(written.path)).get_items()) == []


def test_stale_index_does_not_outlive_its_items(out: Path) -> None:
    write_catalogue(out)
    for name in "abc":
        shutil.rmtree(out / name)
    assert write_catalogue(out).index is None
    assert [path.name for path in out.iterdir()] == ["catalog.json"]


def test_a_failure_leaves_the_older_catalogue(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_catalogue(out)
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    make_result(out, "d")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.ParquetWriter.write_table", fail)
    with pytest.raises(OutputError, match=r"items\.parquet .*No space left"):
        write_catalogue(out)
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before


def test_footprint_over_the_antimeridian(out: Path) -> None:
    item = make_result(out, "fiji")
    across = copy.deepcopy(item) | {"bbox": [179.5, -17, -179.5, -16]}
    boxes = [shapely.box(179.5, -17, 180, -16), shapely.box(-180, -17, -179.5, -16)]
    across["geometry"] = shapely.geometry.mapping(shapely.MultiPolygon(boxes))
    (out / "fiji" / "item.json").write_text(json.dumps(across))
    written = write_catalogue(out)
    assert written.index is not None
    (found,) = [entry for entry in rustac.read_sync(str(written.index))["features"] if entry["id"] == "fiji"]
    assert found["geometry"]["type"] == "MultiPolygon"


@pytest.mark.parametrize("name", ["catalog.json", "items.parquet"])
def test_search_walks_it_and_says_that_maps_have_no_bands(out: Path, name: str) -> None:
    write_catalogue(out)
    options = SearchOptions(aoi="10.2,54.2,10.4,54.4", dates="2024-06", source=str(out / name))
    with pytest.raises(EmptySearchError, match=r"all 2 that were found .*no assets with bands .*found water, model"):
        search_scenes(options)


def test_a_folder_of_any_name_is_linked_by_a_uri_reference(out: Path) -> None:
    make_result(out, "my result #1 50%")
    written = write_catalogue(out)
    assert written.count == 4
    links = [link["href"] for link in require_valid(written.path)["links"] if link["rel"] == "item"]
    assert "./my%20result%20%231%2050%25/item.json" in links
    assert all((out / unquote(href)).is_file() for href in links)
    assert all(isinstance(item, dict) for item in walk_catalogue(identify(str(written.path))))
    (entry,) = [item for item in read_index(written.index) if item["id"].startswith("my")]
    assert locate_file(entry["assets"]["water"]["href"], out) == out / "my result #1 50%" / "water.tif"


def test_what_decided_a_result_keeps_it_from_no_index(out: Path) -> None:
    basis = {"answers": 1, "inputs": {}, "choices": {"bands": {"B03": ["s.tif", 1]}, "nodata": [0, "all", {}]}}
    make_result(out, "d", **{"strandline:basis": basis})
    written = write_catalogue(out)
    assert (written.count, written.unlisted) == (4, ())
    assert len(read_index(written.index)) == 4
