"""Hrefs are URI references, alternates are tried in order, and JSON may begin with a byte-order mark."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any

import pytest

from tests.tiles.products.small_products import dark_water, write_item, write_raster
from tiles.errors import SceneError
from tiles.products.hrefs import list_alternates, resolve_href
from tiles.products.open import open_scene


def write_bands(folder: Path, *names: str) -> None:
    for name in names:
        write_raster(folder / f"{name}.tif", dark_water((1, 30, 30)))


@pytest.mark.parametrize(
    "href",
    [
        "./my%20bands/B03.tif",
        "my bands/B03.tif",
        "./my%20bands/B03.tif?version=2&x=%2F",
        "my%20bands/B03.tif#top",
        "../{folder}/my%20bands/./B03.tif",
    ],
)
def test_a_relative_href_is_a_uri_reference(tmp_path: Path, href: str) -> None:
    write_bands(tmp_path / "my bands", "B03")
    assets = {"B03": {"href": href.format(folder=tmp_path.name)}}
    scene = open_scene(write_item(tmp_path / "item.json", assets=assets))
    assert Path(scene.bands[0].path).resolve() == tmp_path / "my bands" / "B03.tif"


@pytest.mark.parametrize("name", ["a%20b.tif", "100%.tif", "B03.tif?x=1", "a#b.tif"])
def test_a_plain_path_is_still_one_where_nothing_else_is_there(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    assert resolve_href(name, source=str(tmp_path / "item.json")) == str(tmp_path / name)
    assert resolve_href(str(tmp_path / name), source=str(tmp_path / "item.json")) == str(tmp_path / name)


def test_files_by_url_and_addresses_with_fragments(tmp_path: Path) -> None:
    source = str(tmp_path / "item.json")
    assert resolve_href("file:///data/a%20b.tif", source=source) == "/data/a b.tif"
    assert resolve_href("file:///C:/data/a%20b.tif", source=source) == "C:/data/a b.tif"
    assert resolve_href("file:a%20b.tif", source=source) == str(tmp_path / "a b.tif")
    assert resolve_href("https://host/B02.tif?v=1#x", source=source) == "/vsicurl/https://host/B02.tif?v=1"
    assert resolve_href("B02.tif?v=1#x", source="https://host/x/item.json?token=1") == (
        "/vsicurl/https://host/x/B02.tif?v=1"
    )


def test_an_item_that_is_a_link_counts_from_where_it_lies_too(tmp_path: Path) -> None:
    write_bands(tmp_path / "store", "B03")
    write_item(tmp_path / "store" / "item.json", assets={"B03": {"href": "./B03.tif"}})
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "item.json").symlink_to(tmp_path / "store" / "item.json")
    assert open_scene(tmp_path / "links" / "item.json").band_names == ("B03",)


def test_alternates_are_tried_where_the_first_is_not_there(tmp_path: Path) -> None:
    write_bands(tmp_path, "B03")
    alternate = {"gone": {"href": "s3://eodata/B03.tif"}, "here": {"href": "./B03.tif"}, "odd": "text", "none": {}}
    asset: dict[str, Any] = {"href": "./lost/B03.tif", "alternate": alternate}
    assert list_alternates(asset) == ("s3://eodata/B03.tif", "./B03.tif")
    scene = open_scene(write_item(tmp_path / "item.json", assets={"B03": asset}))
    assert scene.bands[0].path == str(tmp_path / "B03.tif")
    (tmp_path / "B03.tif").unlink()
    with pytest.raises(SceneError, match=r"expected the file .*lost/B03\.tif.*; nor at 2 alternate hrefs\.$"):
        open_scene(tmp_path / "item.json")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_an_item_may_begin_with_a_byte_order_mark(tmp_path: Path, encoding: str) -> None:
    write_bands(tmp_path, "B03")
    path = write_item(tmp_path / "item.json", assets={"B03": {"href": "./B03.tif"}})
    path.write_text(path.read_text(), encoding=encoding)
    assert path.read_bytes().startswith((codecs.BOM_UTF8, codecs.BOM_UTF16))
    assert open_scene(path).band_names == open_scene(tmp_path).band_names == ("B03",)
