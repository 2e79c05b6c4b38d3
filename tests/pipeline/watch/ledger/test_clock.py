"""Leases under clocks that jump and differ: no work of a living watcher is taken, none of a dead one is kept."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.watch.ledger.claims import compute_lease_state
from pipeline.watch.ledger.holder import Holder, read_holder_life
from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import LostClaimError, Row
from tests.pipeline.watch.ledger.ledger_places import HERE, NOON, THERE, Clock, name_dead_holder, sight

LEASE_S = 180.0
LEASE = timedelta(seconds=LEASE_S)
DAY_S = 86_400.0


def claim(ledger: Ledger, holder: object) -> list[Row]:
    return ledger.claim("coast", limit=9, holder=str(holder))


def test_holders_are_told_apart() -> None:
    one, two = Holder.of_this_process(), Holder.of_this_process()
    assert str(one) != str(two)
    assert read_holder_life(str(one)) == "alive"
    assert read_holder_life(str(name_dead_holder())) == "dead"
    other_start = Holder(host=one.host, pid=one.pid, started="1", token=one.token)
    assert read_holder_life(str(other_start)) == "dead"  # the number of a process that has ended was given to another
    for unknown in (HERE, "", "a:b", f"{one.host}:{one.pid}::t", f"{one.host}/other:{one.pid}:1:t"):
        assert read_holder_life(unknown) == "unknown"


def test_a_killed_process_that_nobody_waited_for_is_dead() -> None:
    child = os.fork()
    if child == 0:
        while True:
            os.sched_yield()
    try:
        started = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[19]
        holder = str(Holder(host=Holder.of_this_process().host, pid=child, started=started, token="t"))  # noqa: S106
        assert read_holder_life(holder) == "alive"
        os.kill(child, 9)
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        assert read_holder_life(holder) == "dead"
    finally:
        os.waitpid(child, 0)


def test_what_a_dead_process_of_this_host_held_is_free_at_once(ledger: Ledger) -> None:
    ledger.record("coast", [sight()])
    holder = name_dead_holder()
    (row,) = claim(ledger, holder)
    (again,) = claim(ledger, HERE)
    assert (again.acquisition, again.deaths, again.fence) == (row.acquisition, 1, row.fence + 2)
    assert again.history[-1]["holder"] == str(holder)
    with pytest.raises(LostClaimError):
        ledger.mark_mapped(row, holder, fingerprint="f", folder="/maps/a")


def test_a_map_that_was_made_outlives_its_maker(ledger: Ledger) -> None:
    ledger.record("coast", [sight()])
    holder = name_dead_holder()
    (row,) = claim(ledger, holder)
    ledger.mark_mapped(row, holder, fingerprint="f", folder="/maps/a")
    (again,) = claim(ledger, HERE)
    assert (again.is_mapped, again.folder, again.fingerprint) == (True, "/maps/a", "f")


def test_a_newer_product_is_next_where_the_holder_of_the_older_died(ledger: Ledger) -> None:
    ledger.record("coast", [sight()])
    claim(ledger, name_dead_holder())
    ledger.record("coast", [sight(baseline="05.10")])
    (row,) = claim(ledger, HERE)
    assert (row.product, row.deaths) == ("a N05.10", 0)
    assert [event["what"] for event in row.history] == ["seen", "freed", "replaced"]


def test_a_scene_that_kills_fails_for_good_and_lets_others_pass(ledger: Ledger) -> None:
    ledger.record("coast", [sight("deadly", day=0), sight("good", day=1)])
    for number in range(3):
        (row,) = ledger.claim("coast", limit=1, holder=name_dead_holder(), most_deaths=3)
        assert row.acquisition == ("deadly" if number < 2 else "good")
    for _ in range(2):
        ledger.claim("coast", limit=2, holder=name_dead_holder(), most_deaths=3)
    states = {row.acquisition: row for row in ledger.rows()}
    assert (states["deadly"].state, states["deadly"].is_final) == ("failed", True)
    (failure,) = ledger.untold()
    assert failure.product == "deadly N05.09"
    assert failure.error.startswith("3 processes ended while they had this scene in hand")


@pytest.mark.parametrize("jump_s", [-DAY_S, 0.0, DAY_S])
def test_what_lives_on_this_host_keeps_its_work_whatever_the_clock_says(
    ledger: Ledger, clock: Clock, jump_s: float
) -> None:
    ledger.record("coast", [sight()])
    holder = Holder.of_this_process()
    (row,) = claim(ledger, holder)
    for _ in range(5):
        clock.move(seconds=jump_s)
        assert claim(ledger, THERE) == []
    assert ledger.mark_mapped(row, holder, fingerprint="f", folder="/maps/a").state == "mapped"


def test_another_host_s_work_is_taken_when_its_lease_has_run_out(ledger: Ledger, clock: Clock) -> None:
    ledger.record("coast", [sight()])
    (row,) = claim(ledger, HERE)
    clock.move(seconds=LEASE_S - 1)
    assert claim(ledger, THERE) == []
    assert ledger.renew(HERE) == 1
    clock.move(seconds=LEASE_S - 1)
    assert claim(ledger, THERE) == []
    clock.move(seconds=1)
    assert claim(ledger, THERE) == []  # the first look only doubts
    clock.move(seconds=LEASE_S / 2)
    (taken,) = claim(ledger, THERE)
    assert (taken.id, taken.deaths) == (row.id, 1)
    assert ledger.renew(HERE) == 0


def test_a_failure_from_the_future_is_due(ledger: Ledger, clock: Clock) -> None:
    ledger.record("coast", [sight()])
    clock.move(days=400)
    (row,) = claim(ledger, HERE)
    ledger.mark_failed(row, HERE, error="host is down", may_pass=True)
    clock.move(days=-400)
    assert [row.acquisition for row in claim(ledger, HERE)] == ["a"]


@dataclass(slots=True)
class Watched:
    """A holder that renews each third of a lease, and one of another host that looks each sixth.

    Attributes:
        ours: The holder's clock.
        theirs: The looker's clock.
        renewed_at: By the holder's clock.
        doubted_at: By the looker's clock.
    """

    ours: datetime
    theirs: datetime
    renewed_at: datetime
    doubted_at: datetime | None = None

    def pass_sixth(self) -> None:
        self.ours += LEASE / 6
        self.theirs += LEASE / 6

    def renew(self) -> None:
        self.renewed_at, self.doubted_at = self.ours, None

    def look(self) -> bool:
        until = self.renewed_at + LEASE
        look = compute_lease_state(
            renewed_at=self.renewed_at, lease_until=until, doubted_at=self.doubted_at, now=self.theirs
        )
        self.doubted_at = look.doubted_at
        return look.has_run_out


def find_taking(*, skew_s: float, jump_s: float, jump_at: int, whose: str, dies_at: int | None) -> int | None:
    """When the looker takes the work over."""
    watched = Watched(ours=NOON, theirs=NOON + timedelta(seconds=skew_s), renewed_at=NOON)
    for step in range(60):
        watched.pass_sixth()
        if step == jump_at and whose != "looker":
            watched.ours += timedelta(seconds=jump_s)
        if step == jump_at and whose != "holder":
            watched.theirs += timedelta(seconds=jump_s)
        if step % 2 == 0 and (dies_at is None or step < dies_at):
            watched.renew()
        if watched.look():
            return step
    return None


def require_right(taken_at: int | None, dies_at: int | None) -> None:
    if dies_at is None:
        assert taken_at is None
    else:
        assert taken_at is not None
        assert taken_at >= dies_at - 2  # it renewed two steps before for the last time, at the latest


seconds = st.floats(-1e8, 1e8) | st.floats(-1000, 1000)
ends = st.none() | st.integers(0, 15)


@given(
    skew_s=st.floats(-290, LEASE_S / 2),
    jump_s=seconds,
    jump_at=st.integers(0, 30),
    whose=st.sampled_from(["holder", "looker", "both"]),
    dies_at=ends,
)
def test_one_jump_takes_nothing_from_the_living_and_keeps_nothing_with_the_dead(
    skew_s: float, jump_s: float, jump_at: int, whose: str, dies_at: int | None
) -> None:
    taken_at = find_taking(skew_s=skew_s, jump_s=jump_s, jump_at=jump_at, whose=whose, dies_at=dies_at)
    require_right(taken_at, dies_at)


@given(skew_s=seconds, dies_at=ends)
def test_clocks_that_differ_do_no_harm(skew_s: float, dies_at: int | None) -> None:
    taken_at = find_taking(skew_s=skew_s, jump_s=0, jump_at=0, whose="both", dies_at=dies_at)
    require_right(taken_at, dies_at)


@pytest.mark.parametrize("jump_s", [-DAY_S, DAY_S])
def test_a_jump_takes_nothing_from_another_host_that_renews(ledger: Ledger, clock: Clock, jump_s: float) -> None:
    ledger.record("coast", [sight()])
    (row,) = claim(ledger, HERE)
    clock.move(seconds=jump_s)
    for _ in range(4):
        assert claim(ledger, THERE) == []
        clock.move(seconds=LEASE_S / 3)
        ledger.renew(HERE)
    assert ledger.mark_mapped(row, HERE, fingerprint="f", folder="/maps/a").state == "mapped"


def test_a_jump_back_keeps_nothing_with_a_dead_host(ledger: Ledger, clock: Clock) -> None:
    ledger.record("coast", [sight()])
    claim(ledger, HERE)
    clock.move(days=-1000)
    assert claim(ledger, THERE) == []
    clock.move(seconds=LEASE_S / 2)
    assert len(claim(ledger, THERE)) == 1
