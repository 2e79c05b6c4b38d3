"""All that a watcher needs is tried for real before it is left alone, and all that is wrong is said at once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.watch.areas.check import Finding
from pipeline.watch.areas.file import WatchSettings, read_areas
from pipeline.watch.ledger.database import open_database
from pipeline.watch.ledger.tables import prepare_tables
from pipeline.watch.try_parts import try_parts
from tests.pipeline.stac_items import make_item, write_items
from tests.pipeline.watch.notify.notify_receivers import run_hook, run_mail

NOW = datetime(2024, 6, 12, tzinfo=UTC)
SECRET = "low-water-neaps-1988"  # noqa: S105 (what must be found nowhere)


def write(folder: Path, **changes: Any) -> WatchSettings:  # noqa: ANN401
    area = {"name": "coast", "aoi": "10.1,54.1,10.9,54.9", "source": "items.json", **changes.pop("area", {})}
    document = {"areas": [area], "limits": {"keep_free": 0}, **changes}
    write_items(folder / "items.json", [make_item("new"), make_item("old", when="2020-06-10T10:20:30Z")])
    (folder / "areas.yaml").write_text(json.dumps(document))
    return read_areas(folder / "areas.yaml", to_work=False)


def run(settings: WatchSettings) -> dict[str, Finding]:
    findings = list(try_parts(settings, now=NOW))
    found = {finding.subject: finding for finding in findings}
    assert len(found) == len(findings)
    return found


def test_all_is_tried_and_nothing_is_left(tmp_path: Path) -> None:
    with run_hook() as hook, run_mail() as mail:
        url = f"http://127.0.0.1:{hook.port}/secret/path"
        letter = {"kind": "email", "host": "127.0.0.1", "port": mail.port, "security": "none"}
        channels = [
            {"kind": "webhook", "url": url},
            {**letter, "from": "a@x.org", "to": ["b@x.org"]},
            {"kind": "command", "argv": ["sh", "-c", f"touch {tmp_path}/told"]},
        ]
        found = run(write(tmp_path, notifications=channels))
        assert (hook.got, mail.letters) == ([], [])
    assert {subject: finding.text for subject, finding in found.items()} == {
        "coast: source": "answers; 1 scene(s) of the last 10 days",
        "coast: destination": "takes files",
        "work": "takes files",
        "ledger": "takes files",
        "webhook-1": "would be told",
        "email-2": "would be told",
        "command-3": "would be told",
    }
    assert all(finding.ok for finding in found.values())
    assert {path.name for path in tmp_path.iterdir()} == {"areas.yaml", "items.json"}


def test_whatever_is_wrong_is_found_in_one_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRY_PASSWORD", SECRET)
    monkeypatch.delenv("TRY_HOOK", raising=False)
    (tmp_path / "file").touch()
    letter = {"kind": "email", "host": "127.0.0.1", "port": 9, "security": "none", "from": "a@x.org", "to": "b@x.org"}
    channels = [
        {"kind": "webhook", "url": "http://127.0.0.1:9/x"},
        {"kind": "webhook", "url": "${TRY_HOOK}"},
        letter,
        {"kind": "command", "argv": ["no-such-program-here"]},
    ]
    found = run(
        write(
            tmp_path,
            area={"source": "http://127.0.0.1:9/stac", "destination": "file/inner"},
            notifications=channels,
            work="file/work",
            ledger="postgresql+psycopg://me:${TRY_PASSWORD}@127.0.0.1:9/none",
        )
    )
    assert (
        {subject for subject, finding in found.items() if not finding.ok}
        == set(found)
        == {
            "environment",
            "coast: source",
            "coast: destination",
            "work",
            "ledger",
            "webhook-1",
            "webhook-2",
            "email-3",
            "command-4",
        }
    )
    assert found["environment"].text == "not set: TRY_HOOK"
    assert "127.0.0.1:9" in found["coast: source"].text
    assert "refused" in found["webhook-1"].text
    assert not any(SECRET in finding.text or "\n" in finding.text for finding in found.values())
    assert {path.name for path in tmp_path.iterdir()} == {"areas.yaml", "items.json", "file"}


def test_a_mail_server_that_knows_nobody_of_that_name_is_found_out(tmp_path: Path) -> None:
    with run_mail() as mail:
        mail.refused.add("b@x.org")
        letter = {"kind": "email", "host": "127.0.0.1", "port": mail.port, "security": "none"}
        found = run(write(tmp_path, notifications=[{**letter, "from": "a@x.org", "to": ["b@x.org"]}]))
    assert not found["email-1"].ok
    assert found["email-1"].text == "no letter would be taken (550 nobody of that name)."


def test_a_store_is_written_and_read(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    found = run(write(tmp_path, area={"destination": "memory://tried/coast"}))
    assert (found["coast: destination"].ok, found["coast: destination"].text) == (True, "takes files")
    assert fsspec.filesystem("memory").find("/tried") == []


def test_a_ledger_is_written_and_left_as_it_was(tmp_path: Path, place: str) -> None:
    settings = write(tmp_path, ledger=place)
    database = open_database(place)
    if "://" in place:
        assert run(settings)["ledger"].text == "can be written, empty"
    prepare_tables(database)
    assert run(settings)["ledger"].text == "can be written, up to date"
    assert run(settings)["ledger"].ok  # nothing of the first try was left
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE strandline_ledger_version SET version_num = '99'")
    finding = run(settings)["ledger"]
    assert (finding.ok, "newer Strandline" in finding.text) == (False, True)
