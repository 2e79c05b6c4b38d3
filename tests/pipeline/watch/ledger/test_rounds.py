"""Rounds of an area, and when the next is due."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import Round
from tests.pipeline.watch.ledger.ledger_places import NOON, Clock


def test_rounds_that_fail_in_a_row_are_one_failure(ledger: Ledger, clock: Clock) -> None:
    def end(error: str | None) -> None:
        clock.move(hours=1)
        next_run = clock.now + timedelta(hours=1)
        ledger.note_round(
            "coast", began=clock.now - timedelta(minutes=5), ended=clock.now, error=error, next_run=next_run
        )

    end(None)
    end("host is down")
    end("host is down, still")
    known = ledger.read_rounds()["coast"]
    assert (known.error, known.failures_in_a_row) == ("host is down, still", 2)
    assert (known.last_success, known.next_run) == (NOON + timedelta(hours=1), clock.now + timedelta(hours=1))
    (failure,) = ledger.untold()
    assert (failure.product, failure.error) == (None, "host is down")
    end(None)
    known = ledger.read_rounds()["coast"]
    assert (known.error, known.failures_in_a_row, known.last_success) == (None, 0, clock.now)
    assert ledger.untold() == [failure]  # a failure nobody was told of outlives the success
    ledger.mark_told([failure.id])
    end("host is down")
    (second,) = ledger.untold()
    assert second.id != failure.id
    ledger.note_round("coast", began=clock.now, ended=None)
    under_way = ledger.read_rounds()["coast"]
    assert (under_way.ended, under_way.error, under_way.next_run) == (
        None,
        "host is down",
        clock.now + timedelta(hours=1),
    )


def test_a_round_that_begins_says_nothing_of_its_end(local: Ledger, clock: Clock) -> None:
    assert local.read_rounds() == {}
    local.note_round("coast", began=NOON, ended=None)
    first = Round(
        area="coast",
        began=NOON,
        ended=None,
        last_success=None,
        error=None,
        failures_in_a_row=0,
        next_run=None,
    )
    assert local.read_rounds() == {"coast": first}
    later = NOON + timedelta(hours=1)
    local.note_round("coast", began=NOON, ended=NOON, error="host\nis down", next_run=later)
    failed = replace(first, ended=NOON, error="host is down", failures_in_a_row=1, next_run=later)
    assert local.read_rounds() == {"coast": failed}
    # Of what a round that is under way cannot know yet, what the last one said stands.
    local.note_round("coast", began=later, ended=None)
    assert local.read_rounds() == {"coast": replace(failed, began=later, ended=None)}
    local.note_round("coast", began=later, ended=None, next_run=NOON, error="not yet known")
    assert local.read_rounds() == {"coast": replace(failed, began=later, ended=None, next_run=NOON)}
    local.note_round("coast", began=later, ended=later)
    assert local.read_rounds() == {"coast": replace(first, began=later, ended=later, last_success=later)}


def test_the_first_failure_in_a_row_is_to_be_told(local: Ledger, clock: Clock) -> None:
    for count in (1, 2, 3):
        local.note_round("coast", began=NOON, ended=NOON, error=f"{count} times")
        assert local.read_rounds()["coast"].failures_in_a_row == count
    (failure,) = local.untold()
    assert (failure.area, failure.product, failure.error, failure.tries) == ("coast", None, "1 times", 1)
    assert (failure.at, len(failure.id)) == (NOON, 16)
    local.note_round("coast", began=NOON, ended=NOON)
    clock.move(hours=1)
    local.note_round("coast", began=clock.now, ended=clock.now, error="again")
    assert [failure.error for failure in local.untold()] == ["1 times", "again"]


def test_rounds_of_areas_keep_apart(local: Ledger) -> None:
    local.note_round("delta", began=NOON, ended=NOON, error="host is down")
    local.note_round("coast", began=NOON, ended=NOON)
    local.note_round("coast", began=NOON, ended=NOON)
    rounds = local.read_rounds()
    assert list(rounds) == ["coast", "delta"]
    assert (rounds["coast"].error, rounds["delta"].error) == (None, "host is down")
    assert (rounds["coast"].last_success, rounds["delta"].last_success) == (NOON, None)
