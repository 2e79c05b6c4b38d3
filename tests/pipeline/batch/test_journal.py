"""The journal of a batch, how far it says the work is, and which folders it keeps apart."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipeline.batch import record
from pipeline.batch.record import (
    BatchRecord,
    Entry,
    append_entries,
    begin_journal,
    hold_batch,
    is_held,
    items_folder,
    read_journal,
    read_planned,
    require_same_choices,
    resolve_record,
)
from pipeline.batch.summary import BatchSummary, read_status, write_summary
from pipeline.errors import BusyError, OutputError, StaleResultError
from strandline import MapOptions

RECORD = BatchRecord(
    model="small 1",
    model_sha256="a" * 64,
    parameters={"threshold": 0.5, "aoi": None, "precision": "auto", "blending": "none"},
    version="0.9",
    answers=1,
)


def begin(out: Path, made: BatchRecord, planned: list[str]) -> None:
    """As a batch begins: it holds the folder."""
    with hold_batch(out):
        begin_journal(out, made, planned)


def entry(name: str, kind: str, reason: str = "", *, at: str = "") -> Entry:
    return Entry(id=name, kind=kind, reason=reason, tries=1, seconds=2.5, at=at)


def test_an_entry_that_says_little_was_never_begun() -> None:
    assert Entry(id="a", kind="mapped") == Entry(id="a", kind="mapped", reason="", tries=0, seconds=0.0, at="")


def test_the_last_word_on_each_scene_is_kept_and_read(tmp_path: Path) -> None:
    begin(tmp_path, RECORD, ["a", "b", "ä"])
    append_entries(tmp_path, [entry("a", "failed", "why"), entry("ä", "mapped", at="2024-01-02T03:04:05Z")])
    append_entries(tmp_path, [entry("a", "mapped")])
    with (tmp_path / ".batch" / "journal").open("a") as file:
        file.write('{"id": "b"}\n{"id": "b", "kind": "failed", "colour": 1}\n{"id": "b", "ki')
    journal = read_journal(tmp_path)
    assert {name: (one.kind, one.reason) for name, one in journal.items()} == {"a": ("mapped", ""), "ä": ("mapped", "")}
    assert journal["ä"].at == "2024-01-02T03:04:05Z"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", journal["a"].at)
    assert '"ä"' in (tmp_path / ".batch" / "journal").read_text(encoding="utf-8")
    assert read_planned(tmp_path) == ["a", "b", "ä"]
    assert items_folder(tmp_path) == tmp_path / ".items"
    begin(tmp_path, RECORD, ["c", "a"])  # the next run: of what is not planned any more, nothing stays
    assert (list(read_journal(tmp_path)), read_planned(tmp_path)) == (["a"], ["c", "a"])


def test_the_record_is_indented_and_sorted(tmp_path: Path) -> None:
    begin(tmp_path, RECORD, [])
    assert (tmp_path / "batch.json").read_text().splitlines()[:3] == ["{", '  "answers": 1,', '  "model": "small 1",']
    assert (read_journal(tmp_path), read_planned(tmp_path)) == ({}, [])


def test_one_batch_at_a_time_is_at_work_in_a_folder(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    assert not is_held(out)
    with hold_batch(out):
        assert is_held(out)
        with pytest.raises(BusyError, match="Another batch is at work"), hold_batch(out):
            pass
        assert is_held(out)
    assert not is_held(out)
    with hold_batch(out):
        assert is_held(out)


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({}, None),
        ({"version": "1.0"}, None),
        ({"model": "small 2"}, None),
        ({"model": "other 1", "model_sha256": "b" * 64}, r"model \(other 1\)"),
        ({"answers": 2, "version": "1.0"}, r"answers of Strandline \(0\.9, now 1\.0\)"),
        ({"parameters": {"threshold": 0.6, "aoi": None}}, r"threshold \(0\.5, now 0\.6\)"),
        ({"parameters": {"precision": "bf16", "blending": "hann", "new": 1}}, None),
    ],
)
def test_a_folder_holds_maps_of_one_make(tmp_path: Path, changes: dict[str, object], difference: str | None) -> None:
    begin(tmp_path, RECORD, [])
    values = {name: getattr(RECORD, name) for name in ("model", "model_sha256", "parameters", "version", "answers")}
    wanted = BatchRecord(**(values | changes))  # type: ignore[arg-type]
    if difference is None:
        require_same_choices(tmp_path, wanted)
    else:
        with pytest.raises(StaleResultError, match=rf"maps of small 1, and this run differs in {difference}: choose"):
            require_same_choices(tmp_path, wanted)


def test_a_folder_that_single_maps_filled_has_the_make_of_the_first_that_can_be_read(tmp_path: Path) -> None:
    require_same_choices(tmp_path / "absent", RECORD)
    properties = {
        "mlm:name": "small",
        "strandline:model_sha256": "a" * 64,
        "strandline:parameters": {"threshold": 0.4},
        "processing:software": {"Strandline": "0.8"},
        "strandline:basis": {"answers": 1},
    }
    for name, text in (("a", "{"), ("b", "{}"), ("c", json.dumps({"properties": properties})), ("d", "")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "item.json").write_text(text)
    with pytest.raises(StaleResultError, match=r"maps of small, .* differs in threshold \(0\.4, now 0\.5\)"):
        require_same_choices(tmp_path, RECORD)


def test_a_record_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "batch.json").write_text("[]")
    with pytest.raises(OutputError, match="Expected the record of a batch"):
        require_same_choices(tmp_path, RECORD)


def test_what_maps_have_in_common_is_the_model_and_the_choices_that_change_them() -> None:
    made = resolve_record(MapOptions(precision="fp32", threads=7))
    assert made.model.startswith("strandline-small ")
    assert len(made.model_sha256) == 64
    assert made.answers == record.ANSWERS["map"]
    assert made.parameters["precision asked for"] == "fp32"
    assert made.parameters["stack scale"] is None
    assert "threads" not in made.parameters


def test_status_counts_what_was_planned_and_what_came_of_it(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"found no batch\.json"):
        read_status(tmp_path)
    begin(tmp_path, RECORD, ["made", "again", "lost", "sure", "wrong", "open"])
    for name in ("made", "again"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "item.json").write_text("{}")
    append_entries(
        tmp_path,
        [
            entry("made", "mapped", at="2024-01-01T00:00:00Z"),
            entry("again", "failed", "mended by hand", at="2024-01-09T00:00:00Z"),
            entry("lost", "mapped", at="2024-01-03T00:00:00Z"),
            entry("sure", "already mapped", at="2024-01-08T00:00:00Z"),
            entry("wrong", "failed", "broken", at="2024-01-07T00:00:00Z"),
            entry("twin", "duplicate", "older"),
            entry("alone", "duplicate", "older"),
        ],
    )
    status = read_status(tmp_path)
    assert (status.running, status.planned, status.left) == (False, 6, 3)
    assert status.counts == {"duplicate": 2, "failed": 1, "mapped": 2}
    assert list(status.counts) == ["duplicate", "failed", "mapped"]
    assert status.last_done == "2024-01-03T00:00:00Z"
    assert [problem.id for problem in status.problems] == ["alone", "twin", "wrong"]
    assert status.page == ""
    (tmp_path / "view.html").touch()
    assert read_status(tmp_path).page == str(tmp_path / "view.html")
    begin(tmp_path, RECORD, [])
    assert read_status(tmp_path).last_done == ""


@pytest.mark.parametrize(
    ("counts", "done", "failed"),
    [({}, 0, 0), ({"mapped": 2, "already mapped": 3, "failed": 4, "empty": 5}, 5, 4)],
)
def test_a_summary_counts_maps_that_stand_and_scenes_that_failed(
    tmp_path: Path, counts: dict[str, int], done: int, failed: int
) -> None:
    summary = BatchSummary(
        planned=9,
        counts=counts,
        problems=(entry("ä", "failed", "why"),),
        seconds=1.5,
        workers=2,
        complete=True,
        notes={},
    )
    assert (summary.done, summary.failed) == (done, failed)
    path = write_summary(tmp_path, summary)
    assert path == tmp_path / "summary.json"
    text = path.read_text(encoding="utf-8")
    assert text.startswith('{\n  "strandline_version"')
    assert '"ä"' in text
    written = json.loads(text)
    assert (written["done"], written["complete"], written["problems"][0]["reason"]) == (done, True, "why")
