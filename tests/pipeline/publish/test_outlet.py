"""Maps, batches and mosaics that go to a store: made once, whole or not at all, and gone on with."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import NoReturn

import fsspec
import numpy as np
import pytest

from pipeline.batch.run_batch import run_batch
from pipeline.cluster.client import ClusterOptions
from pipeline.errors import OptionError, OutputError, SecretError, StaleResultError
from pipeline.mapping.map_scene import map_scene
from pipeline.mapping.options import MapOptions
from pipeline.mosaic.build_mosaic import build_mosaic
from pipeline.publish.outlet import Outlet, fetch_results, open_outlet, open_outlet_of
from pipeline.record.result import ITEM_NAME, PAGE_NAME, read_fingerprint
from tests.pipeline.mapped_folder import Ground, make_grid, write_mapped
from tests.pipeline.publish.store_server import StoreServer
from tests.pipeline.publish.test_publish import list_files
from tests.pipeline.small_scenes import compare_results, simulate_scenes
from tests.pipeline.tiny_models import write_model
from tests.tiles.products.small_products import write_raster
from tests.value_types import require_value_type
from tiles.errors import SceneError

OPTIONS = MapOptions(tile_size=64, precision="fp32")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return simulate_scenes(tmp_path_factory.mktemp("scenes"), 2)


@pytest.fixture
def place(bucket: StoreServer) -> str:
    return f"s3://coast/{uuid.uuid4().hex}/maps"


def refuse(_job: object) -> NoReturn:
    raise AssertionError("it was mapped again")


def list_scratch(tmp_path: Path) -> list[str]:
    """Results that wait in scratch folders."""
    return sorted(path.parent.name for path in (tmp_path / "scratch").rglob(ITEM_NAME))


@pytest.fixture(scope="module")
def local(scenes: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The map of the first scene, in a folder."""
    return map_scene(scenes[0], tmp_path_factory.mktemp("local"), options=OPTIONS).folder


def upload(folder: Path, place: str) -> None:
    """Let a result stand in a store."""
    store = open_outlet(place).store
    assert store is not None
    store.upload_result(folder, fingerprint=str(read_fingerprint(folder)))


def test_a_map_that_stands_in_a_store_is_known_there(
    scenes: list[Path], local: Path, bucket: StoreServer, place: str
) -> None:
    upload(local, place)
    held = list_files(place)
    again = map_scene(scenes[0], place, options=OPTIONS, row_source=refuse)
    assert (again.already_made, again.where) == (True, f"{place}/{local.name}")
    assert again.valid_percent > 0
    with pytest.raises(StaleResultError, match=r"^s3://coast/.* holds a result that differs in threshold .*overwrite"):
        map_scene(scenes[0], place, options=OPTIONS.replace(threshold=0.4), row_source=refuse)
    assert list_files(place) == held
    fetched = fetch_results(place) / local.name
    assert compare_results(local, fetched) == []
    assert json.loads((fetched / ITEM_NAME).read_text()) == json.loads((local / ITEM_NAME).read_text())
    bucket.seen.clear()
    fetch_results(place)
    assert [path for method, path, _ in bucket.seen if method == "GET" and "water.tif" in path] == []


def test_a_map_that_could_not_go_up_stands_as_it_was_and_is_not_made_again(
    scenes: list[Path], local: Path, bucket: StoreServer, place: str, tmp_path: Path
) -> None:
    upload(local, place)
    held = list_files(place)
    other = OPTIONS.replace(threshold=0.4, overwrite=True)
    bucket.fail("507", part="water.tif")
    with pytest.raises(OutputError, match="The store is full"):
        map_scene(scenes[0], place, options=other)
    after = list_files(place)
    assert {path: after[path] for path in held} == held
    assert list_scratch(tmp_path) == [local.name]
    bucket.heal()
    result = map_scene(scenes[0], place, options=other, row_source=refuse)
    assert (result.already_made, result.where) == (False, f"{place}/{local.name}")
    assert list_scratch(tmp_path) == []
    assert len(list_files(place)) == len(held)
    assert map_scene(scenes[0], place, options=other, row_source=refuse).already_made


def test_a_batch_into_a_store_goes_on(
    scenes: list[Path], local: Path, bucket: StoreServer, place: str, tmp_path: Path
) -> None:
    upload(local, place)
    cluster = ClusterOptions(workers=1)
    names = sorted(path.name.removesuffix(".SAFE") for path in scenes)
    other = next(name for name in names if name != local.name)
    bucket.fail("denied", part=f"{other}/")
    summary = run_batch(scenes[0].parent, place, options=OPTIONS, cluster=cluster, retries=0)
    assert dict(summary.counts) == {"already mapped": 1, "failed": 1}
    assert "Check the keys" in summary.problems[0].reason
    assert list_scratch(tmp_path) == [other]
    bucket.heal()
    summary = run_batch(scenes[0].parent, place, options=OPTIONS, cluster=cluster)
    assert dict(summary.counts) == {"already mapped": 1, "mapped": 1}
    held = list_files(place)
    assert {"batch.json", "catalog.json", "items.parquet", "summary.json"} <= held.keys()
    assert json.loads(held["summary.json"])["complete"]
    assert [link["title"] for link in json.loads(held["catalog.json"])["links"] if link["rel"] == "item"] == names
    # Another machine has no scratch folder, and is told by the store what its maps were made with.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRANDLINE_SCRATCH", str(tmp_path / "another machine"))
        with pytest.raises(StaleResultError, match="this run differs in threshold"):
            run_batch(scenes[0].parent, place, options=OPTIONS.replace(threshold=0.4), cluster=cluster)


def make_maps(out: Path) -> Path:
    """Two maps side by side."""
    coast = Ground(distance_m=lambda _lon, lat: (lat - 50.0) * 111_000.0 - 600 + 150 * np.sin(_lon * 4000))
    for number in range(2):
        grid = make_grid(epsg=32631, left=500_000 + 1000 * number, top=5_541_500, width=110, height=128)
        name = f"S2A_MSIL2A_2024060{number + 1}T000000_N0500_R000_T31UES_20240601T000000"
        fingerprint = {"strandline:fingerprint": f"{number:064x}"}
        write_mapped(out, name, grid, coast, date=number, properties=fingerprint)
    return out


def test_a_mosaic_of_a_store_goes_to_a_store_with_its_page(bucket: StoreServer, place: str, tmp_path: Path) -> None:
    maps, out = make_maps(tmp_path / "maps"), place.replace("/maps", "/coast")
    for folder in sorted(maps.iterdir()):
        upload(folder, place)

    def add(folder: Path) -> None:
        (folder / PAGE_NAME).write_text("page")

    bucket.fail("503", part="coastline.gpkg")
    with pytest.raises(OutputError, match="run this again later"):
        build_mosaic(place, out, finish=add)
    assert not any(path.endswith(f"coast/{ITEM_NAME}") for path in list_files(out))
    bucket.heal()
    made = build_mosaic(place, out, finish=add)
    assert (made.already_made, made.where) == (False, out)
    assert list(tmp_path.glob("scratch/*/coast")) == []
    held = list_files(out)
    item = json.loads(held[ITEM_NAME])
    hrefs = [asset["href"].removeprefix("./") for asset in item["assets"].values()]
    assert item["id"] == "coast"
    assert set(hrefs) <= held.keys()
    assert any(path.endswith(f"/{PAGE_NAME}") for path in held)
    assert any(path.endswith(".zgroup") for path in held)
    assert build_mosaic(place, out).already_made
    local = build_mosaic(maps, tmp_path / "coast")
    version = hrefs[0].partition("/")[0]
    for name in ("coastline.gpkg", "31UES/water.tif"):
        assert held[f"{version}/{name}"] == (local.folder / name).read_bytes()


def test_a_scene_is_read_from_a_store(bucket: StoreServer, place: str, tmp_path: Path) -> None:
    rng, assets = np.random.default_rng(3), {}
    scene = tmp_path / "scene"
    for name, bright in (("B03", 1600), ("B08", 4000)):
        dn = rng.integers(1050, 1250, (1, 128, 128)).astype(np.uint16)
        dn[:, :64] += bright
        write_raster(scene / f"{name} 10m.tif", dn, block=64, nodata=0)
        assets[name] = {"href": f"./{name}%2010m.tif"}
    properties = {"datetime": "2024-06-10T10:20:30Z", "platform": "sentinel-2a", "s2:processing_baseline": "05.11"}
    item = {"type": "Feature", "id": "scene", "geometry": None, "properties": properties, "assets": assets}
    (scene / "item.json").write_text(json.dumps(item))
    fsspec.filesystem("s3").put(f"{scene}/", f"{place}/in/", recursive=True)
    options = OPTIONS.replace(model=str(write_model(tmp_path / "tiny.safetensors")))
    here = map_scene(scene, tmp_path / "here", options=options)
    there = map_scene(f"{place}/in/item.json", place, options=options)
    assert compare_results(here.folder, fetch_results(place) / "scene") == []
    record = list_files(place)["scene/item.json"].decode()
    assert "/vsis3/coast/" in record or "s3://coast/" in record
    assert "AKIA" not in record
    assert there.where == f"{place}/scene"
    with pytest.raises(SceneError, match=r"could not read s3://coast/.*none\.json"):
        map_scene(f"{place}/none.json", place, options=options)


@pytest.mark.parametrize("out", ["s3://key:secret@coast/maps", "s3://coast/maps?token=hunter2"])
def test_keys_in_a_place_are_refused_and_not_repeated(out: str) -> None:
    with pytest.raises(SecretError, match="Expected an --out without keys in it") as caught:
        open_outlet(out)
    assert "secret@" not in str(caught.value) + repr(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("text", ["s3://coast", "s3://coast/", "memory://coast"])
def test_a_result_needs_a_name_within_its_bucket(text: str) -> None:
    with pytest.raises(OptionError, match=r"Expected a result within a bucket, as .*coast/coast, found"):
        open_outlet_of(text)


def test_a_folder_is_its_own_place(tmp_path: Path) -> None:
    require_value_type(Outlet)
    assert open_outlet(str(tmp_path)) == Outlet(folder=tmp_path)
    assert open_outlet(tmp_path.as_uri()) == Outlet(folder=tmp_path)
    assert open_outlet_of("coast")[1] == "coast"
    assert fetch_results(tmp_path) == tmp_path
