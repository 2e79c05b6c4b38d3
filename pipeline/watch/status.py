"""How a watcher stands, area by area, read from its ledger alone: what is done, what is left, what failed and why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import AreasError
from pipeline.publish.target import resolve_destination
from pipeline.watch.areas.file import WatchSettings
from pipeline.watch.ledger.holder import read_holder_life
from pipeline.watch.ledger.ledger import Ledger, open_ledger
from pipeline.watch.ledger.values import AreaSummary, FailedScene, Round, Row, SkipKind, State
from pipeline.watch.values import AreaFolders

__all__ = ["AreaStatus", "Replacement", "RoundState", "SceneStatus", "WatchStatus", "read_watch_status"]

RoundState = Literal["never", "under way", "cut off", "well", "failed"]
"""What became of the last round; ``cut off``: it did not end, and nobody is seen at it. The next goes on with it."""

_LOCKS = Path("/proc/locks")

_GRACE = timedelta(minutes=2)
"""A scheduler takes a while to start a round: only then it is late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """A product that a newer one of the same acquisition replaced.

    Attributes:
        at: When, UTC.
        product: The older one.
        state: What had become of it.
        by: The newer one.
    """

    at: datetime
    product: str
    state: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneStatus:
    """An acquisition of an area, and what became of it; see ``pipeline.watch.ledger.values.Row``.

    Attributes:
        product: The newest.
        acquisition: What was taken.
        acquired: Time of sensing, UTC.
        state: What became of it.
        skip: Why it was skipped.
        reason: The same for a person.
        error: The last failure of this product, a line.
        tries: Failures of this product so far.
        deaths: How often a process ended while it had this product in hand.
        next_try: When a failed one is due; ``None`` where it failed for good.
        published_at: When it was last published; of an older product while the newer one is not.
        published_to: Where to.
        fingerprint: Of its map.
        replaced: Older products, oldest first.
        history: All that happened, oldest first.
    """

    product: str
    acquisition: str
    acquired: datetime
    state: State
    skip: SkipKind | None
    reason: str
    error: str | None
    tries: int
    deaths: int
    next_try: datetime | None
    published_at: datetime | None
    published_to: str | None
    fingerprint: str | None
    replaced: tuple[Replacement, ...] = ()
    history: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaStatus:
    """How an area stands.

    Attributes:
        area: Its name.
        in_file: It stands in the watcher's file; else only the ledger knows it, and it is watched no longer.
        last_scene: Product of the scene acquired last, whatever became of it.
        last_acquired: When that was, UTC.
        last_success: When a scene was last published.
        states: Scenes by state; states without any are not in it.
        skips: Skipped scenes by reason, likewise.
        backlog: Scenes that are still to be mapped or published.
        failures: Scenes that stand as failed, oldest first.
        round: What became of its last round.
        round_began: When that began.
        round_ended: When it ended.
        round_error: Why the last round that ended failed as a whole.
        rounds_failed: How many failed in a row.
        next_run: When the next round is due; ``None``: never, or nobody knows.
        overdue: That was two minutes ago or more, and no round is under way.
        scenes: All its scenes, newest first; empty where they were not asked for.
        page: Its page (``view.html``), on this machine; empty: there is none.
    """

    area: str
    in_file: bool
    last_scene: str | None
    last_acquired: datetime | None
    last_success: datetime | None
    states: Mapping[State, int]
    skips: Mapping[SkipKind, int]
    backlog: int
    failures: tuple[FailedScene, ...]
    round: RoundState
    round_began: datetime | None
    round_ended: datetime | None
    round_error: str | None
    rounds_failed: int
    next_run: datetime | None
    overdue: bool
    scenes: tuple[SceneStatus, ...] = ()
    page: str = ""

    def count(self, state: State) -> int:
        """How many scenes stand so.

        Args:
            state: What became of them.
        """
        return self.states.get(state, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchStatus:
    """How a watcher stands.

    Attributes:
        at: When it was asked, UTC.
        ledger: Which ledger, without password.
        begun: Whether there is a ledger at all; without one no round was ever run.
        areas: In the order of the file; those that only the ledger knows come last.
    """

    at: datetime
    ledger: str
    begun: bool
    areas: tuple[AreaStatus, ...] = field(default=())


def read_watch_status(
    settings: WatchSettings, *, area: str | None = None, scenes: bool = False, now: datetime | None = None
) -> WatchStatus:
    """Read how a watcher stands. No host and no destination is asked, and nothing is written.

    Args:
        settings: Of the watcher's file.
        area: Only this one; ``None``: all.
        scenes: Read every scene, too.
        now: With a time zone; ``None``: the clock of this machine.

    Returns:
        No text in it holds a secret that the settings name.

    Raises:
        AreasError: Neither the file nor the ledger has an area of this name.
        LedgerError: The ledger cannot be read.
        SecretError: A variable of the environment that the ledger needs is not set.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    ledger = _open(settings)
    # A reason of ten thousand scenes is looked at once.
    reader = _Reader(settings=settings, ledger=ledger, now=moment, hide=cache(settings.hide))
    return WatchStatus(
        at=moment,
        ledger=settings.hide(settings.ledger) if ledger is None else ledger.name,
        begun=ledger is not None,
        areas=tuple(reader.read(area, scenes=scenes)),
    )


def _open(settings: WatchSettings) -> Ledger | None:
    """The ledger; ``None`` where its file was not made yet, which the first round does."""
    url = settings.reveal_ledger_url()
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return None
    return open_ledger(url, create=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    settings: WatchSettings
    ledger: Ledger | None
    now: datetime
    hide: Callable[[str], str]

    def read(self, only: str | None, *, scenes: bool) -> list[AreaStatus]:
        summaries, rounds = ({}, {}) if self.ledger is None else (self.ledger.summarise(), self.ledger.read_rounds())
        listed = [area.name for area in self.settings.areas]
        names = [*listed, *(name for name in sorted(summaries.keys() | rounds.keys()) if name not in listed)]
        if only is not None and only not in names:
            raise AreasError(f"Expected one of the areas {', '.join(names)}, found {only!r}.")
        return [
            self._read_area(name, summaries.get(name) or AreaSummary(area=name), rounds.get(name), scenes=scenes)
            for name in names
            if only in {None, name}
        ]

    def _read_area(self, name: str, summary: AreaSummary, last: Round | None, *, scenes: bool) -> AreaStatus:
        in_file = any(area.name == name for area in self.settings.areas)
        state = self._assess_round(name, last)
        next_run = self._find_next_run(name, last) if in_file else None
        return AreaStatus(
            area=name,
            in_file=in_file,
            last_scene=summary.last_scene,
            last_acquired=summary.last_acquired,
            last_success=summary.last_success,
            states=summary.states,
            skips=summary.skips,
            backlog=summary.backlog,
            failures=tuple(self._show_failure(failure) for failure in summary.failures),
            round=state,
            round_began=last.began if last else None,
            round_ended=last.ended if last else None,
            round_error=self.hide(last.error) if last and last.error else None,
            rounds_failed=last.failures_in_a_row if last else 0,
            next_run=next_run,
            overdue=next_run is not None and next_run < self.now - _GRACE and state != "under way",
            scenes=self._read_scenes(name) if scenes else (),
            page=self._find_page(name) if in_file else "",
        )

    def _find_page(self, name: str) -> str:
        folders = AreaFolders(work=Path(self.settings.work), area=name)
        target = resolve_destination(self.settings.get_area(name).destination).folder
        path = folders.locate_page(target)
        return self.hide(str(path)) if path.is_file() else ""

    def _find_next_run(self, name: str, last: Round | None) -> datetime | None:
        """As the last round said; where none was, as the schedule says."""
        if last is not None and last.next_run is not None:
            return last.next_run
        return self.settings.get_area(name).timetable.next_after(self.now)

    def _assess_round(self, name: str, last: Round | None) -> RoundState:
        if last is None:
            return "never"
        if last.ended is not None:
            return "failed" if last.error else "well"
        if _is_locked(AreaFolders(work=Path(self.settings.work), area=name).home / "lock"):
            return "under way"
        rows = [] if self.ledger is None else self.ledger.rows(name, states=["working", "mapped"], items=False)
        lives = {read_holder_life(row.holder) for row in rows if row.holder is not None}
        return "under way" if lives - {"dead"} else "cut off"

    def _read_scenes(self, name: str) -> tuple[SceneStatus, ...]:
        rows = [] if self.ledger is None else self.ledger.rows(name, items=False)
        return tuple(self._show_scene(row) for row in reversed(rows))

    def _show_failure(self, failure: FailedScene) -> FailedScene:
        return FailedScene(
            acquisition=failure.acquisition,
            product=failure.product,
            error=self.hide(failure.error or ""),
            tries=failure.tries,
            next_try=failure.next_try,
        )

    def _show_scene(self, row: Row) -> SceneStatus:
        history = tuple(
            {key: self.hide(value) if isinstance(value, str) else value for key, value in event.items()}
            for event in row.history
        )
        return SceneStatus(
            product=row.product,
            acquisition=row.acquisition,
            acquired=row.acquired,
            state=row.state,
            skip=row.skip,
            reason=self.hide(row.reason),
            error=self.hide(row.last_error) if row.last_error else None,
            tries=row.tries,
            deaths=row.deaths,
            next_try=row.next_try,
            published_at=row.published_at,
            published_to=self.hide(row.published_to) if row.published_to else None,
            fingerprint=row.fingerprint,
            replaced=tuple(_as_replacement(event) for event in row.history if event["what"] == "replaced"),
            history=history,
        )


def _is_locked(path: Path) -> bool:
    """Whether a process of this machine holds a lock file. It is not tried: a round that began just then would give up.

    Source: proc_locks(5); the sixth field is the device and inode of the file.
    """
    try:
        inode = path.stat().st_ino
        return any(
            line.split()[5].endswith(f":{inode}") for line in _LOCKS.read_text().splitlines() if "->" not in line
        )
    except (OSError, IndexError):
        return False


def _as_replacement(event: Mapping[str, Any]) -> Replacement:
    return Replacement(
        at=datetime.fromisoformat(event["at"]), product=event["product"], state=event["state"], by=event["by"]
    )
