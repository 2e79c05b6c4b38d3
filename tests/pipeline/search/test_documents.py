"""Items from files: what a source is, which of its items come out, and what cannot be read."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import rustac
from pystac.stac_io import DefaultStacIO
from pystac_client.exceptions import APIError

from pipeline.search.documents import (
    Document,
    change_hrefs,
    identify,
    make_absolute,
    read_geoparquet,
    walk_catalogue,
    yield_items,
)
from pipeline.search.errors import SearchError
from pipeline.search.plan import PlanVerdict
from tests.pipeline.stac_items import make_item, write_items

CATALOGUE = {"type": "Catalog", "id": "root", "stac_version": "1.0.0", "description": "A test."}


def write_json(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def link(rel: str, href: str) -> dict[str, str]:
    return {"rel": rel, "href": href}


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (make_item("one"), "items"),
        ({"type": "FeatureCollection", "features": []}, "items"),
        ({"type": "Catalog"}, "catalogue"),
        ({"type": "Collection"}, "catalogue"),
        ({"stac_version": "1.0.0"}, "catalogue"),
        ({"conformsTo": [], "type": "Catalog", "links": [{"rel": "search", "href": "search"}]}, "api"),
        ({"conformsTo": ["https://api.stacspec.org/v1.0.0/item-search"], "type": "Catalog"}, "api"),
        ({"conformsTo": ["https://api.stacspec.org/v1.0.0/core"], "type": "Catalog"}, "catalogue"),
    ],
)
def test_a_document_is_known_by_its_content(tmp_path: Path, content: dict[str, Any], kind: str) -> None:
    path = write_json(tmp_path / "anything.txt", content)
    document = identify(str(path))
    assert (document.kind, document.href) == (kind, str(path))
    assert document.content == json.loads(json.dumps(content))


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ({"type": "Feature"}, "found Feature in"),
        ({"type": "FeatureCollection"}, "found FeatureCollection in"),
        ({"type": "FeatureCollection", "features": {}}, "found FeatureCollection in"),
        (dict.fromkeys("abcdef", 1), "found keys a, b, c, d, e in"),
        ([], "found a list in"),
    ],
)
def test_what_holds_no_items_is_refused(tmp_path: Path, content: object, shown: str) -> None:
    with pytest.raises(SearchError, match=shown):
        identify(str(write_json(tmp_path / "x.json", content)))


def test_files_that_cannot_be_read_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(SearchError, match=r"found nothing at .*nowhere\.json"):
        identify(str(tmp_path / "nowhere.json"))
    (tmp_path / "text.json").write_text('{"type":\n oops}')
    with pytest.raises(SearchError, match=r"is no JSON \(line 2, column 2: "):
        identify(str(tmp_path / "text.json"))
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(SearchError, match=r"picture\.png is none of these"):
        identify(str(tmp_path / "picture.png"))


def test_of_a_folder_its_catalogue_is_meant(tmp_path: Path) -> None:
    write_json(tmp_path / "catalog.json", CATALOGUE)
    document = identify(str(tmp_path))
    assert (document.kind, document.href) == ("catalogue", str(tmp_path / "catalog.json"))


@pytest.mark.parametrize(
    ("href", "kind"),
    [
        ("https://host.test/items.parquet?key=a", "geoparquet"),
        ("http://host.test/ITEMS.GEOPARQUET", "geoparquet"),
        ("https://host.test/items.json?as=.parquet", "items"),
    ],
)
def test_a_remote_file_is_taken_for_parquet_by_its_name(href: str, kind: str) -> None:
    class Reader(DefaultStacIO):
        def read_json(self, source: Any, *_args: Any, **_kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
            return make_item(source)

    assert identify(href, stac_io=Reader()).kind == kind


def test_a_local_file_is_parquet_by_its_first_bytes(tmp_path: Path) -> None:
    rustac.write_sync(str(tmp_path / "items.parquet"), [make_item("one")])
    (tmp_path / "items.parquet").rename(tmp_path / "items.bin")
    assert identify(str(tmp_path / "items.bin")).kind == "geoparquet"
    (tmp_path / "fake.parquet").write_text(json.dumps(make_item("one")))
    assert identify(str(tmp_path / "fake.parquet")).kind == "items"


def test_an_item_or_a_collection_gives_its_items_and_names_what_is_none(tmp_path: Path) -> None:
    one = identify(str(write_json(tmp_path / "one.json", make_item("one"))))
    assert [item["id"] for item in yield_items(one)] == ["one"]
    many = {"type": "FeatureCollection", "features": [make_item("one"), "x" * 60, make_item("two")]}
    items = list(yield_items(identify(str(write_json(tmp_path / "many.json", many)))))
    assert [item["id"] for item in items] == ["one", "'" + "x" * 39, "two"]


def test_hrefs_are_made_absolute_from_where_the_item_stands(tmp_path: Path) -> None:
    (tmp_path / "B04.tif").touch()
    hrefs = {
        "B02": "B02.tif",
        "B03": "../B03.tif",
        "B04": "https://files.test/a/B04.tif?sig=1",
        "B05": "https://files.test/a/B05.tif",
        "B06": "/vsis3/bucket/B06.tif",
    }
    item = make_item("one", assets={key: {"href": href, "title": key} for key, href in hrefs.items()})
    local = make_absolute(item, str(tmp_path / "one.json"))["assets"]
    assert local["B02"] == {"href": str(tmp_path / "B02.tif"), "title": "B02"}
    assert local["B03"]["href"] == str(tmp_path.parent / "B03.tif")
    assert local["B04"]["href"] == str(tmp_path / "B04.tif")  # a copy lies beside the item
    assert local["B05"]["href"] == hrefs["B05"]
    assert local["B06"]["href"] == hrefs["B06"]
    remote = make_absolute(item, "https://host.test/items/one.json")["assets"]
    assert remote["B02"]["href"] == "https://host.test/items/B02.tif"
    assert remote["B03"]["href"] == "https://host.test/B03.tif"
    assert remote["B04"]["href"] == hrefs["B04"]
    assert item["assets"]["B02"]["href"] == "B02.tif"  # the item itself is as it was


def test_what_has_no_href_stays_as_it_is() -> None:
    odd = {"id": "odd", "assets": {"a": {"title": "no href"}, "b": {"href": 7}, "c": "text", "d": {"href": "x"}}}
    assert change_hrefs(odd, lambda href, _: href.upper())["assets"] == odd["assets"] | {"d": {"href": "X"}}
    for assets in (None, ["x"]):
        assert change_hrefs({"assets": assets}, lambda href, _: href.upper()) == {"assets": assets}


def walk(folder: Path, **readers: Any) -> list[str | tuple[str, str]]:  # noqa: ANN401
    """Ids of items, and of what is broken its name and why."""
    document = identify(str(folder / "catalog.json"))
    return [
        (Path(entry.id).name, entry.reason) if isinstance(entry, PlanVerdict) else entry["id"]
        for entry in walk_catalogue(document, **readers)
    ]


def test_a_catalogue_is_walked_to_its_last_item_and_each_document_once(tmp_path: Path) -> None:
    links = [link("item", "./one.json"), link("child", "./sub/catalog.json"), link("child", "./catalog.json")]
    write_json(tmp_path / "catalog.json", CATALOGUE | {"links": [*links, *links]})
    again = [link("item", "../one.json"), link("item", "two.json"), link("child", "../catalog.json")]
    write_json(tmp_path / "sub" / "catalog.json", CATALOGUE | {"id": "sub", "links": again})
    write_json(tmp_path / "one.json", make_item("one", assets={"B03": {"href": "b.tif"}}))
    write_json(tmp_path / "sub" / "two.json", make_item("two"))
    assert walk(tmp_path) == ["one", "two"]
    (one, _) = walk_catalogue(identify(str(tmp_path)))
    assert isinstance(one, dict)
    assert one["assets"]["B03"]["href"] == str(tmp_path / "b.tif")


def test_what_is_broken_costs_itself_and_says_why(tmp_path: Path) -> None:
    links = [link("item", name) for name in ("gone.json", "cut.json", "other.json", "one.json")]
    children = [link("child", "item/catalog.json"), link("child", "bad/catalog.json")]
    write_json(tmp_path / "catalog.json", CATALOGUE | {"links": [*links, *children]})
    (tmp_path / "cut.json").write_text('{"type": ')
    write_json(tmp_path / "other.json", CATALOGUE | {"links": []})
    write_json(tmp_path / "one.json", make_item("one"))
    write_json(tmp_path / "item" / "catalog.json", make_item("not a catalogue"))
    write_json(tmp_path / "bad" / "catalog.json", {"type": "Nothing"})
    broken = dict(entry for entry in walk(tmp_path) if isinstance(entry, tuple))
    entries = walk(tmp_path)
    assert [entry for entry in entries if isinstance(entry, str)] == ["one"]
    assert broken["gone.json"] == "cannot be read: No such file or directory"
    assert re.fullmatch(r"cannot be read: .*: line 1 column 10 \(char 9\)", broken["cut.json"])
    assert broken["other.json"] == "cannot be read: no STAC item"
    reasons = [entry[1] for entry in entries if isinstance(entry, tuple) and entry[0] == "catalog.json"]
    assert reasons[0] == "cannot be read: no catalogue"
    assert reasons[1].startswith("cannot be read: no catalogue: ")


@pytest.mark.parametrize(
    ("status", "costs_itself"), [(403, True), (404, True), (410, True), (500, False), (None, False)]
)
def test_a_silent_host_costs_the_walk(tmp_path: Path, status: int | None, costs_itself: bool) -> None:
    class Reader(DefaultStacIO):
        def read_json(self, source: Any, *_args: Any, **_kwargs: Any) -> dict[str, Any]:  # noqa: ANN401
            error = APIError(f"a long\nanswer about {Path(source).name} " + "x" * 200)
            if status is not None:
                error.status_code = status
            raise error

    write_json(tmp_path / "catalog.json", CATALOGUE | {"links": [link("item", "one.json")]})
    if costs_itself:
        ((name, reason),) = walk(tmp_path, stac_io=Reader())
        assert name == "one.json"
        assert reason.startswith("cannot be read: a long answer about one.json x")
        assert len(reason) == len("cannot be read: ") + 160
    else:
        with pytest.raises(APIError):
            walk(tmp_path, stac_io=Reader())


def test_geoparquet_gives_items_as_they_were(tmp_path: Path) -> None:
    items = [make_item(f"item{number:03d}", cloud=float(number)) for number in range(401)]
    items[7]["properties"]["only here"] = {"a": 1}
    rustac.write_sync(str(tmp_path / "items.parquet"), items)
    read = list(read_geoparquet(identify(str(tmp_path / "items.parquet"))))
    assert [item["id"] for item in read] == [item["id"] for item in items]
    assert [item["properties"]["eo:cloud_cover"] for item in read] == [float(number) for number in range(401)]
    assert [("only here" in item["properties"]) for item in read] == [number == 7 for number in range(401)]
    assert read[0]["assets"]["B03"]["href"] == items[0]["assets"]["B03"]["href"]
    assert "datetime" in read[0]["properties"]


def test_items_without_assets_are_read_beside_others(tmp_path: Path) -> None:
    bare = make_item("bare", assets={})
    path = write_items(tmp_path / "items.json", [make_item("one"), bare])
    rustac.write_sync(str(tmp_path / "items.parquet"), json.loads(path.read_text())["features"])
    assert {item["id"] for item in read_geoparquet(identify(str(tmp_path / "items.parquet")))} == {"one", "bare"}


def test_parquet_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "items.parquet").write_bytes(b"PAR1 and no more")
    document = identify(str(tmp_path / "items.parquet"))
    assert document == Document(href=str(tmp_path / "items.parquet"), kind="geoparquet", content={})
    with pytest.raises(SearchError, match="Expected stac-geoparquet, could not read"):
        list(read_geoparquet(document))


def test_links_of_a_catalogue_are_uri_references_and_marks_are_read_over(tmp_path: Path) -> None:
    assets = {"B03": {"href": "./my%20bands/B03.tif?v=1"}}
    member = write_json(tmp_path / "my items" / "one.json", make_item("one", assets=assets))
    root = write_json(tmp_path / "catalog.json", CATALOGUE | {"links": [link("item", "./my%20items/one.json")]})
    for path in (root, member):
        path.write_text(path.read_text(), encoding="utf-8-sig")
    (item,) = walk_catalogue(identify(str(root)))
    assert isinstance(item, dict)
    assert item["assets"]["B03"]["href"] == str(tmp_path / "my items" / "my bands" / "B03.tif")


def test_alternates_are_made_absolute_too(tmp_path: Path) -> None:
    asset = {"href": "https://h/B03.tif", "alternate": {"here": {"href": "B03.tif", "title": "x"}, "odd": 7}}
    item = make_absolute(make_item("one", assets={"B03": asset}), str(tmp_path / "one.json"))
    assert item["assets"]["B03"]["alternate"] == {"here": {"href": str(tmp_path / "B03.tif"), "title": "x"}, "odd": 7}


def test_a_copy_that_may_be_of_another_item_stays_out_of_a_plan(tmp_path: Path) -> None:
    items = [make_item(name, assets={"B03": {"href": f"https://h/{name}/B03.tif"}}) for name in ("one", "two")]
    (tmp_path / "B03.tif").touch()
    path = write_items(tmp_path / "items.json", items)
    hrefs = [item["assets"]["B03"]["href"] for item in yield_items(identify(str(path)))]
    assert hrefs == ["https://h/one/B03.tif", "https://h/two/B03.tif"]
    path = write_items(tmp_path / "items.json", items[:1])
    assert [item["assets"]["B03"]["href"] for item in yield_items(identify(str(path)))] == [str(tmp_path / "B03.tif")]
    rustac.write_sync(str(tmp_path / "items.parquet"), items)
    for item in read_geoparquet(identify(str(tmp_path / "items.parquet"))):
        assert item["assets"]["B03"]["href"].startswith("https://h/")


def test_links_of_an_item_lead_where_they_led(tmp_path: Path) -> None:
    own = make_item("one") | {
        "links": [link("collection", "../my%20collection.json"), link("root", "https://h/c.json")]
    }
    local = make_absolute(own, str(tmp_path / "items" / "one.json"))["links"]
    here = str(tmp_path / "items" / "one.json")
    assert [entry["href"] for entry in local] == [str(tmp_path / "my collection.json"), "https://h/c.json", here]
    remote = make_absolute(own, "https://h/items/one.json")["links"]
    there = ["https://h/my%20collection.json", "https://h/c.json", "https://h/items/one.json"]
    assert [entry["href"] for entry in remote] == there


def test_an_item_says_where_it_stands_unless_it_does(tmp_path: Path) -> None:
    for links, expected in (([], "https://h/items/one.json"), ([link("self", "https://api/one")], "https://api/one")):
        item = make_absolute(make_item("one") | {"links": links}, "https://h/items/one.json")
        assert [entry["href"] for entry in item["links"] if entry["rel"] == "self"] == [expected]
