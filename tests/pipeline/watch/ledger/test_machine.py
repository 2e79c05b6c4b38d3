"""Any order of searches, claims and results, held against a model of a few lines."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, precondition, rule

from pipeline.errors import BusyError
from pipeline.watch.ledger.holder import Holder
from pipeline.watch.ledger.values import BackOff, LostClaimError, Row
from tests.pipeline.watch.ledger.ledger_places import Clock, open_at, sight

BASELINES = ("05.09", "05.10", "05.11")
BACK_OFF = BackOff(first_s=100, factor=2, most_s=1_000, tries=3)
HOLDERS = [str(Holder.of_this_process()) for _ in range(2)]


@dataclass(slots=True)
class Known:
    """What the model knows of a scene."""

    baseline: str
    state: str
    before: str = ""
    by_work: bool = False
    holder: str | None = None
    mapped: bool = False
    tries: int = 0
    due_s: float | None = None
    told: bool = False
    lane: str = "new"
    recipe: str | None = None
    by_hand: bool = False
    kept: tuple[str, bool] | None = None
    pending: str | None = None
    published: int = 0
    fence: int = 0

    def restart(self, baseline: str) -> None:
        self.baseline, self.state, self.by_work, self.pending = baseline, "seen", False, None
        self.mapped, self.tries, self.due_s, self.holder, self.recipe = False, 0, None, None, None

    def let_go(self, state: str) -> None:
        self.state, self.holder = state, None
        if self.pending:
            self.restart(self.pending)


class LedgerMachine(RuleBasedStateMachine):
    """Two holders of this process work on one area; the clock only goes forward."""

    claims = Bundle("claims")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = Clock()
        self.now_s = 0.0
        self.ledger = open_at(str(self.folder / "ledger.db"), self.clock)
        self.model: dict[str, Known] = {}
        self.untold = 0
        self.recipe = "one"

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @rule(
        name=st.sampled_from("abc"),
        baseline=st.sampled_from(BASELINES),
        cloudy=st.booleans(),
        lane=st.sampled_from(["new", "backfill"]),
    )
    def record(self, name: str, baseline: str, cloudy: bool, lane: Any) -> None:  # noqa: ANN401
        sighting = sight(name, baseline=baseline, day=ord(name), skip="cloud" if cloudy else None)
        self.ledger.record("coast", [sighting], lane=lane)
        state = "skipped" if cloudy else "seen"
        known = self.model.setdefault(name, Known(baseline, state, lane=lane))
        if known.by_hand:
            known.baseline = max(baseline, known.baseline)
        elif baseline == known.baseline:
            waits = known.state == "failed" and known.due_s is not None and not known.mapped
            by_sighting = known.state == "skipped" and not known.by_work
            if known.holder is None and (known.state == "seen" or by_sighting or (waits and cloudy)):
                known.state = state
        elif baseline > known.baseline and known.holder:
            if not cloudy:
                known.pending = max(known.pending or "", baseline)
        elif baseline > known.baseline and not (cloudy and known.state in {"mapped", "published"}):
            known.restart(baseline)
            known.state = state

    @rule(target=claims, holder=st.sampled_from(HOLDERS), limit=st.integers(1, 3), newest_first=st.booleans())
    def claim(self, holder: str, limit: int, newest_first: bool) -> Any:  # noqa: ANN401
        due: list[str] = []
        for lane in ("new", "remap", "backfill"):
            names = sorted(name for name, known in self.model.items() if self.is_due(known) and known.lane == lane)
            due += reversed(names) if lane == "backfill" and newest_first else names
        due = due[:limit]
        rows = self.ledger.claim("coast", limit=limit, holder=holder, newest_first=newest_first)
        assert [row.acquisition for row in rows] == due
        for row in rows:
            known = self.model[row.acquisition]
            assert row.is_mapped == known.mapped
            known.before, known.state, known.holder, known.fence = known.state, "working", holder, row.fence
        return multiple(*rows)

    def is_due(self, known: Known) -> bool:
        waited = known.state == "failed" and known.due_s is not None and known.due_s <= self.now_s
        return known.holder is None and (known.state in {"seen", "mapped"} or waited)

    @rule(row=consumes(claims), end=st.sampled_from(["publish", "map", "fail", "give up", "set aside"]))
    def work(self, row: Row, end: str) -> None:
        known = self.model[row.acquisition]
        holder = row.holder
        assert holder is not None
        if known.holder is None or known.fence != row.fence:
            with pytest.raises(LostClaimError):
                self.ledger.mark_mapped(row, holder, fingerprint="late", folder="/late")
            return
        if end in {"publish", "map"}:
            row = self.ledger.mark_mapped(row, holder, fingerprint="f", folder="/maps", recipe=self.recipe)
            known.state, known.mapped, known.recipe = "mapped", True, self.recipe
            if end == "publish":
                self.ledger.mark_published(row, holder, to="/public")
                known.published += 1
                known.lane = "new"
                self.untold += known.told  # that it went well after all
                known.told = False
                known.let_go("published")
            else:
                self.ledger.release(holder)
                self.let_all_go(holder)
        elif end == "set aside":
            self.ledger.mark_skipped(row, holder, kind="unfit", reason="no water")
            known.by_work = True
            known.let_go("skipped")
        else:
            known.tries += 1
            wait = BACK_OFF.compute_wait(known.tries) if end == "fail" else None
            self.ledger.mark_failed(row, holder, error="broken", may_pass=end == "fail", back_off=BACK_OFF)
            known.due_s = None if wait is None else self.now_s + wait.total_seconds()
            if not known.pending and (wait is None or known.tries == 1):
                self.untold += 1
                known.told = True
            known.let_go("failed")

    @rule(holder=st.sampled_from(HOLDERS))
    def release(self, holder: str) -> None:
        self.ledger.release(holder)
        self.let_all_go(holder)

    def let_all_go(self, holder: str) -> None:
        for known in self.model.values():
            if known.holder == holder:
                known.let_go(known.before if known.state == "working" else known.state)

    @rule(seconds=st.integers(1, 500))
    def wait(self, seconds: int) -> None:
        self.clock.move(seconds=seconds)
        self.now_s += seconds

    @rule()
    def retry(self) -> None:
        self.ledger.retry("coast")
        for known in self.model.values():
            if known.state == "failed" and known.holder is None:
                known.state, known.tries, known.due_s = "mapped" if known.mapped else "seen", 0, None

    @rule(recipe=st.sampled_from(["one", "other"]))
    def remap(self, recipe: str) -> None:
        self.recipe = recipe
        stale = [
            known
            for known in self.model.values()
            if known.holder is None and known.state in {"mapped", "published"} and known.recipe != recipe
        ]
        assert self.ledger.remap("coast", recipe, standing={"maps"}) == len(stale)
        for known in stale:
            known.restart(known.baseline)
            known.lane = "remap"

    @rule(name=st.sampled_from("abc"))
    def exclude(self, name: str) -> None:
        known = self.model.get(name)
        if known is None:
            assert self.ledger.exclude("coast", name, why="haze") is None
        elif known.holder is not None:
            with pytest.raises(BusyError):
                self.ledger.exclude("coast", name, why="haze")
        else:
            assert self.ledger.exclude("coast", name, why="haze") is not None
            if not known.by_hand:
                known.kept = (known.state, known.by_work)
            known.state, known.by_hand, known.by_work = "skipped", True, False
            known.due_s = None

    @rule(name=st.sampled_from("abc"))
    def include(self, name: str) -> None:
        known = self.model.get(name)
        found = self.ledger.include("coast", name)
        assert (found is not None) == (known is not None and known.by_hand)
        if known is not None and known.by_hand:
            assert known.kept is not None
            state, by_work = known.kept
            known.restart(known.baseline)
            known.lane, known.by_hand = "new", False
            if state == "skipped":
                known.state, known.by_work = state, by_work

    @rule()
    def withdraw(self) -> None:
        rows = self.ledger.list_to_withdraw("coast")
        standing = {name for name, known in self.model.items() if known.by_hand and (known.mapped or known.published)}
        assert {row.acquisition for row in rows} <= standing
        for row in rows:
            assert self.ledger.mark_withdrawn(row)
            self.model[row.acquisition].mapped = False
            self.model[row.acquisition].recipe = None
        assert self.ledger.list_to_withdraw("coast") == []

    @precondition(lambda self: self.untold)
    @rule()
    def tell(self) -> None:
        ids = {failure.id for failure in self.ledger.untold()}
        assert len(ids) == self.untold
        assert self.ledger.mark_told(ids) == ids
        self.untold = 0

    @invariant()
    def agrees(self) -> None:
        rows = {row.acquisition: row for row in self.ledger.rows(items=False)}
        assert rows.keys() == self.model.keys()
        for name, known in self.model.items():
            row = rows[name]
            found = (row.baseline, row.state, row.holder, row.is_mapped, row.tries, row.lane, row.recipe)
            wanted = (known.baseline, known.state, known.holder, known.mapped, known.tries, known.lane, known.recipe)
            assert found == wanted
            assert row.is_excluded == known.by_hand
            assert sum(event["what"] == "published" for event in row.history) == known.published
        assert len(self.ledger.untold()) == self.untold

    @invariant()
    def sums_up(self) -> None:
        if not self.model:
            return
        summary = self.ledger.summarise()["coast"]
        states = [known.state for known in self.model.values()]
        assert summary.states == {state: states.count(state) for state in set(states)}
        assert summary.last_scene == f"{max(self.model)} N{self.model[max(self.model)].baseline}"
        waiting = sum(known.state == "failed" and known.due_s is not None for known in self.model.values())
        assert summary.backlog == sum(state in {"seen", "working", "mapped"} for state in states) + waiting


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=8, stateful_step_count=25)
