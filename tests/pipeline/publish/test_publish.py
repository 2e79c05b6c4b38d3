"""What is published is whole, stands once, and never less whole than before, whatever dies on the way."""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import signal
import subprocess
import traceback
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import fsspec
import pystac
import pytest
import rustac
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.registry import known_implementations
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.atomic import open_workspace
from pipeline.errors import BusyError, MissingExtraError, OptionError, OutputError, SecretError
from pipeline.publish.folder import Folder, require_room
from pipeline.publish.publish import Published, open_destination, prune_published, publish_result
from pipeline.publish.results import PublishedResult
from pipeline.publish.store import Store
from pipeline.publish.target import Destination, resolve_destination, store_errors
from pipeline.record import catalogue
from pipeline.record.result import ITEM_NAME, PAGE_LINK, PAGE_NAME, read_fingerprint
from tests.pipeline.stac_items import make_item
from tests.value_types import require_value_type

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def make_result(work: Path, name: str, *, text: str = "water", created: str = "2025-12-31T00:00:00Z") -> Path:
    """A result as a map leaves it; other text, another fingerprint."""
    folder = work / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    contents = {"water.tif": f"{text} " * 500, "coastline.gpkg": text, "coastline.qml": "style"}
    for file, content in contents.items():
        (folder / file).write_text(content)
    assets: dict[str, Any] = {
        file.partition(".")[0]: {"href": file, "roles": ["data"], "file:size": len(content)}
        for file, content in contents.items()
        if not file.endswith("qml")
    }
    assets["model"] = {"href": "/models/small.safetensors", "roles": ["mlm:model"]}
    fingerprint = uuid.uuid5(uuid.NAMESPACE_OID, text).hex * 2
    properties = {"strandline:fingerprint": fingerprint, "created": created}
    item = make_item(name, collection=None, assets=assets, **properties) | {"stac_version": "1.1.0"}
    (folder / ITEM_NAME).write_text(json.dumps(item))
    return folder


@pytest.fixture(params=["folder", "file", "memory"])
def destination(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A place of each kind, empty."""
    if request.param == "memory":
        name = f"/{uuid.uuid4().hex}"
        yield f"memory:/{name}/maps"
        fsspec.filesystem("memory").rm(name, recursive=True) if fsspec.filesystem("memory").exists(name) else None
    else:
        path = str(tmp_path / "a place")
        yield path if request.param == "folder" else Path(path).as_uri()


def open_with_fsspec(destination: str) -> tuple[Any, str]:
    """A destination as fsspec sees it; what fsspec leaves escaped in a file's URL is a path here."""
    files, root = fsspec.core.url_to_fs(destination)
    files.invalidate_cache()
    return files, unquote(root)


def list_files(destination: str) -> dict[str, bytes]:
    """All files at a destination, by their path from there."""
    files, root = open_with_fsspec(destination)
    found = files.find(root) if files.exists(root) else []
    return {path.removeprefix(root).lstrip("/"): files.cat_file(path) for path in found}


def read_asset(destination: str, name: str, key: str = "water") -> bytes:
    """What a reader finds who follows the item."""
    held = list_files(destination)
    href = json.loads(held[f"{name}/{ITEM_NAME}"])["assets"][key]["href"]
    return held[f"{name}/{href.removeprefix('./')}"]


def test_a_result_is_published_whole_and_once(destination: str, tmp_path: Path) -> None:
    folder = make_result(tmp_path / "work", "scene")
    first = publish_result(folder, destination)
    assert (first.name, first.already_made, first.fingerprint) == ("scene", False, read_fingerprint(folder))
    assert first.href.endswith("scene/item.json")
    assert read_asset(destination, "scene") == (folder / "water.tif").read_bytes()
    held = list_files(destination)
    assert sorted(Path(path).name for path in held) == ["coastline.gpkg", "coastline.qml", "item.json", "water.tif"]
    assert publish_result(folder, destination).already_made
    assert list_files(destination) == held
    (found,) = open_destination(destination).list_results()
    assert (found.name, found.fingerprint, found.whole) == ("scene", first.fingerprint, True)
    assert found.created == datetime(2025, 12, 31, tzinfo=UTC)


def test_the_model_stays_where_it_is(destination: str, tmp_path: Path) -> None:
    publish_result(make_result(tmp_path / "work", "scene"), destination)
    item = json.loads(list_files(destination)[f"scene/{ITEM_NAME}"])
    assert item["assets"]["model"]["href"] == "/models/small.safetensors"


def test_another_result_takes_the_place_of_an_older_one(destination: str, tmp_path: Path) -> None:
    publish_result(make_result(tmp_path / "work", "scene", text="old"), destination)
    folder = make_result(tmp_path / "work", "scene", text="new")
    assert not publish_result(folder, destination).already_made
    assert read_asset(destination, "scene") == (folder / "water.tif").read_bytes()
    assert len(list_files(destination)) == 4


def read_version(destination: str) -> str | None:
    item = json.loads(list_files(destination)[f"scene/{ITEM_NAME}"])
    assert ("version" in item["properties"]) == any(
        "/version/v1.2.0/" in name for name in item.get("stac_extensions", ())
    )
    return item["properties"].get("version")


def test_what_takes_the_place_of_another_says_which_version_it_is(destination: str, tmp_path: Path) -> None:
    versions = []
    for text in ("first", "second", "second", "first"):
        publish_result(make_result(tmp_path / "work", "scene", text=text), destination)
        versions.append(read_version(destination))
    assert versions == [None, "2", "2", "3"]
    # One that is put right is what it was; a place with nothing in it begins anew, and one that is behind catches up.
    files, root = open_with_fsspec(destination)
    files.rm_file(next(path for path in files.find(root) if path.endswith("water.tif")))
    publish_result(make_result(tmp_path / "work", "scene", text="first"), destination)
    assert read_version(destination) == "3"
    folder = make_result(tmp_path / "work", "scene", text="third")
    item = json.loads((folder / ITEM_NAME).read_text())
    item["properties"]["version"] = "7"
    (folder / ITEM_NAME).write_text(json.dumps(item))
    publish_result(folder, destination)
    assert json.loads(list_files(destination)[f"scene/{ITEM_NAME}"])["properties"]["version"] == "7"
    open_destination(destination).remove_result("scene")
    publish_result(make_result(tmp_path / "work", "scene"), destination)
    assert read_version(destination) is None


def test_a_newer_product_replaces_the_older_ones(destination: str, tmp_path: Path) -> None:
    publish_result(make_result(tmp_path / "work", "N0400"), destination)
    published = publish_result(
        make_result(tmp_path / "work", "N0511"), destination, replaces=["N0400", "N0301", "N0511"]
    )
    assert published.replaced == ("N0400",)
    assert [result.name for result in open_destination(destination).list_results()] == ["N0511"]


def test_unpublish_says_whether_there_was_one(destination: str, tmp_path: Path) -> None:
    assert not open_destination(destination).remove_result("scene")
    publish_result(make_result(tmp_path / "work", "scene"), destination)
    assert open_destination(destination).remove_result("scene")
    assert not open_destination(destination).remove_result("scene")
    assert list_files(destination) == {}


def test_what_is_broken_there_is_published_again(destination: str, tmp_path: Path) -> None:
    folder = make_result(tmp_path / "work", "scene")
    publish_result(folder, destination)
    files, root = open_with_fsspec(destination)
    water = next(path for path in files.find(root) if path.endswith("water.tif"))
    files.pipe_file(water, b"short")
    assert [result.whole for result in open_destination(destination).list_results()] == [False]
    assert not publish_result(folder, destination).already_made
    assert read_asset(destination, "scene") == (folder / "water.tif").read_bytes()


@given(texts=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["one", "two"])), max_size=8))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_any_order_of_publishing_each_scene_stands_as_it_came_last(
    texts: list[tuple[str, str]], destination: str, tmp_path: Path
) -> None:
    for result in open_destination(destination).list_results():
        open_destination(destination).remove_result(result.name)
    for name, text in texts:
        publish_result(make_result(tmp_path / "work", name, text=text), destination)
    assert {result.name for result in open_destination(destination).list_results()} == {name for name, _ in texts}
    for name, text in dict(texts).items():
        assert read_asset(destination, name, "coastline") == text.encode()
    assert len(list_files(destination)) == 4 * len(dict(texts))


def test_old_results_are_pruned_and_kept_ones_stay(destination: str, tmp_path: Path) -> None:
    for name, created in (("old", "2024-01-01T00:00:00Z"), ("kept", "2023-01-01T00:00:00Z"), ("new", "2025-12-31")):
        publish_result(make_result(tmp_path / "work", name, created=created), destination)
    gone = prune_published(destination, older_than=timedelta(days=365), now=NOW, keep={"kept"})
    assert gone == ("old",)
    assert [result.name for result in open_destination(destination).list_results()] == ["kept", "new"]
    assert prune_published(str(tmp_path / "work"), older_than=timedelta(days=365), now=NOW) == ("kept", "old")
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["new"]


def test_the_catalogue_lists_what_stands(destination: str, tmp_path: Path) -> None:
    assert open_destination(destination).write_catalogue().count == 0
    for name in ("a", "b", "broken"):
        publish_result(make_result(tmp_path / "work", name), destination)
    files, root = open_with_fsspec(destination)
    files.rm_file(next(path for path in files.find(f"{root}/broken") if path.endswith("water.tif")))
    written = open_destination(destination).write_catalogue()
    assert (written.count, [entry.name for entry in written.unlisted]) == (2, ["broken"])
    files.get(root, str(tmp_path / "copy"), recursive=True)
    (catalogue_file,) = (tmp_path / "copy").rglob("catalog.json")
    items = list(pystac.Catalog.from_file(str(catalogue_file)).get_items())
    assert [item.id for item in items] == ["a", "b"]
    href = items[0].assets["water"].get_absolute_href()
    assert href is not None
    assert Path(href).read_text() == "water " * 500
    indexed = rustac.read_sync(str(catalogue_file.with_name("items.parquet")))["features"]
    in_index = next(item for item in indexed if item["id"] == "a")["assets"]["water"]["href"]
    where = in_index if "://" in in_index else f"{root}/{in_index}"
    with fsspec.open(where) as file:
        assert file.read() == b"water " * 500
    for name in ("a", "b", "broken"):
        open_destination(destination).remove_result(name)
    assert open_destination(destination).write_catalogue().count == 0
    assert sorted(list_files(destination)) == ["catalog.json"]


def test_a_half_result_is_refused(destination: str, tmp_path: Path) -> None:
    folder = make_result(tmp_path / "work", "scene")
    (folder / "water.tif").write_text("short")
    with pytest.raises(OutputError, match=r"Expected a whole result in .*scene"):
        publish_result(folder, destination)
    assert list_files(destination) == {}


def test_a_folder_that_is_none_of_ours_is_left_alone(tmp_path: Path) -> None:
    mine = tmp_path / "out" / "scene" / "letters.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("dear")
    for act in (
        lambda: publish_result(make_result(tmp_path / "work", "scene"), str(tmp_path / "out")),
        lambda: open_destination(str(tmp_path / "out")).remove_result("scene"),
    ):
        with pytest.raises(OutputError, match="no result of Strandline"):
            act()
    assert mine.read_text() == "dear"


def test_in_a_store_what_others_keep_is_left_alone(tmp_path: Path) -> None:
    destination = f"memory://{uuid.uuid4().hex}"
    publish_result(make_result(tmp_path / "work", "scene"), destination)
    files, root = fsspec.core.url_to_fs(destination)
    others = {f"{root}/scene/notes.txt": b"mine", f"{root}/other/deep/data.bin": b"theirs"}
    for path, content in others.items():
        files.pipe_file(path, content)
        files.store[path].created = datetime(2020, 1, 1, tzinfo=UTC)
    assert open_destination(destination).sweep() == ()
    publish_result(make_result(tmp_path / "work", "scene", text="new"), destination)
    assert open_destination(destination).remove_result("scene")
    assert {path: files.cat_file(path) for path in files.find(root)} == others
    files.rm(root, recursive=True)


def open_as_store(path: Path) -> Store:
    """A folder as if it were a store that cannot rename: what is left there can be looked at after a kill."""
    return Store(files=fsspec.filesystem("file"), root=str(path), text=path.as_uri())


def test_a_sweep_of_a_store_takes_only_old_leftovers(tmp_path: Path) -> None:
    store = open_as_store(tmp_path / "store")
    folder = make_result(tmp_path / "work", "scene")
    store.upload_result(folder, fingerprint=str(read_fingerprint(folder)))
    fresh = tmp_path / "store" / "scene" / ("0" * 12) / "water.tif"
    stale = tmp_path / "store" / "gone" / ("1" * 12) / "water.tif"
    for path in (fresh, stale):
        path.parent.mkdir(parents=True)
        path.write_text("half")
    os.utime(stale, (0, 0))
    named = list((tmp_path / "store" / "scene").rglob("*.gpkg"))
    os.utime(named[0], (0, 0))
    assert store.sweep() == ("gone",)
    assert fresh.exists()
    assert named[0].exists()
    assert not stale.exists()


def publish_either(kind: str, folder: Path, out: Path) -> None:
    """Publish to a folder, or to the same folder as a store."""
    if kind == "folder":
        publish_result(folder, str(out))
    else:
        open_as_store(out).upload_result(folder, fingerprint=str(read_fingerprint(folder)))


def kill_at(step: int, act: Callable[[], object]) -> bool:
    """Do something in a process that is killed just before its ``step``-th touch of a file; whether it was killed."""
    child = os.fork()
    if child == 0:
        touches = itertools.count(1)

        def arm(owner: object, name: str) -> None:
            original = getattr(owner, name)

            def touch(*args: object, **kwargs: object) -> object:
                if next(touches) == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                return original(*args, **kwargs)

            setattr(owner, name, touch)

        for owner, name in (
            *((owner, name) for owner, name in ((shutil, "copyfile"), (shutil, "rmtree"), (os, "fsync"))),
            *((Path, name) for name in ("rename", "mkdir", "rmdir")),
            *((LocalFileSystem, name) for name in ("put_file", "pipe_file", "rm_file", "makedirs", "rmdir")),
        ):
            arm(owner, name)
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


@pytest.mark.parametrize("kind", ["folder", "store"])
def test_killed_at_any_moment_the_old_or_the_new_stands_and_the_next_run_ends_it(kind: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    old = make_result(tmp_path / "old", "scene", text="old")
    new = make_result(tmp_path / "new", "scene", text="new")
    allowed = {read_fingerprint(old), read_fingerprint(new)}
    for step in itertools.count(1):
        shutil.rmtree(out, ignore_errors=True)
        publish_either(kind, old, out)
        killed = kill_at(step, lambda: publish_either(kind, new, out))
        if kind == "folder":
            open_destination(str(out)).sweep()
        standing = list_either(kind, out)
        assert [(result.name, result.whole) for result in standing] == [("scene", True)], step
        assert standing[0].fingerprint in allowed
        publish_either(kind, new, out)
        assert [result.fingerprint for result in list_either(kind, out)] == [read_fingerprint(new)]
        files = [path for path in out.rglob("*") if path.is_file()]
        assert sorted(path.name for path in files) == ["coastline.gpkg", "coastline.qml", "item.json", "water.tif"]
        assert [path.name for path in out.iterdir()] == ["scene"]
        if not killed:
            break
    assert step > 8


def test_killed_at_any_moment_no_item_within_a_result_in_a_store_names_what_is_not_there(tmp_path: Path) -> None:
    """A mosaic has an item a tile, which who reads the store without its catalogue comes upon."""
    out, folders = tmp_path / "out", {text: make_tiled_result(tmp_path / text, text) for text in ("old", "new")}
    for step in itertools.count(1):
        shutil.rmtree(out, ignore_errors=True)
        publish_either("store", folders["old"], out)
        acts = (lambda: publish_either("store", folders["new"], out)), (lambda: remove_either("store", out))
        killed = [kill_at(step, act) for act in acts]
        for item in out.rglob("tiles/*/item.json"):
            assert (item.parent / "tile.tif").exists(), step
        if not any(killed):
            break
    assert step > 8


def make_tiled_result(parent: Path, text: str) -> Path:
    """A result with two tiles, whose items come before what they name in the order of names."""
    folder = make_result(parent, "scene", text=text)
    for name in ("a", "b"):
        (folder / "tiles" / name).mkdir(parents=True)
        (folder / "tiles" / name / "tile.tif").write_text(f"{text} {name}")
        (folder / "tiles" / name / ITEM_NAME).write_text("{}")
    item = json.loads((folder / ITEM_NAME).read_text())
    item["assets"] |= {
        name: {"href": f"./tiles/{name}/tile.tif", "file:size": len(f"{text} {name}")} for name in ("a", "b")
    }
    (folder / ITEM_NAME).write_text(json.dumps(item))
    return folder


@pytest.mark.parametrize("kind", ["folder", "store"])
def test_killed_while_it_removes_nothing_half_stands(kind: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    folder = make_result(tmp_path / "work", "scene")
    for step in itertools.count(1):
        publish_either(kind, folder, out)
        killed = kill_at(step, lambda: remove_either(kind, out))
        assert all(result.whole for result in list_either(kind, out)), step
        remove_either(kind, out)
        if kind == "folder":
            open_destination(str(out)).sweep()
        assert [path for path in out.rglob("*") if path.is_file()] == []
        if not killed:
            break
    assert step > 2


def list_either(kind: str, out: Path) -> tuple[PublishedResult, ...]:
    return open_destination(str(out)).list_results() if kind == "folder" else open_as_store(out).list_results()


def remove_either(kind: str, out: Path) -> None:
    if kind == "folder":
        open_destination(str(out)).remove_result("scene")
    else:
        open_as_store(out).remove_result("scene")


def test_a_result_that_another_process_publishes_is_busy(tmp_path: Path) -> None:
    folder, out = make_result(tmp_path / "work", "scene"), tmp_path / "out"
    with open_workspace(out, "scene"):
        with pytest.raises(BusyError, match=r"Another run is making .*scene"):
            publish_result(folder, str(out))
        assert open_destination(str(out)).sweep() == ()
    publish_result(folder, str(out))


class Leaky(MemoryFileSystem):
    """A store whose line is cut: files arrive short, or not at all, and its errors tell secrets."""

    protocol = "leaky"
    fault = "short"

    def put_file(self, lpath: str, rpath: str, **_: object) -> None:
        if self.fault == "no":
            raise RuntimeError(f"403 for key {os.environ['STORE_SECRET_KEY']}\nat https://u:hunter22@store/x")
        self.pipe_file(rpath, Path(lpath).read_bytes()[:-1])


@pytest.fixture
def leaky(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("STORE_SECRET_KEY", "very-secret-key")
    fsspec.register_implementation("leaky", Leaky, clobber=True)
    yield f"leaky://{uuid.uuid4().hex}"
    Leaky.fault = "short"


def test_a_store_that_does_not_take_it_whole_has_no_result(leaky: str, tmp_path: Path) -> None:
    folder = make_result(tmp_path / "work", "scene")
    with pytest.raises(OutputError, match=r"(coastline\.gpkg|water\.tif|coastline\.qml) did not arrive whole\)"):
        publish_result(folder, leaky)
    assert open_destination(leaky).list_results() == ()


def test_what_a_store_says_is_one_line_without_secrets(leaky: str, tmp_path: Path) -> None:
    Leaky.fault = "no"
    with pytest.raises(OutputError, match="403 for key") as caught:
        publish_result(make_result(tmp_path / "work", "scene"), leaky)
    said = str(caught.value) + repr(caught.value) + "".join(traceback.format_exception(caught.value))
    assert "very-secret-key" not in said
    assert "hunter22" not in said
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("s4://bucket/maps", OptionError, "Expected a folder or a URL that fsspec knows"),
        ("https2://x", OptionError, "found 'https2://x'"),
        ("ftp://user:hunter2@host/maps", SecretError, "credentials in the destination must not stand"),
        ("memory://maps?token=abc", SecretError, "credentials in the destination"),
    ],
)
def test_a_destination_that_is_none_is_said_in_one_line(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        resolve_destination(text)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_protocol_without_its_package_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"class": "no_such_package.Store", "err": "Install no_such_package to access it"}
    monkeypatch.setitem(known_implementations, "far", known)
    with pytest.raises(MissingExtraError, match="Publishing to far:// needs another package: Install no_such_package"):
        resolve_destination("far://bucket/maps")


def test_no_write_permission(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="Could not write /proc/out") as caught:
        publish_result(make_result(tmp_path / "work", "scene"), "/proc/out")
    assert "\n" not in str(caught.value)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 128 KiB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", disk], check=False).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    yield disk
    subprocess.run(["umount", disk], check=True)


def test_a_full_disk_keeps_what_stood(small_disk: Path, tmp_path: Path) -> None:
    out = str(small_disk / "out")
    first = publish_result(make_result(tmp_path / "work", "scene", text="old"), out)
    before = list_files(out)
    with pytest.raises(OutputError, match=r"limits\.keep_free"):
        publish_result(make_result(tmp_path / "work", "scene", text="larger" * 60), out)
    (small_disk / "ballast").write_bytes(bytes(100 << 10))
    folder = make_result(tmp_path / "work", "scene", text="larger")
    with pytest.raises(OutputError, match=r"keep_free|No space left|disk is full"):
        publish_result(folder, out, keep_free=0)
    assert list_files(out) == before
    assert open_destination(out).list_results()[0].fingerprint == first.fingerprint
    (small_disk / "ballast").unlink()
    assert not publish_result(folder, out).already_made


def test_a_disk_that_fills_while_it_is_written_keeps_what_stood(small_disk: Path, tmp_path: Path) -> None:
    """The space was there when it was asked for; then others took it."""
    out = small_disk / "out"
    publish_result(make_result(tmp_path / "work", "scene", text="old"), str(out))
    before = list_files(str(out))
    folder = make_result(tmp_path / "work", "scene", text="x" * 500)
    with pytest.raises(OutputError, match="Free some space") as caught:
        fill_and_copy(small_disk, folder, out)
    assert isinstance(caught.value.__cause__, OSError)
    assert caught.value.__cause__.errno == errno.ENOSPC
    assert list_files(str(out)) == before


def fill_and_copy(disk: Path, folder: Path, out: Path) -> None:
    """Publish while the disk says that it has room, which it has not: as a quota does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipeline.publish.folder.require_room", lambda *_, **__: None)
        publish_result(folder, str(out))
    assert disk.exists()


def test_room_is_asked_of_the_nearest_folder_that_is_there(tmp_path: Path) -> None:
    require_room(tmp_path / "a" / "b", needed=1, keep_free=1)
    with pytest.raises(OutputError, match=r"1,000,000\.00 GB are to stay free"):
        require_room(tmp_path / "a" / "b", keep_free=10**15)


@pytest.mark.parametrize("kind", [Published, Destination, Folder, Store])
def test_destinations_and_what_stands_there_are_values(kind: type) -> None:
    require_value_type(kind)


def limit_disk(patch: pytest.MonkeyPatch, free: int) -> None:
    patch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))


def test_room_is_there_to_the_last_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit_disk(monkeypatch, 3_000_000_000)
    require_room(tmp_path, needed=1_000_000_000, keep_free=2_000_000_000)
    require_room(tmp_path, needed=3_000_000_000)
    require_room(tmp_path, keep_free=3_000_000_000)
    with pytest.raises(
        OutputError, match=r"its disk has 3\.00 GB, 2\.00 GB are to be written and 1\.00 GB are to stay free"
    ):
        require_room(tmp_path, needed=2_000_000_000, keep_free=1_000_000_001)
    with pytest.raises(OutputError, match=r"0\.00 GB are to be written and 3\.00 GB are to stay free"):
        require_room(tmp_path, keep_free=3_000_000_001)


def test_a_result_needs_the_room_of_its_files_and_may_leave_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_result(tmp_path / "work", "scene")
    size = sum(path.stat().st_size for path in folder.iterdir())
    out = str(tmp_path / "out")
    limit_disk(monkeypatch, size - 1)
    with pytest.raises(OutputError, match="keep_free"):
        publish_result(folder, out)
    limit_disk(monkeypatch, size)
    with pytest.raises(OutputError, match="keep_free"):
        publish_result(folder, out, keep_free=1)
    assert not publish_result(folder, out).already_made
    assert publish_result(folder, out, keep_free=10**15).already_made  # nothing is written


def test_in_a_folder_only_results_are_listed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    place = Folder(path=out)
    assert (place.list_results(), place.sweep(), place.remove_result("scene")) == ((), (), False)
    assert not out.exists()
    publish_result(make_result(tmp_path / "work", "scene"), str(out))
    (out / "notes").mkdir()
    (out / "letter.txt").write_text("dear")
    shutil.copytree(out / "scene", out / ".scene.hidden")
    (out / "broken").mkdir()
    (out / "broken" / ITEM_NAME).write_text("{")
    assert [(result.name, result.whole) for result in place.list_results()] == [("broken", False), ("scene", True)]
    assert place.name_address("scene/item.json") == str(out / "scene" / "item.json")


def test_a_sweep_of_a_folder_takes_what_was_begun_but_for_what_is_kept(tmp_path: Path) -> None:
    for name in (".a.begun-x1", ".b.begun-y", ".c.old", "d.begun-x", ".e.begun-x.y"):
        (tmp_path / name).mkdir()
    assert Folder(path=tmp_path).sweep(keep={"b"}) == ("a", "c")
    # What had been moved aside stands again.
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.begun-y", ".e.begun-x.y", "c", "d.begun-x"]


def make_deep_result(work: Path) -> Path:
    """A result with a file in a folder of its own."""
    folder = make_result(work, "scene")
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "deep" / "er" / "tile.tif").write_text("tile")
    item = json.loads((folder / ITEM_NAME).read_text())
    item["assets"]["tile"] = {"href": "./deep/er/tile.tif", "file:size": 4}
    item["properties"]["title"] = "Küste"
    (folder / ITEM_NAME).write_text(json.dumps(item))
    return folder


def test_a_result_with_folders_is_published_and_removed_with_them(destination: str, tmp_path: Path) -> None:
    folder = make_deep_result(tmp_path / "work")
    publish_result(folder, destination)
    assert read_asset(destination, "scene", "tile") == b"tile"
    assert open_destination(destination).remove_result("scene")
    assert list_files(destination) == {}
    files, root = open_with_fsspec(destination)
    assert not files.exists(f"{root}/scene")


def test_in_a_store_the_fingerprint_names_the_folder_that_counts(tmp_path: Path) -> None:
    folder = make_deep_result(tmp_path / "work")
    store = open_as_store(tmp_path / "out")
    fingerprint = str(read_fingerprint(folder))
    assert store.upload_result(folder, fingerprint=fingerprint)
    version = fingerprint[:12]
    assert sorted(path.name for path in (tmp_path / "out" / "scene").iterdir()) == [version, ITEM_NAME]
    text = (tmp_path / "out" / "scene" / ITEM_NAME).read_text()
    item = json.loads(text)
    assert text == json.dumps(item, indent=2, ensure_ascii=False) + "\n"
    assert "Küste" in text
    assert item["assets"]["tile"]["href"] == f"./{version}/deep/er/tile.tif"
    assert item["assets"]["model"]["href"] == "/models/small.safetensors"
    assert store.name_address("scene") == f"{(tmp_path / 'out').as_uri()}/scene"
    assert not store.upload_result(folder, fingerprint=fingerprint)


def test_a_store_keeps_only_the_folder_that_its_item_names(tmp_path: Path) -> None:
    store = open_as_store(tmp_path / "out")
    for text in ("old", "new"):
        folder = make_result(tmp_path / "work", "scene", text=text)
        assert store.upload_result(folder, fingerprint=str(read_fingerprint(folder)))
    left = tmp_path / "out" / "scene" / ("0" * 12) / "water.tif"
    left.parent.mkdir()
    left.write_text("half")
    fresh = [path for path in (tmp_path / "out" / "scene").rglob("*.tif") if path != left]
    assert len(fresh) == 1
    # What a killed process left beside goes, though the result itself stands already.
    assert not store.upload_result(folder, fingerprint=str(read_fingerprint(folder)))
    assert not left.exists()
    assert fresh[0].exists()


NEARLY, OVER = timedelta(days=1, minutes=-5), timedelta(days=1, minutes=5)


@pytest.mark.parametrize("key", ["LastModified", "last_modified", "updated", "mtime", "created"])
@pytest.mark.parametrize(("age", "is_old"), [(NEARLY, False), (OVER, True)])
def test_a_file_of_a_store_is_old_after_a_day(tmp_path: Path, key: str, age: timedelta, is_old: bool) -> None:
    written = datetime.now(UTC) - age
    forms = [written, written.replace(tzinfo=None), written.isoformat(), written.timestamp(), int(written.timestamp())]
    for form in forms:
        assert open_as_store(tmp_path)._is_old({"size": 3, key: form}) is is_old


def test_a_file_of_which_a_store_says_no_time_is_new(tmp_path: Path) -> None:
    store = open_as_store(tmp_path)
    for facts in ({}, {"mtime": None}, {"mtime": "long ago"}, {"mtime": ["1970"]}):
        assert store._is_old(facts) is False
    assert store._is_old({"LastModified": None, "mtime": 0}) is True
    assert store._is_old({"LastModified": datetime.now(UTC), "mtime": 0}) is False


def test_a_sweep_of_a_store_leaves_what_a_broken_item_may_name(tmp_path: Path) -> None:
    store = open_as_store(tmp_path)
    stale = tmp_path / "scene" / ("1" * 12) / "water.tif"
    others = tmp_path / "scene" / "notes" / "water.tif"
    for path in (stale, others):
        path.parent.mkdir(parents=True)
        path.write_text("half")
        os.utime(path, (0, 0))
    (tmp_path / "scene" / ITEM_NAME).write_text("{")
    os.utime(tmp_path / "scene" / ITEM_NAME, (0, 0))
    assert store.sweep() == ("scene",)
    assert not stale.exists()
    assert others.exists()
    assert [(result.name, result.whole) for result in store.list_results()] == [("scene", False)]


def test_a_large_catalogue_of_a_store_has_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_MOST_ITEMS", 0)
    store = open_as_store(tmp_path / "out")
    folder = make_result(tmp_path / "work", "scene")
    store.upload_result(folder, fingerprint=str(read_fingerprint(folder)))
    written = store.write_catalogue()
    assert [path.relative_to(tmp_path / "out" / "catalogues").parts[-1] for path in written.parts] == [
        "2024.json",
        "32UPF.json",
    ]
    root = pystac.Catalog.from_file(str(written.path))
    assert [item.id for item in root.get_items(recursive=True)] == ["scene"]
    (tmp_path / "out" / "catalogues" / "theirs.json").write_text("{}")
    (tmp_path / "out" / PAGE_NAME).write_text("a page")
    store.remove_result("scene")
    written = store.write_catalogue()
    assert written.parts == ()
    assert PAGE_LINK in json.loads(written.path.read_text())["links"]
    left = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert left == ["catalog.json", "catalogues/theirs.json", PAGE_NAME]


def test_the_catalogue_of_a_store_is_named_by_its_paths_there(tmp_path: Path) -> None:
    store = open_as_store(tmp_path / "out")
    written = store.write_catalogue()
    assert (written.path, written.index, written.count) == (tmp_path / "out" / "catalog.json", None, 0)
    folder = make_result(tmp_path / "work", "scene")
    store.upload_result(folder, fingerprint=str(read_fingerprint(folder)))
    written = store.write_catalogue()
    assert written.index == tmp_path / "out" / "items.parquet"
    assert written.index.exists()
    store.remove_result("scene")
    assert store.write_catalogue().index is None
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["catalog.json"]


def test_results_go_a_moment_after_their_age(destination: str, tmp_path: Path) -> None:
    publish_result(make_result(tmp_path / "work", "scene", created="2025-12-31T00:00:00Z"), destination)
    publish_result(make_result(tmp_path / "work", "timeless", text="x", created="unknown"), destination)
    day = timedelta(days=1)
    assert prune_published(destination, older_than=day, now=NOW) == ()
    assert prune_published(destination, older_than=day, now=NOW + timedelta(seconds=1), keep={"scene"}) == ()
    assert prune_published(destination, older_than=day, now=NOW + timedelta(seconds=1)) == ("scene",)
    assert [result.name for result in open_destination(destination).list_results()] == ["timeless"]


@pytest.mark.parametrize(
    ("text", "folder"),
    [
        ("/maps", Path("/maps")),
        ("maps:8", Path("maps:8").absolute()),
        ("file:///a%20place", Path("/a place")),
        ("local:///maps", Path("/maps")),
        ("memory://maps", None),
        ("simplecache::file:///maps", None),
        ("simplecache::memory://maps", None),
    ],
)
def test_a_destination_is_a_folder_or_a_store(text: str, folder: Path | None) -> None:
    assert resolve_destination(text) == Destination(text=text, folder=folder)


def test_a_chain_is_known_by_what_comes_first() -> None:
    with pytest.raises(OptionError, match=r"found 'nowhere::memory://maps'"):
        resolve_destination("nowhere::memory://maps")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("x" * 200), "x" * 200),
        (RuntimeError("x" * 201), "x" * 200),
        (RuntimeError("two\n lines"), "two lines"),
        (RuntimeError(), "RuntimeError"),
    ],
)
def test_the_reason_of_a_store_is_a_line_of_two_hundred_characters(error: Exception, reason: str) -> None:
    with pytest.raises(OutputError) as caught, store_errors("s3://coast"):
        raise error
    assert str(caught.value) == (
        f"Could not reach or write s3://coast ({reason}). Check its address, its keys and its space, or run this "
        "again later."
    )
    known = OutputError("known")
    with pytest.raises(OutputError) as caught, store_errors("s3://coast"):
        raise known
    assert caught.value is known
