"""Rounds of an area, and when the next is due."""

from __future__ import annotations

from datetime import timedelta

from pipeline.watch.ledger.ledger import Ledger
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
