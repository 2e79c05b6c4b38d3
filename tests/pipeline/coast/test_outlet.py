"""A coast in a store: what stands there is brought down, and what is new goes up."""

from __future__ import annotations

import json
import shutil
import uuid
from contextlib import suppress
from pathlib import Path

import fsspec
import pytest

from pipeline.coast.job import CoastJob
from pipeline.coast.outlet import fetch_coast, upload_coast, upload_maps, upload_plan
from pipeline.coast.plan_coast import plan_coast
from pipeline.coast.record import hold_coast
from pipeline.publish.outlet import Outlet, open_outlet
from pipeline.publish.publish import publish_result
from pipeline.search.search_scenes import SearchOptions
from tests.pipeline.publish.test_publish import list_files, make_result
from tests.pipeline.stac_items import make_item, write_items


def make_coast(out: Path) -> Path:
    """A coast as a run leaves it."""
    for folder, name in ((out / "maps", "one"), (out / "maps", "two"), (out, "2024")):
        make_result(folder, name, text=name)
    for name in ("plan.json", "coast.json", "maps/batch.json", "maps/summary.json", "maps/view.html"):
        (out / name).write_text(json.dumps({"name": name}))
    return out


def open_place(url: str, folder: Path) -> Outlet:
    return open_outlet(url, scratch=folder)


def read_tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_another_machine_goes_on_with_what_stands_in_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"memory://{uuid.uuid4().hex}/coast"
    first = open_place(url, make_coast(tmp_path / "first"))
    upload_plan(first)
    upload_maps(first)
    held = list_files(url)
    assert {"coast.json", "plan.json", "maps/batch.json"} <= set(held)
    assert not any(path.startswith("2024") for path in held)
    upload_coast(first)
    held = list_files(url)
    assert {"catalog.json", "coast.json", "plan.json", "maps/catalog.json", "maps/batch.json", "2024/item.json"} <= set(
        held
    )
    other = open_place(url, tmp_path / "other")
    fetch_coast(other)
    expected = read_tree(first.folder)
    assert {name: text for name, text in read_tree(other.folder).items() if "item.json" not in name} == {
        name: text for name, text in expected.items() if "item.json" not in name and name not in {*LEFT_THERE}
    }
    # A mosaic of another coast, which was replaced, goes from the store as well; what somebody put there since stays.
    stood = fetch_coast(other)
    assert stood == ("2024",)
    publish_result(make_result(tmp_path / "somebody", "2023"), url)
    shutil.rmtree(other.folder / "2024")
    upload_coast(other, stood=stood)
    assert {path.partition("/")[0] for path in list_files(url) if path.endswith("item.json")} == {"maps", "2023"}
    upload_coast(first)
    fetch_coast(other)
    # What stands is neither fetched nor sent again.
    files = type(fsspec.filesystem("memory"))
    monkeypatch.setattr(files, "get_file", lambda *_, **__: pytest.fail("fetched again"))
    monkeypatch.setattr(files, "put_file", lambda *_, **__: pytest.fail("sent again"))
    fetch_coast(other)
    other.enter("maps").upload_results()
    other.upload_results()
    fsspec.filesystem("memory").rm(url, recursive=True)


def test_wherever_it_was_stopped_another_machine_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"memory://{uuid.uuid4().hex}/coast"
    items = write_items(tmp_path / "items.json", [make_item("S2A_32UPF_0001", when="2024-02-10T10:20:30Z")])
    search = SearchOptions(aoi="10.2,54.2,10.4,54.4", dates="2024", source=str(items))
    job, deliver = CoastJob(search=search), Outlet.deliver_file
    first = open_place(url, tmp_path / "first")
    with hold_coast(first.folder):
        plan_coast(job, first.folder)
    (first.folder / "maps").mkdir()
    (first.folder / "maps" / "batch.json").write_text("{}")
    for steps in range(4):
        left = [steps]

        def deliver_some(place: Outlet, name: str, left: list[int] = left) -> None:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            deliver(place, name)

        monkeypatch.setattr(Outlet, "deliver_file", deliver_some)
        with suppress(KeyboardInterrupt):
            upload_plan(first)
            upload_maps(first)
        other = open_place(url, tmp_path / f"other {steps}")
        with hold_coast(other.folder):
            fetch_coast(other)
            assert plan_coast(job, other.folder).is_new == (steps < 2)
    assert {"coast.json", "plan.json", "maps/batch.json"} <= set(list_files(url))
    fsspec.filesystem("memory").rm(url, recursive=True)


LEFT_THERE = ("maps/summary.json", "maps/view.html")


def test_a_coast_in_a_folder_goes_nowhere(tmp_path: Path) -> None:
    place = Outlet(folder=make_coast(tmp_path / "coast"))
    before = read_tree(place.folder)
    fetch_coast(place)
    upload_plan(place)
    upload_maps(place)
    upload_coast(place)
    assert read_tree(place.folder) == before
