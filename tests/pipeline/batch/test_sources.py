"""What is a scene, what is none, and which of two products stays."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pipeline.batch.sources import BatchSourceError, list_sources
from pipeline.search.errors import PlanError

PRODUCT = "S2A_MSIL2A_20240101T101031_N0509_R022_T33TVM_20240101T120000"
REPROCESSED = "S2A_MSIL2A_20240101T101031_N0511_R022_T33TVM_20240601T120000"
OTHER_DAY = "S2A_MSIL2A_20240111T101031_N0510_R022_T33TVM_20240111T120000"


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def write_item(path: Path, name: str = "item-1") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"type": "Feature", "id": name, "assets": {}, "properties": {}}))


def test_a_folder_of_all_sorts(tmp_path: Path) -> None:
    (tmp_path / f"{PRODUCT}.SAFE").mkdir()
    touch(tmp_path / f"{OTHER_DAY}.zip", tmp_path / "stack.tif", tmp_path / "bands" / "B03.tif")
    touch(tmp_path / "bands" / "B08.tif", tmp_path / "readme.txt", tmp_path / ".hidden.tif")
    touch(tmp_path / f"{PRODUCT}_truth" / "water.tif")
    write_item(tmp_path / "item.json")
    write_item(tmp_path / "alone" / "item.json", "item-2")
    (tmp_path / "other.json").write_text("{}")
    sources = list_sources(tmp_path)
    assert [scene.id for scene in sources.scenes] == sorted([PRODUCT, OTHER_DAY, "bands", "item-1", "item-2", "stack"])
    assert {entry.id: entry.kind for entry in sources.left_out} == {
        "readme.txt": "no scene",
        "other.json": "no scene",
        f"{PRODUCT}_truth": "no scene",
    }
    certain = {scene.id for scene in sources.scenes if scene.is_product}
    assert certain == {PRODUCT, OTHER_DAY, "item-1", "item-2", "bands"}


def test_what_looks_like_a_scene_and_cannot_be_read_is_no_stranger(tmp_path: Path) -> None:
    touch(tmp_path / f"{PRODUCT}.tif", tmp_path / "dem.tif", tmp_path / f"{OTHER_DAY}.SAFE" / "empty")
    (tmp_path / "cut.json").write_text('{"type": "Feature", "id"')
    sources = list_sources(tmp_path)
    certain = {scene.id: scene.is_product for scene in sources.scenes}
    assert certain == {PRODUCT: True, "dem": False, OTHER_DAY: True, "cut": True}


@pytest.mark.parametrize("name", ["stack.tif", "item.json", f"{PRODUCT}.zip", f"{PRODUCT}.SAFE"])
def test_a_link_to_a_scene_that_is_gone_is_a_scene_that_fails(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to(tmp_path / "unmounted" / name)
    (scene,) = list_sources(tmp_path).scenes
    assert (scene.source, scene.is_product) == (str(tmp_path / name), True)


def test_a_file_with_the_name_of_a_product_folder_is_a_broken_product(tmp_path: Path) -> None:
    touch(tmp_path / f"{PRODUCT}.SAFE", tmp_path / f"{OTHER_DAY}.SAFE.md5")
    sources = list_sources(tmp_path)
    assert [(scene.id, scene.is_product) for scene in sources.scenes] == [(PRODUCT, True)]
    assert [entry.kind for entry in sources.left_out] == ["no scene"]


def test_what_a_list_names_is_meant_as_a_scene(tmp_path: Path) -> None:
    touch(tmp_path / "picture.tif", tmp_path / "notes.md")
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.txt").write_text("picture.tif\nnotes.md\nempty\n")
    sources = list_sources(tmp_path / "list.txt")
    certain = {scene.id: scene.is_product for scene in sources.scenes}
    assert certain == dict.fromkeys(("picture", "notes.md", "empty"), True)
    assert sources.left_out == ()


def test_products_lie_at_any_depth(tmp_path: Path) -> None:
    (tmp_path / "2024" / "01" / f"{PRODUCT}.SAFE").mkdir(parents=True)
    touch(tmp_path / "2024" / "01" / "preview.tif")
    sources = list_sources(tmp_path)
    assert [scene.id for scene in sources.scenes] == [PRODUCT]
    assert sources.left_out == ()


def test_the_newer_baseline_stays_and_the_other_is_named(tmp_path: Path) -> None:
    for name in (PRODUCT, REPROCESSED, OTHER_DAY):
        (tmp_path / f"{name}.SAFE").mkdir()
    sources = list_sources(tmp_path)
    assert [scene.id for scene in sources.scenes] == [REPROCESSED, OTHER_DAY]
    (left_out,) = sources.left_out
    assert (left_out.id, left_out.kind) == (PRODUCT, "duplicate")
    assert REPROCESSED in left_out.reason


def test_a_product_and_its_zip_are_one(tmp_path: Path) -> None:
    touch(tmp_path / "a" / f"{PRODUCT}.zip")
    (tmp_path / "b" / f"{PRODUCT}.SAFE").mkdir(parents=True)
    sources = list_sources(tmp_path)
    assert [scene.source for scene in sources.scenes] == [str(tmp_path / "b" / f"{PRODUCT}.SAFE")]
    assert [entry.kind for entry in sources.left_out] == ["duplicate"]


def test_two_scenes_that_want_one_folder_are_refused(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "bay.tif", tmp_path / "b" / "bay.tif")
    (tmp_path / "list.txt").write_text("# two bays\na/bay.tif\n\nb/bay.tif\n")
    with pytest.raises(BatchSourceError, match="into the folder bay"):
        list_sources(tmp_path / "list.txt")


def test_a_list_names_files_beside_it_and_addresses(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "bay.tif")
    (tmp_path / "list.txt").write_text("a/bay.tif\nhttps://example.org/items/S2B_33TVM.json?token=x\n")
    assert [scene.id for scene in list_sources(tmp_path / "list.txt").scenes] == ["S2B_33TVM", "bay"]
    (tmp_path / "list.txt").write_text("a/gone.tif\n")
    with pytest.raises(BatchSourceError, match=r"gone\.tif"):
        list_sources(tmp_path / "list.txt")


def test_nothing_to_map_is_one_clear_line(tmp_path: Path) -> None:
    for source in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(BatchSourceError, match="found") as caught:
            list_sources(source)
        assert "\n" not in str(caught.value)


def test_a_json_that_is_neither_plan_nor_item(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text('{"strandline_plan": 1}')
    with pytest.raises(PlanError):
        list_sources(tmp_path / "plan.json")


def test_a_renamed_product_is_known_by_what_is_in_it(shared: Path, tmp_path: Path) -> None:
    (product,) = (shared / "safe").glob("S2A_MSIL2A_20190809*.SAFE")
    shutil.copytree(product, tmp_path / "my scene")
    (scene,) = list_sources(tmp_path).scenes
    assert scene.id.startswith("S2A_MSIL2A_20190809")


def test_real_items_of_a_folder_are_scenes(shared: Path) -> None:
    sources = list_sources(shared / "stac")
    assert sources.scenes
    assert all(scene.is_product for scene in sources.scenes if scene.source.endswith(".json"))


@pytest.mark.parametrize("wanted", [True, False])
def test_a_plan_says_whether_other_missions_are_wanted(tmp_path: Path, wanted: bool) -> None:
    item = {"type": "Feature", "id": "one", "properties": {"platform": "landsat-9"}, "assets": {"red": {"href": "r"}}}
    plan = {
        "strandline_plan": 1,
        "source": {"href": "items.json", "kind": "items"},
        "query": {"aoi": "1,2,3,4", "dates": "2022", "any_platform": wanted},
        "items": [item],
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    (scene,) = list_sources(tmp_path / "plan.json").scenes
    assert scene.any_platform is wanted


def test_lists_and_items_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    write_item(tmp_path / "in" / "item.json")
    path, listed = tmp_path / "in" / "item.json", tmp_path / "list.txt"
    path.write_text(path.read_text(), encoding="utf-8-sig")
    listed.write_text("in/item.json\n", encoding="utf-8-sig")
    assert [scene.id for scene in list_sources(listed).scenes] == ["item-1"]
    assert [scene.id for scene in list_sources(tmp_path / "in").scenes] == ["item-1"]


@pytest.mark.parametrize(("hrefs", "scenes"), [(["./coast.tif"], ["coast"]), (["./B03.tif", "./B08.tif"], None)])
def test_an_item_that_describes_the_stack_beside_it_is_no_scene_of_its_own(
    tmp_path: Path, hrefs: list[str], scenes: list[str] | None
) -> None:
    (tmp_path / "coast.tif").touch()
    write_item(tmp_path / "coast.json", "coast")
    document = json.loads((tmp_path / "coast.json").read_text())
    document["assets"] = {Path(href).stem: {"href": href} for href in hrefs}
    (tmp_path / "coast.json").write_text(json.dumps(document))
    if scenes is None:
        with pytest.raises(BatchSourceError, match="into the folder coast"):
            list_sources(tmp_path)
        return
    found = list_sources(tmp_path)
    assert [scene.id for scene in found.scenes] == scenes
    assert [(entry.id, entry.reason) for entry in found.left_out] == [
        ("coast.json", "the item of coast.tif, which is one")
    ]
