"""How areas stand."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import AreaSummary, FailedScene
from tests.pipeline.watch.ledger.ledger_places import HERE, NOON, Clock, claim_one, fail_one, publish_one, sight


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


def test_areas_are_summed_up_each_for_itself(local: Ledger, clock: Clock) -> None:
    assert local.summarise() == {}
    local.record("delta", [sight("x", day=9, skip="cloud")])
    skips: list[Any] = ["cloud", "cloud", "season"]
    local.record("coast", [sight(f"s{day}", day=10 + day, skip=skip) for day, skip in enumerate(skips)])
    local.record("coast", [sight(name, day=day) for day, name in enumerate("abcdefgh")])
    for _ in range(2):
        publish_one(local)
        clock.move(hours=1)
    fail_one(local, error="broken")
    for _ in range(2):
        fail_one(local, may_pass=True, error="host is down")
    local.mark_mapped(claim_one(local), HERE, fingerprint="f", folder="/maps/f")
    local.release(HERE)
    held = local.claim("coast", limit=2, holder=HERE)
    assert [row.acquisition for row in held] == ["f", "g"]
    local.mark_mapped(held[0], HERE, fingerprint="f", folder="/maps/f")
    coast = local.summarise()["coast"]
    assert coast.states == {"published": 2, "failed": 3, "mapped": 1, "working": 1, "seen": 1, "skipped": 3}
    assert coast.skips == {"cloud": 2, "season": 1}
    assert (coast.last_scene, coast.last_acquired) == ("s2 N05.09", NOON + timedelta(days=12))
    assert (coast.backlog, coast.last_success) == (5, NOON + timedelta(hours=1))
    waits: dict[str, Any] = {"error": "host is down", "tries": 1, "next_try": clock.now + timedelta(minutes=1)}
    assert coast.failures == (
        FailedScene(acquisition="c", product="c N05.09", error="broken", tries=1, next_try=None),
        FailedScene(acquisition="d", product="d N05.09", **waits),
        FailedScene(acquisition="e", product="e N05.09", **waits),
    )
    assert local.summarise()["delta"] == AreaSummary(
        area="delta",
        states={"skipped": 1},
        skips={"cloud": 1},
        last_scene="x N05.09",
        last_acquired=NOON + timedelta(days=9),
    )


def test_the_last_publishing_counts_though_a_newer_product_is_to_be_mapped(local: Ledger, clock: Clock) -> None:
    local.record("coast", [sight("a"), sight("b", day=1)])
    publish_one(local)
    clock.move(hours=1)
    publish_one(local)
    local.record("coast", [sight("b", day=1, baseline="05.10")])
    coast = local.summarise()["coast"]
    assert (coast.states, coast.last_success) == ({"published": 1, "seen": 1}, NOON + timedelta(hours=1))
    assert (coast.last_scene, coast.backlog) == ("b N05.10", 1)


def test_of_scenes_of_one_moment_the_one_that_came_last_is_the_last(local: Ledger) -> None:
    local.record("coast", [sight("a"), sight("b")])
    assert local.summarise()["coast"].last_scene == "b N05.09"
    local.note_round("delta", began=NOON, ended=None)
    assert list(local.summarise()) == ["coast", "delta"]
    assert local.summarise()["delta"] == AreaSummary(area="delta")
