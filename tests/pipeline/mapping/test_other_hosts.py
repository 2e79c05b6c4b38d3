"""A product that several hosts have is read from the first that gives it, to the last byte."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.batch.units import SceneUnit, compute_unit_part, map_unit
from pipeline.mapping.map_scene import map_scene
from pipeline.mapping.options import MapOptions
from tests.pipeline.small_scenes import compare_results
from tests.pipeline.tiny_models import write_model
from tests.tiles.products.range_host import Fault, RangeHost, serve_ranges
from tests.tiles.products.small_products import write_raster
from tiles.errors import RasterReadError
from tiles.products.offers import Offer, add_offers
from tiles.products.open import StackOptions, open_scene

BANDS = ("B03", "B08")
EDGE = 192


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Land and water in rough pixels: some 70 kB a band, so that a band takes several requests."""
    folder, rng = tmp_path_factory.mktemp("hosts"), np.random.default_rng(3)
    for name, bright in zip(BANDS, (1600, 4000), strict=True):
        dn = rng.integers(1050, 1250, (1, EDGE, EDGE)).astype(np.uint16)
        dn[:, : EDGE // 2] += bright
        write_raster(folder / "raw" / f"{name}.tif", dn, block=64, nodata=0)
        write_raster(folder / "taken_off" / f"{name}.tif", dn - 1000, block=64, nodata=0)
    return folder


@pytest.fixture
def hosts(files: Path) -> Iterator[tuple[RangeHost, RangeHost]]:
    with serve_ranges(files / "raw") as first, serve_ranges(files / "taken_off") as second:
        yield first, second


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_model(tmp_path_factory.mktemp("model") / "tiny.safetensors"))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GDAL_HTTP_RETRY_DELAY", "0.05")
    monkeypatch.setenv("GDAL_HTTP_MAX_RETRY", "1")
    monkeypatch.setattr("tiles.remote._PAUSE_S", 0.01)


def say(name: str, url: str, *, applied: bool) -> dict[str, Any]:
    properties = {
        "datetime": "2024-06-10T10:20:30Z",
        "platform": "sentinel-2a",
        "s2:processing_baseline": "05.11",
        "earthsearch:boa_offset_applied": applied,
    }
    assets = {band: {"href": f"{url}/{band}.tif"} for band in BANDS}
    return {"type": "Feature", "id": name, "geometry": None, "properties": properties, "assets": assets}


def write_offers(path: Path, hosts: Mapping[str, dict[str, Any]]) -> Path:
    path.write_text(json.dumps(add_offers([Offer(host=name, item=item) for name, item in hosts.items()])))
    return path


def write_both(folder: Path, east: RangeHost, west: RangeHost) -> Path:
    offers = {"east": say("scene_east", east.url, applied=False), "west": say("scene_west", west.url, applied=True)}
    return write_offers(folder / "item.json", offers)


@pytest.fixture
def item(tmp_path: Path, hosts: tuple[RangeHost, RangeHost]) -> Path:
    return write_both(tmp_path, *hosts)


def read_item(folder: Path) -> dict[str, Any]:
    properties: dict[str, Any] = json.loads((folder / "item.json").read_text())["properties"]
    return properties


@pytest.mark.parametrize(("fault", "word"), [("404", "404"), ("403", "403")])
def test_what_one_host_refuses_the_next_gives(
    item: Path,
    hosts: tuple[RangeHost, RangeHost],
    fault: Fault,
    word: str,
) -> None:
    hosts[0].path, hosts[0].always = "B08", fault
    scene = open_scene(item)
    assert (scene.id, scene.host, scene.hosts) == ("scene_east", "west", ("east", "west"))
    assert all(hosts[1].url in band.path for band in scene.bands), "bands of two hosts are not mixed"
    assert set(scene.radiometry.offsets.values()) == {0.0}, "each host's word is on its own pixels"
    assert scene.notes[0].startswith("The scene was read from west: east did not give it (")
    assert word in scene.notes[0]


def test_the_first_host_is_read_where_it_answers(item: Path, hosts: tuple[RangeHost, RangeHost]) -> None:
    scene = open_scene(item)
    assert (scene.host, scene.notes) == ("east", ())
    assert set(scene.radiometry.offsets.values()) == {-1000.0}
    assert not hosts[1].seen


def test_what_the_user_says_of_pixels_is_said_of_the_first_host(item: Path, hosts: tuple[RangeHost, RangeHost]) -> None:
    hosts[0].always = "404"
    with pytest.raises(RasterReadError, match="404"):
        open_scene(item, options=StackOptions(offset=-1000))


def test_hosts_that_all_fail_are_named_in_one_line(item: Path, hosts: tuple[RangeHost, RangeHost]) -> None:
    for host in hosts:
        host.always = "404"
    with pytest.raises(
        RasterReadError, match=r"Expected scene_east at east or west, and none gives it: east: .*; west"
    ):
        open_scene(item)


@pytest.fixture
def midway(item: Path, hosts: tuple[RangeHost, RangeHost], monkeypatch: pytest.MonkeyPatch) -> RangeHost:
    """The first host, which gives all that opening the scene takes, and then no more."""
    monkeypatch.setenv("CPL_VSIL_CURL_NON_CACHED", "/vsicurl/http")  # what was read once is asked for again
    open_scene(item)
    hosts[0].skip, hosts[0].always = hosts[0].seen.total() + 1, "404"
    return hosts[0]


@pytest.fixture(scope="module")
def options(model: str) -> MapOptions:
    return MapOptions(model=model, tile_size=64, precision="fp32", doubtful="keep")


@pytest.fixture(scope="module")
def undisturbed(files: Path, options: MapOptions, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    with serve_ranges(files / "raw") as east, serve_ranges(files / "taken_off") as west:
        return map_scene(write_both(folder, east, west), folder, options=options).folder


def test_a_host_that_fails_midway_is_left_for_the_next(
    undisturbed: Path, item: Path, midway: RangeHost, options: MapOptions, tmp_path: Path
) -> None:
    moved = map_scene(item, tmp_path / "moved", options=options)
    assert midway.met["404"] > 0
    assert not compare_results(undisturbed, moved.folder), "the same pixels, whoever serves them"
    stated = read_item(moved.folder)
    assert (stated["strandline:source"]["host"], stated["strandline:source"]["hosts"]) == ("west", ["east", "west"])
    assert sum(note.startswith("The scene was read from west: east did not give it") for note in moved.notes) == 1
    midway.always = None
    again = map_scene(item, tmp_path / "moved", options=options)
    assert again.already_made, "it is the same result, whichever host was read"


def test_rows_of_two_hosts_are_not_joined(
    undisturbed: Path, item: Path, midway: RangeHost, options: MapOptions, tmp_path: Path
) -> None:
    midway.always = None
    unit = SceneUnit(source=str(item), out=str(tmp_path / "out"), options=options)
    assert compute_unit_part(unit, 0, 2) > 0
    midway.skip, midway.always = 0, "404"
    assert compute_unit_part(unit, 1, 2) > 0
    kept = sorted(path.name for path in next((tmp_path / "out").glob(".*.strips")).iterdir())
    assert kept[1] == f"{kept[0]}-1"
    result = map_unit(unit)
    assert not compare_results(undisturbed, Path(result.folder))
    assert not list((tmp_path / "out").glob(".*.strips"))
