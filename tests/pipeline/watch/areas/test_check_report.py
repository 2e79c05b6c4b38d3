"""What ``strandline watch --check`` says: the whole report, of a file that says little and of one that says all."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.watch.areas.check import Finding, describe_areas
from pipeline.watch.areas.file import read_areas

NOW = datetime(2024, 6, 30, 12, tzinfo=UTC)
LEAST = """
areas:
  - {name: nazare, aoi: "-9.13,39.53,-9.03,39.64"}
"""
MOST = """
areas:
  - name: wadden
    aoi: "8.55,53.85,8.85,54.05"
    collection: sentinel-2-l2a
    schedule: 0 6 * * *
    time_zone: Europe/Berlin
    seasons: [07-01/10-31]
    max_cloud: 30.5
    min_coverage: 20
    look_back: 10
    formats: [shp]
    compare: {alert_m: 12.5, alert_area_m2: 12345}
    transects: auto
    tides: {heights: tides.csv, beach_slope: 0.05}
    retries: {times: 3, wait: 90m, longest: 2d}
    destination: memory://maps/wadden
  - {name: nazare, aoi: "-9.13,39.53,-9.03,39.64", compare: true, tides: {model: FES2022, folder: .}}
notifications:
  - {kind: webhook, url: "${HOOK}", secret: "${KEY}", events: [failure]}
  - {kind: email, host: mx, from: a@x.org, to: [b@x.org, c@x.org]}
  - {kind: command, argv: [sh, -c, "true"]}
  - {kind: command, name: bell, argv: [no-such-program-here]}
limits: {scenes_per_round: 4, keep_free: 20GB, prune_work_after: 30d, prune_published_after: 400d}
dask: {scheduler: "tcp://10.0.0.5:8786"}
ledger: sqlite:///mine.db
work: work
"""


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    (tmp_path / "tides.csv").touch()
    for name in ("HOOK", "KEY"):
        monkeypatch.setenv(name, "https://host")

    def describe(text: str, *, free: float = 123.45e9) -> list[str]:
        monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=int(free)))
        (tmp_path / "areas.yaml").write_text(text)
        described = describe_areas(read_areas(tmp_path / "areas.yaml"), now=NOW)
        lines = [line.replace(str(tmp_path), "HERE") for line in described.lines()]
        assert described.ok == (not any("PROBLEM" in line for line in lines))
        return lines

    return describe


def test_a_file_that_says_little(report: Callable[..., list[str]]) -> None:
    assert report(LEAST) == [
        "nazare: 104.9 km², next run 2024-06-30 18:00:00 UTC, in season",
        "  first round: 2024-05-31/2024-06-30",
        "  source: earth-search",
        "  scenes: up to 60% cloud, at least 10% of the area, searched again for 30 days",
        "  seasons: all year",
        "  formats: gpkg",
        "  retries: 8, after 10m and longer, up to 1d",
        "  model: strandline-small",
        "  destination: HERE/published/nazare (to be made, 123.5 GB free)",
        "ledger: HERE/strandline.ledger.db (to be made)",
        "work: HERE/strandline.work (to be made, 123.5 GB free)",
        "dask: workers of this machine: as its memory and cores allow",
        "limits: 20 scenes a round, 5.0 GB of disk stay free; working copies kept for ever, published kept for ever",
        "notifications: nobody is told of failures and alerts",
    ]


def test_a_file_that_says_all(report: Callable[..., list[str]]) -> None:
    assert report(MOST) == [
        "wadden: 438.5 km², next run 2024-07-01 04:00:00 UTC, out of season today",
        "  first round: 2024-06-20/2024-06-30",
        "  source: earth-search, collection sentinel-2-l2a",
        "  scenes: up to 30.5% cloud, at least 20% of the area, searched again for 10 days",
        "  seasons: 07-01/10-31",
        "  formats: shp",
        "  compare: alert from 12.5 m or 12,345 m²",
        "  transects: auto",
        "  tides: HERE/tides.csv, beach slope 0.05",
        "  retries: 3, after 90m and longer, up to 2d",
        "  model: strandline-small",
        "  destination: memory://maps/wadden (to be made)",
        "nazare: 104.9 km², next run 2024-06-30 18:00:00 UTC, in season",
        "  first round: 2024-05-31/2024-06-30",
        "  source: earth-search",
        "  scenes: up to 60% cloud, at least 10% of the area, searched again for 30 days",
        "  seasons: all year",
        "  formats: gpkg",
        "  compare: without an alert",
        "  tides: FES2022",
        "  retries: 8, after 10m and longer, up to 1d",
        "  model: strandline-small",
        "  destination: HERE/published/nazare (to be made, 123.5 GB free)",
        "ledger: sqlite:///mine.db",
        "work: HERE/work (to be made, 123.5 GB free)",
        "dask: tcp://10.0.0.5:8786",
        "limits: 4 scenes a round, 20.0 GB of disk stay free; working copies removed after 30d, "
        "published removed after 400d",
        "webhook-1: webhook, of failure; from the environment: HOOK, KEY",
        "email-2: email, of alert, failure, recovered",
        "command-3: command, of alert, failure, recovered",
        "bell: PROBLEM: command, of alert, failure, recovered; there is no program no-such-program-here",
    ]


@pytest.mark.parametrize(("free", "problem"), [(5e9, True), (5e9 + 1, False)])
def test_there_is_to_be_more_room_than_stays_free(report: Callable[..., list[str]], free: float, problem: bool) -> None:
    lines = [line for line in report(LEAST, free=free) if line.strip().startswith("work")]
    assert ("PROBLEM" in lines[0], "less than the" in lines[0]) == (problem, problem)


@pytest.mark.parametrize(
    ("compare", "said"),
    [
        ("true", "without an alert"),
        ("{alert_m: 12}", "alert from 12 m"),
        ("{alert_area_m2: 1234567}", "alert from 1,234,567 m²"),
    ],
)
def test_alerts_are_named_with_their_units(report: Callable[..., list[str]], compare: str, said: str) -> None:
    text = LEAST.replace('39.64"}', f'39.64", compare: {compare}}}')
    assert next(line for line in report(text) if "compare" in line).endswith(said)


def test_a_finding_is_a_line() -> None:
    assert str(Finding(subject="a", text="b", ok=False)) == "a: PROBLEM: b"
    assert str(Finding(subject="a", text="b")) == "a: b"
