"""Scenes go into one pair of hands at a time, and come back as they were."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from pipeline.watch.ledger.claims import LeaseState, compute_lease_state
from pipeline.watch.ledger.holder import Holder
from pipeline.watch.ledger.ledger import Ledger
from tests.pipeline.watch.ledger.ledger_places import (
    HERE,
    NOON,
    THERE,
    Clock,
    claim_one,
    fail_one,
    list_events,
    name_dead_holder,
    read_row,
    sight,
)
from tests.value_types import require_value_type


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


def test_a_lease_is_a_value() -> None:
    require_value_type(LeaseState)


MOMENT = timedelta(microseconds=1)
LEASE = timedelta(minutes=3)


@pytest.mark.parametrize(
    ("now", "doubted_at", "has_run_out", "doubted_after"),
    [
        # Nothing is doubtful from five minutes before the renewal (clocks differ) to the end of the lease.
        (NOON - timedelta(minutes=5), None, False, None),
        (NOON + LEASE - MOMENT, NOON, False, None),
        # Outside, the first look doubts, and so does one whose clock has gone back since.
        (NOON - timedelta(minutes=5) - MOMENT, None, False, NOON - timedelta(minutes=5) - MOMENT),
        (NOON + LEASE, None, False, NOON + LEASE),
        (NOON + LEASE, NOON + LEASE + MOMENT, False, NOON + LEASE),
        # Half a lease after the first doubt, it has run out.
        (NOON + LEASE * 1.5 - MOMENT, NOON + LEASE, False, NOON + LEASE),
        (NOON + LEASE * 1.5, NOON + LEASE, True, NOON + LEASE),
    ],
)
def test_a_lease_runs_out_where_it_seems_so_twice(
    now: datetime, doubted_at: datetime | None, has_run_out: bool, doubted_after: datetime | None
) -> None:
    state = compute_lease_state(renewed_at=NOON, lease_until=NOON + LEASE, doubted_at=doubted_at, now=now)
    assert state == LeaseState(has_run_out=has_run_out, doubted_at=doubted_after)


def test_a_claim_is_numbered_and_holds_for_a_lease(local: Ledger, clock: Clock) -> None:
    local.record("coast", [sight()])
    row = claim_one(local)
    assert (row.fence, row.state, row.holder, row.lease_until) == (1, "working", HERE, NOON + LEASE)
    clock.move(minutes=1)
    assert local.renew(HERE) == 1
    assert (read_row(local).lease_until, read_row(local).fence) == (NOON + LEASE + timedelta(minutes=1), 1)
    assert local.renew(THERE) == 0
    local.release(HERE)
    row = claim_one(local, THERE)
    assert (row.fence, row.holder, row.changed, row.tries) == (3, THERE, clock.now, 0)


def test_what_another_holds_is_neither_renewed_nor_given_back(local: Ledger, clock: Clock) -> None:
    local.record("coast", [sight("a"), sight("b")])
    claim_one(local, HERE)
    claim_one(local, THERE)
    clock.move(minutes=1)
    assert local.renew(HERE) == 1
    assert [row.lease_until for row in local.rows()] == [NOON + LEASE + timedelta(minutes=1), NOON + LEASE]
    assert local.release(THERE) == 1
    assert [row.holder for row in local.rows()] == [HERE, None]


def test_a_scene_that_waits_is_due_at_its_time_or_where_the_clock_went_back(local: Ledger, clock: Clock) -> None:
    local.record("coast", [sight()])
    row = fail_one(local, may_pass=True)
    assert row.next_try == NOON + timedelta(minutes=1)
    clock.now = row.next_try - MOMENT
    assert local.claim("coast", limit=1, holder=HERE) == []
    clock.now = NOON - timedelta(minutes=5)
    assert local.claim("coast", limit=1, holder=HERE) == []
    clock.now -= MOMENT
    assert len(local.claim("coast", limit=1, holder=HERE)) == 1
    local.release(HERE)
    clock.now = row.next_try
    assert len(local.claim("coast", limit=1, holder=HERE)) == 1


def test_a_scene_that_failed_for_good_is_not_due_even_where_the_clock_went_back(local: Ledger, clock: Clock) -> None:
    local.record("coast", [sight()])
    fail_one(local)
    clock.move(days=-400)
    assert local.claim("coast", limit=1, holder=HERE) == []


def test_a_scene_that_cost_two_processes_their_life_comes_after_all_others(local: Ledger) -> None:
    local.record("coast", [sight("first"), sight("second", day=1)])
    for expected in ("first", "first", "second", "second", "first"):
        (row,) = local.claim("coast", limit=1, holder=name_dead_holder())
        assert row.acquisition == expected


def test_a_scene_fails_for_good_when_the_eighth_process_has_died(local: Ledger) -> None:
    local.record("coast", [sight()])
    for deaths in range(8):
        (row,) = local.claim("coast", limit=1, holder=name_dead_holder())
        assert (row.deaths, row.state) == (deaths, "working")
    assert local.claim("coast", limit=1, holder=HERE) == []
    row = read_row(local)
    assert (row.is_final, row.deaths, row.holder, row.tries) == (True, 8, None, 1)
    assert row.last_error is not None
    assert row.last_error.startswith("8 processes ended")
    assert list_events(row) == ["seen", *["freed"] * 7, "failed"]
    assert (row.history[1]["deaths"], row.history[-1]["deaths"]) == (1, 8)


def test_a_dead_holder_s_scenes_of_other_areas_are_left_to_their_watchers(local: Ledger) -> None:
    dead = str(name_dead_holder())
    for area in ("coast", "delta"):
        local.record(area, [sight()])
        local.claim(area, limit=1, holder=dead)
    assert len(local.claim("coast", limit=9, holder=HERE)) == 1
    assert [(row.area, row.holder, row.deaths) for row in local.rows()] == [("coast", HERE, 1), ("delta", dead, 0)]


def test_who_claims_again_keeps_what_it_has(local: Ledger) -> None:
    local.record("coast", [sight("a"), sight("b", day=1)])
    dead = name_dead_holder()
    assert [len(local.claim("coast", limit=1, holder=dead)) for _ in range(3)] == [1, 1, 0]
    assert [row.deaths for row in local.rows()] == [0, 0]


def test_a_doubt_is_written_down_and_ended_by_a_renewal(local: Ledger, clock: Clock) -> None:
    local.record("coast", [sight()])
    claim_one(local)
    for _ in range(2):
        clock.now = NOON + LEASE
        assert local.claim("coast", limit=1, holder=THERE) == []  # doubted: half a lease more, and it is taken
    local.renew(HERE)
    clock.move(minutes=3)
    assert local.claim("coast", limit=1, holder=THERE) == []
    clock.move(minutes=1.5)
    assert len(local.claim("coast", limit=1, holder=THERE)) == 1


def test_a_map_of_a_scene_given_back_stays_made(local: Ledger) -> None:
    local.record("coast", [sight()])
    local.mark_mapped(claim_one(local), HERE, fingerprint="f", folder="/maps/a")
    assert (local.release(HERE), read_row(local).state) == (1, "mapped")
    assert claim_one(local).state == "working"
    assert (local.release(HERE), read_row(local).state) == (1, "mapped")


def test_what_is_in_hand_is_renewed_three_times_a_lease(local: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[tuple[float | None, bool]] = []
    third = threading.Event()

    class Waits(threading.Event):
        """Lets time pass at once, and ends at the third wait."""

        def wait(self, timeout: float | None = None) -> bool:
            waits.append((timeout, threading.current_thread().daemon))
            if len(waits) == 3:
                third.set()
            return third.is_set()

    names = SimpleNamespace(Event=Waits, Thread=threading.Thread)
    monkeypatch.setattr("pipeline.watch.ledger.claims.threading", names)
    renewals: list[Holder | str] = []
    monkeypatch.setattr(local, "renew", renewals.append)
    with local.keep_renewed(HERE):
        assert third.wait(60)
    # Not waited for by a process that ends: a daemon.
    assert (waits, renewals) == ([(60.0, True)] * 3, [HERE] * 2)
