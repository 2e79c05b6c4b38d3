"""Numbers for Prometheus: in its own format, whole at any time, true to the ledger."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.errors import AreasError
from pipeline.watch.areas.file import WatchSettings, read_areas
from pipeline.watch.metrics import write_metrics
from pipeline.watch.run_round import run_round
from tests.pipeline.watch.ledger.ledger_places import HERE, NOON, Clock, claim_one, open_at, publish_one, sight

LATER = NOON + timedelta(days=40)


@pytest.fixture
def settings(tmp_path: Path) -> WatchSettings:
    return make_settings(tmp_path)


def make_settings(folder: Path, **more: str) -> WatchSettings:
    areas = [{"name": name, "aoi": "8.5,53.8,8.6,53.9", "source": "items.json"} for name in ("coast", "delta")]
    document = {"areas": areas, "metrics": "numbers/strandline.prom", "limits": {"keep_free": 0}, **more}
    (folder / "items.json").write_text('{"type": "FeatureCollection", "features": []}')
    (folder / "areas.yaml").write_text(json.dumps(document))
    return read_areas(folder / "areas.yaml")


def read_numbers(settings: WatchSettings) -> Mapping[tuple[str, str], float]:
    """By name and area, or reason; read by Prometheus' own library."""
    parser = pytest.importorskip("prometheus_client.parser")
    numbers = {}
    for family in parser.text_string_to_metric_families(Path(str(settings.metrics)).read_text()):
        assert family.type == "gauge"
        assert family.documentation
        for sample in family.samples:
            label = sample.labels.get("reason") or sample.labels.get("area", "")
            numbers[sample.name.removeprefix("strandline_"), label] = sample.value
    return numbers


def test_numbers_are_those_of_the_ledger(settings: WatchSettings) -> None:
    ledger = open_at(settings.ledger, Clock())
    ledger.record("coast", [sight(name, day=day) for day, name in enumerate("abcd")])
    ledger.record("coast", [sight("e", day=4, skip="cloud"), sight("f", day=5, skip="season")])
    publish_one(ledger)
    ledger.mark_failed(claim_one(ledger), HERE, error="cut", may_pass=True)
    ledger.mark_failed(claim_one(ledger), HERE, error="cut", may_pass=False)
    began = NOON + timedelta(hours=1)
    ledger.note_round("coast", began=began, ended=began + timedelta(seconds=90), error="no host", next_run=LATER)
    path = write_metrics(settings, now=LATER)
    numbers = read_numbers(settings)
    wanted = {
        "scenes_found": 6,
        "scenes_mapped": 1,
        "scenes_published": 1,
        "scenes_failed": 1,
        "scenes_given_up": 1,
        "backlog": 2,
        "newest_scene_timestamp_seconds": (NOON + timedelta(days=5)).timestamp(),
        "newest_scene_age_seconds": 35 * 86_400,
        "last_published_timestamp_seconds": NOON.timestamp(),
        "last_round_duration_seconds": 90,
        "last_round_timestamp_seconds": began.timestamp() + 90,
        "next_round_timestamp_seconds": LATER.timestamp(),
        "rounds_failed_in_a_row": 1,
    }
    assert {name: numbers[name, "coast"] for name in wanted} == wanted
    assert (numbers["scenes_skipped", "cloud"], numbers["scenes_skipped", "season"]) == (1, 1)
    assert (numbers["ledger_up", ""], numbers["scenes_found", "delta"]) == (1, 0)
    assert ("newest_scene_age_seconds", "delta") not in numbers
    free = os.statvfs(path.parent).f_bavail * os.statvfs(path.parent).f_frsize
    assert numbers["disk_free_bytes", ""] == pytest.approx(free, rel=0.2)
    assert path.stat().st_mode & 0o777 == 0o644
    assert [one.name for one in path.parent.iterdir()] == ["strandline.prom"]


def test_a_ledger_that_is_away_is_a_number_too(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, ledger="postgresql+psycopg://nobody@127.0.0.1:9/none")
    assert run_round(settings, "coast").error is not None
    numbers = read_numbers(settings)
    assert numbers["ledger_up", ""] == 0
    assert {name for name, _ in numbers} == {"ledger_up", "disk_free_bytes"}


def test_each_round_writes_them_and_no_reader_sees_half_of_them(settings: WatchSettings) -> None:
    assert run_round(settings, "coast").error is None
    path = Path(str(settings.metrics))
    lines = path.read_text().count("\n")
    with ThreadPoolExecutor(3) as threads:
        writes = [threads.submit(write_metrics, settings, now=LATER) for _ in range(12)]
        while not all(write.done() for write in writes):
            assert path.read_text().count("\n") == lines
    assert [write.result() for write in writes] == [path] * 12


def test_names_with_quotes_stay_whole(tmp_path: Path) -> None:
    folder = tmp_path / 'a "b" \\ c'
    folder.mkdir()
    settings = make_settings(folder)
    write_metrics(settings, now=LATER)
    parser = pytest.importorskip("prometheus_client.parser")
    text = Path(str(settings.metrics)).read_text()
    (disks,) = [one for one in parser.text_string_to_metric_families(text) if one.name == "strandline_disk_free_bytes"]
    assert str(settings.work) in {sample.labels["folder"] for sample in disks.samples}


def test_numbers_that_cannot_be_written_fail_no_round(settings: WatchSettings, tmp_path: Path) -> None:
    (tmp_path / "numbers").touch()
    said: list[str] = []
    report = run_round(settings, "coast", report=lambda event: said.append(str(event["text"])))
    assert report.error is None
    assert any(line.startswith("coast: the metrics were not written: ") for line in said)


def test_a_file_that_no_collector_reads_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AreasError, match=r"ends in \.prom"):
        make_settings(tmp_path, metrics="numbers.txt")
