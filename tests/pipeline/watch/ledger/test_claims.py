"""Scenes go into one pair of hands at a time, and come back as they were."""

from __future__ import annotations

from pipeline.watch.ledger.ledger import Ledger
from tests.pipeline.watch.ledger.ledger_places import HERE, THERE, Clock, claim_one, fail_one, sight


def test_the_oldest_come_first_and_areas_keep_apart(ledger: Ledger) -> None:
    ledger.record("coast", [sight(name, day=day) for name, day in (("c", 3), ("a", 1), ("b", 2))])
    ledger.record("delta", [sight("a", day=1)])
    assert [row.acquisition for row in ledger.claim("coast", limit=2, holder=HERE)] == ["a", "b"]
    assert [row.acquisition for row in ledger.claim("coast", limit=2, holder=HERE)] == ["c"]
    assert [row.area for row in ledger.rows(states=["seen"])] == ["delta"]


def test_what_is_given_back_is_as_it_was(ledger: Ledger, clock: Clock) -> None:
    ledger.record("coast", [sight("a"), sight("b"), sight("c")])
    fail_one(ledger, may_pass=True)
    row = claim_one(ledger)
    ledger.mark_mapped(row, HERE, fingerprint="f", folder="/maps/b")
    assert ledger.release(HERE) == 1
    clock.move(hours=1)
    before = {row.acquisition: row.state for row in ledger.rows()}
    assert len(ledger.claim("coast", limit=9, holder=HERE)) == 3
    assert ledger.release(THERE) == 0
    assert ledger.release(HERE) == 3
    assert (
        {row.acquisition: row.state for row in ledger.rows()} == before == {"a": "failed", "b": "mapped", "c": "seen"}
    )
    assert all(row.holder is None and row.deaths == 0 for row in ledger.rows())
