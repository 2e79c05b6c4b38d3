"""Into an object store with all that goes wrong with one: nothing half is shown, and the next run goes on."""

from __future__ import annotations

import json
import logging
import os
import uuid
from pathlib import Path

import fsspec
import pytest

from pipeline.errors import OutputError
from pipeline.publish.publish import open_destination, publish_result
from pipeline.publish.transfer import find_cause
from pipeline.record.result import ITEM_NAME
from tests.pipeline.publish.store_server import KEY, SECRET, StoreServer
from tests.pipeline.publish.test_publish import list_files, make_result, read_asset


@pytest.fixture
def place() -> str:
    return f"s3://coast/{uuid.uuid4().hex}"


def test_a_result_goes_to_a_bucket_whole_and_once(bucket: StoreServer, place: str, tmp_path: Path) -> None:
    folder = make_result(tmp_path / "work", "scene")
    assert not publish_result(folder, place).already_made
    puts = [path for method, path, _ in bucket.seen if method == "PUT"]
    assert puts[-1].endswith("/scene/item.json")
    assert len(puts) == 4
    assert read_asset(place, "scene") == (folder / "water.tif").read_bytes()
    bucket.seen.clear()
    assert publish_result(folder, place).already_made
    assert [method for method, _, _ in bucket.seen if method not in {"GET", "HEAD"}] == []
    assert open_destination(place).write_catalogue().count == 1


def test_a_busy_store_is_asked_again(bucket: StoreServer, place: str, tmp_path: Path) -> None:
    bucket.fail("503", times=3)
    assert not publish_result(make_result(tmp_path / "work", "scene"), place).already_made
    assert [fault for *_, fault in bucket.seen if fault] == ["503"] * 3
    assert [result.whole for result in open_destination(place).list_results()] == [True]


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        ("503", r"reduce your request rate\)\. Check its address, its keys and its space, or run this again later\.$"),
        ("cut", r"Check its address, its keys and its space, or run this again later\.$"),
        ("expired", r"token has expired.*\)\. The credentials have expired: renew them and run this again, it goes on"),
        ("denied", r"\(Access Denied\)\. Check the keys in the environment, and what they allow\.$"),
        ("507", r"minimum free drive.*\)\. The store is full, or its quota is used up: free some space"),
    ],
)
@pytest.mark.parametrize("at", ["water.tif", ITEM_NAME])
def test_what_a_store_refuses_is_one_line_and_the_next_run_goes_on(
    bucket: StoreServer, place: str, tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: str, line: str, at: str
) -> None:
    caplog.set_level(logging.INFO)
    publish_result(make_result(tmp_path / "work", "scene", text="old"), place)
    before = read_asset(place, "scene")
    folder = make_result(tmp_path / "work", "scene", text="new")
    bucket.fail(fault, part=at)
    with pytest.raises(OutputError, match=line) as caught:
        publish_result(folder, place)
    assert "\n" not in str(caught.value)
    assert read_asset(place, "scene") == before
    assert [result.whole for result in open_destination(place).list_results()] == [True]
    assert SECRET not in str(caught.value) + caplog.text
    tries = sum(fault is not None for *_, fault in bucket.seen)
    assert tries >= 4 if fault in {"503", "cut"} else tries == 1
    bucket.heal()
    assert not publish_result(folder, place).already_made
    assert read_asset(place, "scene") == (folder / "water.tif").read_bytes()
    # What had arrived is not sent again.
    sent = [path for method, path, _ in bucket.seen if method == "PUT"]
    assert len(sent) == (1 if at == ITEM_NAME else len(sent))
    assert len(list_files(place)) == 4


def test_what_arrives_otherwise_than_it_was_sent_is_sent_again(bucket: StoreServer, place: str, tmp_path: Path) -> None:
    folder = make_result(tmp_path / "work", "scene")
    bucket.fail("flip", times=1, part="water.tif")
    publish_result(folder, place)
    assert read_asset(place, "scene") == (folder / "water.tif").read_bytes()
    bucket.fail("flip", part="water.tif")
    with pytest.raises(OutputError, match=r"water\.tif did not arrive whole"):
        publish_result(make_result(tmp_path / "work", "other"), place)
    assert [result.name for result in open_destination(place).list_results()] == ["scene"]


def test_a_large_file_goes_up_in_parts_and_a_cut_part_is_sent_again(
    bucket: StoreServer, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs.core

    small = 6 << 20
    monkeypatch.setattr(s3fs.core, "calculate_chunksize", lambda *_, **__: small)
    monkeypatch.setattr("pipeline.publish.transfer._PART", small)
    folder = make_result(tmp_path / "work", "scene")
    large = os.urandom(2 * small + 1000)
    (folder / "water.tif").write_bytes(large)
    item = json.loads((folder / ITEM_NAME).read_text())
    item["assets"]["water"]["file:size"] = len(large)
    (folder / ITEM_NAME).write_text(json.dumps(item))
    bucket.fail("cut", times=2, part="partNumber=2")
    publish_result(folder, place)
    assert [path for method, path, fault in bucket.seen if fault == "cut"]
    assert read_asset(place, "scene") == large
    # Its checksum is told by the store, so that nothing is read back.
    assert not [path for method, path, _ in bucket.seen if method == "GET" and path.endswith("water.tif")][1:]


def test_a_bucket_that_is_not_there_is_not_made(bucket: StoreServer, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"bucket does not exist\)\. Check its address: the bucket must be there"):
        publish_result(make_result(tmp_path / "work", "scene"), "s3://misspelt/maps")
    assert not fsspec.filesystem("s3").exists("misspelt")


def test_no_key_stands_in_what_is_published(bucket: StoreServer, place: str, tmp_path: Path) -> None:
    publish_result(make_result(tmp_path / "work", "scene"), place)
    open_destination(place).write_catalogue()
    held = b"".join(list_files(place).values())
    assert KEY.encode() not in held
    assert SECRET.encode() not in held


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (PermissionError("Access Denied"), "keys"),
        (PermissionError("The provided token has expired."), "expired"),
        (OSError(28, "No space left on device"), "full"),
        (OSError("QuotaExceeded"), "full"),
        (FileNotFoundError("The specified bucket does not exist"), "missing"),
        (TimeoutError("read"), "busy"),
        (RuntimeError("anything"), "busy"),
    ],
)
def test_the_cause_of_a_failure_is_known_by_what_is_said(error: Exception, cause: str) -> None:
    assert find_cause(error) == cause
    outer = RuntimeError("outer")
    outer.__cause__ = error
    assert find_cause(outer) == cause
