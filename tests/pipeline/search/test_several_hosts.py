"""Several hosts in order: the same product is one scene, the first host comes first, and a silent one costs nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.search.errors import EmptySearchError, HostError, SearchError
from pipeline.search.hosts import split_sources
from pipeline.search.plan import Plan, format_plan, read_plan, write_plan
from pipeline.search.search_scenes import SearchOptions, search_scenes
from tests.pipeline.fault_proxy import run_fault_proxy
from tests.pipeline.stac_items import find_port, make_item, serve_items, write_items
from tiles.errors import OptionError
from tiles.products.offers import list_offers

C1, L2A = "sentinel-2-c1-l2a", "sentinel-2-l2a"


def name(day: int, *, baseline: str = "0511", made: str = "20240731T150000") -> str:
    return f"S2A_MSIL2A_202406{day:02d}T102021_N{baseline}_R065_T32UPF_{made}"


def offer(host: str, day: int, *, baseline: str = "0511", collection: str = L2A, **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """What a host says of a product: an id of its own, and the product's name."""
    assets = {key: {"href": f"https://{host}.test/{day}/{key}.tif"} for key in ("B03", "B08")}
    assets["thumbnail"] = {"href": f"https://{host}.test/{day}/t.png"}
    return make_item(
        f"{host}{'c1' if collection == C1 else ''}_{day}",
        when=f"2024-06-{day:02d}T10:20:30Z",
        assets=assets,
        collection=collection,
        **{"s2:product_uri": f"{name(day, baseline=baseline)}.SAFE", "s2:processing_baseline": baseline, **more},
    )


def ask(*sources: str | Path, **options: Any) -> Plan:  # noqa: ANN401
    asked = {"aoi": "10.2,54.2,10.4,54.4", "dates": "2024-06", "source": ",".join(map(str, sources))} | options
    return search_scenes(SearchOptions(**asked))


def hosts_of(plan: Plan) -> dict[str, list[str]]:
    return {item["id"]: [one.host for one in list_offers(item)] for item in plan.items}


@pytest.fixture(scope="module")
def east(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    items = [
        *(offer("east", day, collection=C1) for day in (10, 11)),
        *(offer("east", day, baseline="0509") for day in (9, 11, 12)),
    ]
    with serve_items(write_items(tmp_path_factory.mktemp("east") / "items.json", items)) as url:
        yield url


@pytest.fixture(scope="module")
def west(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    items = [offer("west", 10), offer("west", 12), offer("west", 13)]
    with serve_items(write_items(tmp_path_factory.mktemp("west") / "items.json", items)) as url:
        yield url


def test_a_product_at_two_hosts_is_one_scene_of_the_first(east: str, west: str) -> None:
    plan = ask(east, west)
    # Of day 11 and 12 the newer baseline stays, whoever has it.
    assert hosts_of(plan) == {
        "east_9": [east],
        "eastc1_10": [east, west],
        "eastc1_11": [east],
        "west_12": [west],
        "west_13": [west],
    }
    (one,) = [item for item in plan.items if item["id"] == "eastc1_10"]
    other = list_offers(one)[1].item
    assert one["assets"]["B03"]["href"] == "https://east.test/10/B03.tif"
    assert {key: asset["href"] for key, asset in other["assets"].items()} == {
        "B03": "https://west.test/10/B03.tif",
        "B08": "https://west.test/10/B08.tif",
    }
    assert plan.notes == (
        f"Of 5 scenes {east} has 3, 2 of them it alone; {west} has 3, 2 of them it alone. Each is read at the first of "
        "these that has it, and at the next where that one fails.",
    )
    assert ([source.href for source in (plan.source, *plan.others)], plan.silent) == ([east, west], ())
    assert {verdict.id: verdict.reason.split(" (")[0] for verdict in plan.set_aside} == {
        "east_11": "superseded by eastc1_11",
        "east_12": "superseded by west_12",
    }
    assert list(hosts_of(ask(west, east))) == ["east_9", "west_10", "eastc1_11", "west_12", "west_13"]


def test_plan_of_several_hosts_is_read_as_it_was_written(east: str, west: str, tmp_path: Path) -> None:
    plan = ask(east, west, limit=2)
    write_plan(plan, tmp_path / "plan.json")
    assert format_plan(read_plan(tmp_path / "plan.json")) == format_plan(plan)
    assert "others" not in format_plan(ask(east))
    assert "strandline:host" not in format_plan(ask(east))


def test_collections_are_asked_in_their_order(east: str) -> None:
    plan = ask(east, collection=f"{C1},{L2A}")
    assert hosts_of(plan) == {
        "east_9": [f"{east}/{L2A}"],
        "eastc1_10": [f"{east}/{C1}"],
        "eastc1_11": [f"{east}/{C1}"],
        "east_12": [f"{east}/{L2A}"],
    }
    assert plan.query.collection == f"{C1},{L2A}"


def test_a_collection_that_one_lacks_is_said_one_that_all_lack_is_an_error(east: str, west: str) -> None:
    plan = ask(east, west, collection=f"{C1},{L2A}")
    assert [note for note in plan.notes if "was left out" in note] == [
        f"{west}/{C1} was left out: {west} has no collection {C1} (found {L2A}). Choose one with --collection."
    ]
    with pytest.raises(SearchError, match="no collection landsat"):
        ask(east, west, collection=f"{L2A},landsat")
    with pytest.raises(SearchError, match=f"{west} has no collection {C1}"):
        ask(east, west, collection=C1)


def test_a_silent_host_costs_what_only_it_has_and_that_is_said(east: str) -> None:
    dead = f"http://127.0.0.1:{find_port()}"
    for sources in ((east, dead), (dead, east)):
        plan = ask(*sources)
        assert len(plan.items) == 4
        assert plan.silent == (dead,)
        assert plan.notes[-1].startswith(f"What only {dead} has may be missing: Could not search 127.0.0.1:")
    with pytest.raises(HostError, match="Connection refused"):
        ask(dead, f"http://127.0.0.1:{find_port()}")


def test_nothing_found_beside_a_silent_host_is_not_said_to_be_nothing(west: str, east: str) -> None:
    with pytest.raises(HostError, match="Connection refused"):
        ask(west, f"http://127.0.0.1:{find_port()}", dates="2023")
    with pytest.raises(EmptySearchError, match=f"Found no scene in {west} and {east} for"):
        ask(west, east, dates="2023")


def test_a_token_goes_to_one_host_alone(east: str, west: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRANDLINE_STAC_TOKEN", "secret-token")
    with run_fault_proxy(east) as first, run_fault_proxy(west) as second:
        ask(first.url, second.url)
    assert {entry.token for entry in first.seen} == {"Bearer secret-token"}
    assert {entry.token for entry in second.seen} == {None}


def test_files_and_addresses_mix_and_names_of_files_may_have_commas(west: str, tmp_path: Path) -> None:
    path = write_items(tmp_path / "my items, all of them.json", [offer("file", 14)])
    assert split_sources(str(path)) == (str(path),)
    plain = write_items(tmp_path / "items.json", [offer("file", 14), offer("file", 13)])
    assert hosts_of(ask(plain, west))["file_13"] == [str(plain), west]


@pytest.mark.parametrize(("source", "match"), [("a.json,,b.json", "one comma"), ("earth-search,earth-search", "twice")])
def test_what_is_no_list_of_sources_is_said(source: str, match: str) -> None:
    with pytest.raises(OptionError, match=match):
        ask(source)
