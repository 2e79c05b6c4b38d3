"""How areas stand."""

from __future__ import annotations

from datetime import timedelta

from pipeline.watch.ledger.ledger import Ledger
from tests.pipeline.watch.ledger.ledger_places import NOON, Clock, fail_one, publish_one, sight


def test_an_area_is_summed_up(ledger: Ledger, clock: Clock) -> None:
    skips = [sight("e", day=5, skip="cloud"), sight("f", day=6, skip="cloud"), sight("g", day=7, skip="season")]
    ledger.record("coast", [*(sight(name, day=day) for day, name in enumerate("abcd")), *skips])
    publish_one(ledger)
    clock.move(minutes=1)
    fail_one(ledger)
    fail_one(ledger, may_pass=True, error="host is down")
    ledger.note_round("delta", began=NOON, ended=None)
    found = ledger.summarise()
    coast = found["coast"]
    assert coast.states == {"published": 1, "failed": 2, "seen": 1, "skipped": 3}
    assert coast.skips == {"cloud": 2, "season": 1}
    assert (coast.last_scene, coast.last_acquired) == ("g N05.09", NOON + timedelta(days=7))
    assert (coast.last_success, coast.backlog) == (NOON, 2)
    assert [(f.acquisition, f.error, f.next_try is None) for f in coast.failures] == [
        ("b", "no band B08", True),
        ("c", "host is down", False),
    ]
    assert (found["delta"].states, found["delta"].backlog) == ({}, 0)
