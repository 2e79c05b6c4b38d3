from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pystac
import pytest
import rustac

from pipeline.search.errors import EmptySearchError, HostError, SearchError
from pipeline.search.plan import Plan, format_plan, read_plan, write_plan
from pipeline.search.search_scenes import SearchOptions, search_scenes
from tests.pipeline.fault_proxy import FaultProxy, run_fault_proxy
from tests.pipeline.stac_items import find_port, make_item, make_many, serve_folder, serve_items, write_items
from tiles.errors import OptionError

AOI = "10.2,54.2,10.4,54.4"
COUNT = 230


Form = Callable[[Path], Path]


def ask(source: str | Path, **options: object) -> Plan:
    asked: dict[str, Any] = {"aoi": AOI, "dates": "2024-06", "source": str(source)} | options
    return search_scenes(SearchOptions(**asked))


def ids(plan: Plan) -> list[str]:
    return [item["id"] for item in plan.items]


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    far = [make_item("far", box=(30, 10, 31, 11)), make_item("late", when="2024-09-01T00:00:00Z")]
    with serve_items(write_items(tmp_path_factory.mktemp("api") / "items.json", [*make_many(COUNT), *far])) as url:
        yield url


@pytest.fixture
def proxy(api: str) -> Iterator[FaultProxy]:
    with run_fault_proxy(api) as proxy:
        yield proxy


def test_api_gives_all_pages_in_order(proxy: FaultProxy) -> None:
    plan = ask(proxy.url)
    assert ids(plan) == [item["id"] for item in make_many(COUNT)]
    assert [entry.method for entry in proxy.seen if entry.path.startswith("/search")] == ["POST"] * 3
    assert (plan.source.kind, plan.source.href, plan.query.aoi) == ("api", proxy.url, AOI)


@pytest.mark.parametrize(
    ("fault", "page"), [("429", 1), ("503", 0), ("503", 2), ("cut", 0), ("cut", 1), ("cut", 2), ("cut unsized", 1)]
)
def test_faults_on_any_page_lose_nothing(proxy: FaultProxy, fault: str, page: int) -> None:
    proxy.faults = [*[None] * page, fault]
    plan = ask(proxy.url)
    assert proxy.injected == [fault]
    assert ids(plan) == [item["id"] for item in make_many(COUNT)]
    at = next(index for index, entry in enumerate(proxy.seen) if entry.fault)
    asked_again = proxy.seen[at + 1]
    assert (asked_again.method, asked_again.path) == (proxy.seen[at].method, proxy.seen[at].path)
    if fault == "429":
        assert asked_again.at_s - proxy.seen[at].at_s >= 1, "the host had asked for a second"


def test_all_faults_one_after_another(proxy: FaultProxy, api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.search.api._PAUSE_S", 0)
    proxy.faults = ["cut", "503", "429", "cut unsized", None, "503", "cut", None, "503"]
    through, direct = ask(proxy.url), ask(api)
    assert sorted(proxy.injected) == ["429", "503", "503", "503", "cut", "cut", "cut unsized"]
    assert format_plan(through).replace(proxy.url, api) == format_plan(direct)


def test_faults_at_the_door(proxy: FaultProxy) -> None:
    proxy.path, proxy.faults = "/", ["503", "cut", "503", "cut unsized"]
    assert len(ask(proxy.url).items) == COUNT
    assert len(proxy.injected) == 4


def test_host_that_stays_broken_is_named(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.search.api._PAUSE_S", 0)
    proxy.faults = ["cut"] * 50
    with pytest.raises(HostError, match=r"Could not search 127\.0\.0\.1:\d+ \(.*") as caught:
        ask(proxy.url)
    assert "\n" not in str(caught.value)
    assert 2 <= len(proxy.injected) < 10, "it gives up in the end"


def test_dead_host_is_named() -> None:
    port = find_port()
    with pytest.raises(HostError, match=rf"Could not search 127\.0\.0\.1:{port} \(Connection refused\)"):
        ask(f"http://127.0.0.1:{port}")


def test_token_goes_to_its_host_and_into_no_plan(proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRANDLINE_STAC_TOKEN", "secret-token")
    plan = ask(proxy.url)
    assert {entry.token for entry in proxy.seen} == {"Bearer secret-token"}
    assert "secret-token" not in format_plan(plan)


def test_collection_that_is_not_there(api: str) -> None:
    with pytest.raises(SearchError, match=r"no collection landsat \(found sentinel-2-l2a\)"):
        ask(api, collection="landsat")


def test_cloud_is_filtered_where_the_host_does_not(api: str) -> None:
    plan = ask(api, max_cloud=10)
    assert {item["properties"]["eo:cloud_cover"] for item in plan.items} == set(range(11))
    assert len(plan.items) + len(plan.set_aside) == COUNT
    assert {verdict.reason.split(" over ")[1] for verdict in plan.set_aside} == {"10%"}


def test_limit_keeps_the_earliest(api: str) -> None:
    plan = ask(api, limit=3)
    assert ids(plan) == [f"S2A_32UPF_{index:04d}" for index in range(3)]
    assert {verdict.reason for verdict in plan.set_aside} == {"beyond --limit 3"}
    assert len(plan.set_aside) == COUNT - 3


def make_mess() -> list[dict[str, Any]]:
    return [
        make_item("good"),
        make_item("other place", box=(30, 10, 31, 11)),
        make_item("other time", when="2023-06-10T10:20:30Z"),
        make_item("cloudy", when="2024-06-12T00:00:00Z", cloud=80),
        make_item("cloud unknown", when="2024-06-13T00:00:00Z", cloud=None),
        make_item("bare", when="2024-06-14T00:00:00Z", assets={}),
        make_item("thumb", when="2024-06-14T00:00:00Z", assets={"thumbnail": {"href": "t.png"}}),
        make_item("landsat", when="2024-06-14T00:00:00Z", platform="landsat-8", assets={"blue": {"href": "b.tif"}}),
        make_item("old", when="2024-06-15T10:00:00Z", **{"s2:processing_baseline": "04.00"}),
        make_item("new", when="2024-06-15T10:00:20Z", **{"s2:processing_baseline": "05.11"}),
    ]


def as_items(folder: Path) -> Path:
    return write_items(folder / "items.json", make_mess())


def as_geoparquet(folder: Path) -> Path:
    rustac.write_sync(str(folder / "items.parquet"), make_mess())
    return folder / "items.parquet"


def as_catalogue(folder: Path) -> Path:
    top = pystac.Catalog("top", "A coast")
    for name in ("east", "west"):
        top.add_child(pystac.Catalog(name, "A side"))
    for index, item in enumerate(make_mess()):
        child = list(top.get_children())[index % 2]
        child.add_item(pystac.Item.from_dict({**item, "collection": None}))
    top.normalize_and_save(str(folder), pystac.CatalogType.SELF_CONTAINED)
    return folder / "catalog.json"


def as_catalogue_folder(folder: Path) -> Path:
    return as_catalogue(folder).parent


@pytest.mark.parametrize("form", [as_items, as_geoparquet, as_catalogue, as_catalogue_folder])
def test_every_form_of_source_is_filtered_alike(tmp_path: Path, form: Form) -> None:
    plan = ask(form(tmp_path), max_cloud=20)
    assert ids(plan) == ["good", "cloud unknown", "new"]
    assert {verdict.id: verdict.reason for verdict in plan.set_aside} == {
        "cloudy": "cloud 80% over 20%",
        "bare": "no assets with bands of Sentinel-2 (found none)",
        "thumb": "no assets with bands of Sentinel-2 (found thumbnail)",
        "landsat": "not of Sentinel-2 (platform landsat-8)",
        "old": "superseded by new (processing baseline 04.00 before 05.11)",
    }
    assert plan.items[0]["assets"]["B03"]["href"] == "https://files.test/good/B03.tif"
    write_plan(plan, tmp_path / "plan.json")
    assert format_plan(read_plan(tmp_path / "plan.json")) == format_plan(plan)


@pytest.mark.parametrize("form", [as_items, as_geoparquet, as_catalogue])
def test_sources_on_a_host(tmp_path: Path, form: Form) -> None:
    path = form(tmp_path)
    with serve_folder(tmp_path) as url:
        plan = ask(f"{url}/{path.name}", max_cloud=20)
    assert ids(plan) == ["good", "cloud unknown", "new"]


def test_items_of_other_missions_stay_where_they_are_wanted(tmp_path: Path) -> None:
    plan = ask(as_items(tmp_path), any_platform=True)
    assert "landsat" in ids(plan)
    write_plan(plan, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json").query.any_platform


def test_same_answer_gives_same_bytes_in_any_order(tmp_path: Path) -> None:
    items = [*make_mess(), make_item("good", cloud=6)]
    plans = set()
    for seed in range(6):
        random.Random(seed).shuffle(items)  # noqa: S311
        plans.add(format_plan(ask(write_items(tmp_path / "items.json", items), max_cloud=20)))
    assert len(plans) == 1


def test_broken_parts_of_a_catalogue_cost_only_themselves(tmp_path: Path) -> None:
    path = as_catalogue(tmp_path)
    (tmp_path / "east" / "good" / "good.json").write_text('{"type": "Feature", ')
    (tmp_path / "west" / "new" / "new.json").unlink()
    plan = ask(path)
    assert "good" not in ids(plan)
    assert "old" in ids(plan), "what would have superseded it is not there"
    broken = {verdict.id: verdict.reason for verdict in plan.set_aside if "cannot be read" in verdict.reason}
    assert [Path(name).name for name in sorted(broken)] == ["good.json", "new.json"]


def test_relative_hrefs_become_absolute_and_copies_are_found(tmp_path: Path) -> None:
    assets = {
        "B03": {"href": "./R10m/B03.tif"},
        "B08": {"href": "https://host/x/B08.tif?sig=1&se=2"},
        "B04": {"href": "https://host/B04.tif"},
    }
    (tmp_path / "B04.tif").touch()
    path = tmp_path / "one.json"
    path.write_text(json.dumps(make_item("one", assets=assets)))
    (item,) = ask(path).items
    assert {key: asset["href"] for key, asset in item["assets"].items()} == {
        "B03": str(tmp_path / "R10m" / "B03.tif"),
        "B08": "https://host/x/B08.tif",
        "B04": str(tmp_path / "B04.tif"),
    }


def test_area_over_the_antimeridian_is_asked_from_both_sides(tmp_path: Path) -> None:
    items = [
        make_item("east side", box=(178, -17, 179, -16), tile="60KYF"),
        make_item("west side", box=(-179.9, -17, -179, -16), tile="01KAB"),
        make_item("across", box=(179.5, -17, 180.5, -16), tile="01KBB", when="2024-06-11T00:00:00Z"),
        make_item("beside", box=(170, -17, 171, -16), tile="59KAA"),
    ]
    # As hosts write a footprint that crosses: cut in two, and carelessly, as a ring around the world.
    items[2]["geometry"] = {
        "type": "MultiPolygon",
        "coordinates": [
            [[[179.5, -17], [180, -17], [180, -16], [179.5, -16], [179.5, -17]]],
            [[[-180, -17], [-179.5, -17], [-179.5, -16], [-180, -16], [-180, -17]]],
        ],
    }
    around = make_item("around", tile="01KCB", when="2024-06-12T00:00:00Z")
    ring = [[179.5, -17], [-179.5, -17], [-179.5, -16], [179.5, -16], [179.5, -17]]
    around |= {"geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": [-179.5, -17, 179.5, -16]}
    path = write_items(tmp_path / "items.json", [*items, around])
    expected = ["across", "around", "east side", "west side"]
    assert sorted(ids(ask(path, aoi="178.5,-16.8,-179.5,-16.2"))) == expected
    with serve_items(path) as url, run_fault_proxy(url) as proxy:
        plan = ask(proxy.url, aoi="178.5,-16.8,-179.5,-16.2")
    assert sorted(ids(plan)) == expected
    assert sum(entry.path.startswith("/search") for entry in proxy.seen) == 2
    assert plan.query.area is not None
    assert plan.query.area["type"] == "GeometryCollection"


def test_empty_answers_have_a_word_of_their_own(tmp_path: Path, api: str) -> None:
    with pytest.raises(EmptySearchError, match=r"Found no scene in .* for 0,0,1,1 in 2024-06") as caught:
        ask(api, aoi="0,0,1,1")
    assert caught.value.exit_code == 3
    with pytest.raises(EmptySearchError, match=r"all 1 that were found were set aside \(no assets with bands"):
        ask(write_items(tmp_path / "items.json", [make_item("bare", assets={})]))
    with pytest.raises(EmptySearchError, match="1 items are of other places"):
        ask(write_items(tmp_path / "items.json", [make_item("far", box=(30, 10, 31, 11))]))


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("a.json", '{"type": "Fea', r"a\.json is no JSON \(line 1, column"),
        ("b.json", '{"type": "Topology"}', r"found Topology in .*b\.json"),
        ("c.json", "[1, 2]", "found a list"),
        ("d.parquet", "PAR1 and no more", "Expected stac-geoparquet"),
        ("e.bin", b"\x89PNG\xff\x80", "is none of these"),
    ],
)
def test_what_is_no_source_is_said_in_one_line(tmp_path: Path, name: str, content: str | bytes, match: str) -> None:
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(SearchError, match=match) as caught:
        ask(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_sources_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(SearchError, match="found nothing at"):
        ask(tmp_path / "nothing.json")
    with pytest.raises(SearchError, match=r"catalog\.json"):
        ask(tmp_path)


def test_real_items(shared: Path) -> None:
    plan = ask(shared / "stac" / "29RKH" / "S2A_29RKH_20200219_0_L2A.json", aoi="-12,24,-11,25", dates="2020-02-19")
    (item,) = plan.items
    assert item["assets"]["blue"]["href"].startswith("https://") or Path(item["assets"]["blue"]["href"]).is_file()
    plan = ask(shared / "stac" / "odc" / "S2A_28QCH_20200714_0_L2A.json", aoi="-17,20,-16,21", dates="2020")
    assert ids(plan) == ["S2A_28QCH_20200714_0_L2A"]


def test_options_are_checked() -> None:
    with pytest.raises(OptionError, match="--max-cloud"):
        SearchOptions(aoi=AOI, dates="2024", max_cloud=101)
    with pytest.raises(OptionError, match="--limit"):
        SearchOptions(aoi=AOI, dates="2024", limit=0)
