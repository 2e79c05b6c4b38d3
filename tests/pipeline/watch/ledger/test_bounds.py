"""Bounds of what the ledger is told, and of what it says: names, lines, ranks, waits, leases, rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import OptionError
from pipeline.watch.ledger.ledger import Ledger, open_ledger
from pipeline.watch.ledger.values import (
    AreaSummary,
    BackOff,
    Counts,
    FailedScene,
    Failure,
    LedgerError,
    Round,
    Row,
    Sighting,
    compute_rank,
    one_line,
)
from tests.pipeline.watch.ledger.ledger_places import NOON, read_row, sight
from tests.value_types import require_value_type


@pytest.mark.parametrize("kind", [Sighting, BackOff, Counts, Row, Failure, FailedScene, AreaSummary, Round])
def test_what_the_ledger_tells_and_is_told_are_values(kind: type) -> None:
    require_value_type(kind)


@pytest.mark.parametrize("name", ["", "two\nlines", "nul\0", "x" * 401, " x", "a  b"])
def test_a_sighting_needs_a_name(name: str) -> None:
    for values in ({"acquisition": name, "product": "p"}, {"acquisition": "a", "product": name}):
        with pytest.raises(OptionError, match="Expected a name of one line") as caught:
            Sighting(**values, acquired=NOON)
        assert len(str(caught.value)) < 160
    with pytest.raises(OptionError, match=f"found '{'x' * 80}'\\."):
        sight("x" * 401)


def test_a_name_may_have_four_hundred_characters() -> None:
    name = "x" * 400
    assert Sighting(acquisition=name, product=name, acquired=NOON).product == name


def test_times_of_a_sighting_have_a_zone() -> None:
    bare = NOON.replace(tzinfo=None)
    with pytest.raises(OptionError, match=r"Expected acquired of p with a time zone, found 2024-06-01T12:00:00\."):
        Sighting(acquisition="a", product="p", acquired=bare)
    with pytest.raises(OptionError, match="Expected generated of p with a time zone"):
        Sighting(acquisition="a", product="p", acquired=NOON, generated=bare)
    assert Sighting(acquisition="a", product="p", acquired=NOON, generated=NOON).generated == NOON


def test_a_reason_to_skip_is_one_of_those_known() -> None:
    reasons: Any = ("cloud", "coverage", "duplicate", "season", "unfit", "limit", None)
    assert tuple(sight(skip=reason).skip for reason in reasons) == reasons
    with pytest.raises(OptionError, match=r"Expected cloud, .*, limit, excluded as reason to skip, found 'rain'"):
        sight(skip="rain")


def test_a_line_has_two_thousand_characters_at_most() -> None:
    assert one_line("x" * 2_000) == "x" * 2_000
    assert one_line("x" * 2_001) == "x" * 1_999 + "…"
    assert one_line(" a\n\tb\0c ") == "a b c"
    assert one_line("\ud800") == "\\ud800"


def test_a_rank_grows_with_the_baseline_and_then_with_the_time_of_making() -> None:
    assert compute_rank("05.11", NOON) == ((5, 11), NOON)
    assert compute_rank(None, None) == ((), datetime.min.replace(tzinfo=UTC))
    assert compute_rank("N0509", None) < compute_rank("N0510", None)
    assert compute_rank("05.09", NOON) < compute_rank("05.10", None)
    assert compute_rank("05.09", None) < compute_rank("05.09", NOON)
    assert sight(generated=NOON).rank == ((5, 9), NOON)


def test_waits_grow_to_the_longest_and_end() -> None:
    waits = [BackOff().compute_wait(tries) for tries in range(1, 9)]
    assert [wait and wait.total_seconds() for wait in waits] == [60, 180, 540, 1_620, 4_860, 14_580, 21_600, None]
    assert BackOff(tries=10**9, factor=1e6).compute_wait(2_000) == timedelta(hours=6)


@pytest.mark.parametrize(
    "bounds",
    [{"first_s": 0}, {"first_s": -1}, {"first_s": 2, "most_s": 1.9}, {"factor": 0.99}, {"tries": 0}],
)
def test_waits_have_bounds(bounds: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="Expected 0 < first_s ≤ most_s"):
        BackOff(**bounds)


def test_waits_may_be_at_their_bounds() -> None:
    assert BackOff(first_s=0.5, most_s=0.5, factor=1, tries=2).compute_wait(1) == timedelta(seconds=0.5)
    assert BackOff(tries=1).compute_wait(1) is None


def test_sightings_that_came_to_nothing_count_nothing() -> None:
    assert Counts() == Counts(new=0, again=0, replaced=0, skipped=0)
    assert (AreaSummary(area="a").backlog, AreaSummary(area="a").states) == (0, {})


def test_a_scene_has_failed_for_good_where_no_other_try_is_due(local: Ledger) -> None:
    local.record("coast", [sight()])
    row = read_row(local)
    assert (row.is_final, row.is_mapped) == (False, False)
    assert replace(row, state="failed").is_final
    assert not replace(row, state="failed", next_try=NOON).is_final
    assert replace(row, folder="/maps/a").is_mapped


def test_a_lease_is_above_nothing_and_three_minutes_unless_said(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    for lease_s in (0, -1, float("nan")):
        with pytest.raises(OptionError, match=f"Expected a lease of more than 0 s, found {lease_s}"):
            open_ledger(path, lease_s=lease_s)
    assert not path.exists()
    with pytest.raises(LedgerError, match="found no file"):
        open_ledger(path, create=False)
    assert open_ledger(path, lease_s=0.5).lease_s == 0.5
    ledger = open_ledger(path)
    assert (ledger.lease_s, ledger.name, repr(ledger)) == (180, str(path), f"Ledger('{path}')")
    assert LedgerError.exit_code == 5


def test_rows_are_read_by_area_and_state_with_their_items(local: Ledger) -> None:
    local.record("delta", [sight("d", item={"id": "d"})])
    local.record("coast", [sight("b", day=1), sight("a", day=2, item={"id": "a"}), sight("c", skip="cloud")])
    assert [(row.area, row.acquisition) for row in local.rows()] == [
        ("coast", "c"),
        ("coast", "b"),
        ("coast", "a"),
        ("delta", "d"),
    ]
    assert [row.acquisition for row in local.rows("coast", states=["seen"])] == ["b", "a"]
    assert [row.acquisition for row in local.rows(states=["skipped", "working"])] == ["c"]
    assert local.rows(states=[]) == local.rows("nowhere") == []
    assert [row.item for row in local.rows("delta")] == [{"id": "d"}]
    assert [row.item for row in local.rows("delta", items=False)] == [{}]
