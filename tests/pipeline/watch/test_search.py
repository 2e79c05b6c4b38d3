"""What a watcher makes of a search: one row an acquisition, and a reason for each that is not mapped."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.watch.areas.file import WatchSettings, read_areas
from pipeline.watch.ledger.ledger import open_ledger
from pipeline.watch.ledger.values import Row
from pipeline.watch.run_round import run_round
from pipeline.watch.search import look_for_scenes, read_tile
from tests.pipeline.stac_items import find_port, make_item, write_items
from tests.pipeline.watch.ledger.ledger_places import Clock

NOW = datetime(2024, 7, 1, tzinfo=UTC)
HALF = (10.0, 54.0, 10.45, 55.0)
OTHER_HALF = (10.4, 54.0, 11.0, 55.0)


def _settings(folder: Path, **area: Any) -> WatchSettings:  # noqa: ANN401
    stated = {"name": "coast", "aoi": "10.1,54.1,10.9,54.9", "source": str(folder / "items.json"), "min_coverage": 20}
    path = folder / "areas.yaml"
    path.write_text(json.dumps({"areas": [{**stated, "since": "2024-06-01", "look_back": 400, **area}]}))
    return read_areas(path)


def _search(folder: Path, items: list[dict[str, Any]], **area: Any) -> dict[str, Row]:  # noqa: ANN401
    write_items(folder / "items.json", items)
    settings = _settings(folder, **area)
    ledger = open_ledger(settings.ledger)
    look_for_scenes(ledger, settings.areas[0], now=NOW)
    return {row.product: row for row in ledger.rows("coast")}


def _name(baseline: str, made: str, *, tile: str = "32UPF") -> str:
    return f"S2A_MSIL2A_20240610T102021_N{baseline}_R065_T{tile}_{made}"


def test_each_reason_is_said_with_its_figures(tmp_path: Path) -> None:
    found = _search(
        tmp_path,
        [
            make_item("good"),
            make_item("cloudy", when="2024-06-11T10:20:30Z", cloud=83.5),
            make_item("at-the-limit", when="2024-06-12T10:20:30Z", cloud=60.0),
            make_item("unstated", when="2024-06-13T10:20:30Z", cloud=None),
            make_item("corner", when="2024-06-14T10:20:30Z", box=(10.0, 54.0, 10.2, 54.5)),
            make_item("late", when="2024-06-25T10:20:30Z"),
        ],
        seasons=["06-01/06-20"],
    )
    assert {name: (row.state, row.skip) for name, row in found.items()} == {
        "good": ("seen", None),
        "cloudy": ("skipped", "cloud"),
        "at-the-limit": ("seen", None),
        "unstated": ("seen", None),
        "corner": ("skipped", "coverage"),
        "late": ("skipped", "season"),
    }
    assert "83.5% over 60%" in found["cloudy"].reason
    assert "06-25 is outside 06-01/06-20" in found["late"].reason
    assert "under 20%" in found["corner"].reason


def test_products_of_one_acquisition_are_one_row_whatever_their_granule_says(tmp_path: Path) -> None:
    """The time of a granule differs by seconds between baselines; the datatake's, in the name, does not."""
    old, new = _name("0400", "20240610T150000"), _name("0511", "20250101T000000")
    first = make_item("scene", **{"s2:product_uri": f"{old}.SAFE", "s2:processing_baseline": "04.00"})
    (row,) = _search(tmp_path, [first]).values()
    assert (row.product, read_tile(row.acquisition)) == (old, "32UPF")
    newer = make_item(
        "scene",
        when="2024-06-10T10:20:34Z",
        **{"s2:product_uri": f"{new}.SAFE", "s2:processing_baseline": "05.11"},
    )
    (row,) = _search(tmp_path, [newer]).values()
    assert row.product == new
    assert [event["what"] for event in row.history] == ["seen", "replaced"]


def test_an_older_product_found_with_the_newer_is_a_duplicate(tmp_path: Path) -> None:
    old, new = _name("0400", "20240610T150000"), _name("0511", "20250101T000000")
    found = _search(tmp_path, [make_item(old), make_item(new)])
    assert {name: (row.state, row.skip) for name, row in found.items()} == {
        old: ("skipped", "duplicate"),
        new: ("seen", None),
    }
    assert f"superseded by {new}" in found[old].reason


def test_an_older_product_that_was_replaced_is_no_duplicate_too(tmp_path: Path) -> None:
    old, new = _name("0400", "20240610T150000"), _name("0511", "20250101T000000")
    _search(tmp_path, [make_item(old)])
    (row,) = _search(tmp_path, [make_item(old), make_item(new)]).values()
    assert row.product == new


@pytest.mark.parametrize("turned", [False, True])
def test_both_halves_of_an_acquisition_are_mapped_and_stay_who_they_are(tmp_path: Path, turned: bool) -> None:
    """Downlinked to two stations, a datatake comes as two products of one tile that show different ground."""
    halves = [
        make_item(_name("0511", "20240610T150000"), box=HALF),
        make_item(_name("0511", "20240610T170000"), box=OTHER_HALF),
    ]
    first = _search(tmp_path, halves)
    assert [row.state for row in first.values()] == ["seen", "seen"]
    newer = [
        make_item(_name("0512", "20250101T150000"), box=HALF),
        make_item(_name("0512", "20250101T170000"), box=OTHER_HALF),
    ]
    second = _search(tmp_path, newer[::-1] if turned else newer)
    assert len(second) == 2
    for old, new in zip(halves, newer, strict=True):
        assert second[new["id"]].acquisition == first[old["id"]].acquisition


def test_a_clock_that_was_ahead_does_not_hide_what_comes(tmp_path: Path) -> None:
    """A round that went well in the future says nothing of what was searched: the search begins where it would."""
    write_items(tmp_path / "items.json", [make_item("good")])
    settings = _settings(tmp_path, look_back=30)
    clock = Clock(NOW + timedelta(days=400))
    ledger = open_ledger(settings.ledger, clock=clock)
    ledger.note_round("coast", began=clock(), ended=clock())
    clock.now = NOW
    found = look_for_scenes(ledger, settings.areas[0], now=NOW)
    assert (found.dates, found.counts.new) == ("2024-06-01/2024-07-01", 1)


def test_a_round_over_midnight_loses_no_day(tmp_path: Path) -> None:
    write_items(tmp_path / "items.json", [make_item("good")])
    settings = _settings(tmp_path, look_back=0)
    ledger = open_ledger(settings.ledger, clock=lambda: NOW)
    ledger.note_round("coast", began=NOW - timedelta(minutes=5), ended=NOW)
    assert look_for_scenes(ledger, settings.areas[0], now=NOW).dates == "2024-06-30/2024-07-01"


def test_days_of_a_silent_host_are_searched_again(tmp_path: Path) -> None:
    write_items(tmp_path / "items.json", [make_item("cloudy", cloud=99.0)])
    dead = f"http://127.0.0.1:{find_port()}"
    settings = _settings(tmp_path, source=f"{tmp_path / 'items.json'},{dead}")
    clock = Clock()
    reports = []
    for _ in range(2):
        clock.now = NOW
        reports.append(run_round(settings, "coast", clock=clock))
    assert {report.error for report in reports} == {
        f"Not all hosts answered, {dead} did not: the days are searched again."
    }
    assert reports[0].found is not None
    assert reports[0].found.skipped == 1, "what the others have is written down"
    ledger = open_ledger(settings.ledger)
    noted = ledger.read_rounds()["coast"]
    assert (noted.last_success, noted.failures_in_a_row) == (None, 2)
    write_items(tmp_path / "other.json", [make_item("good")])
    settings = _settings(tmp_path, source=f"{tmp_path / 'items.json'},other.json", seasons=["01-01/01-02"])
    assert run_round(settings, "coast", clock=clock).error is None
