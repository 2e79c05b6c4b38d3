"""What a round of a watcher is told and tells: its steps, its events, its folders, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

from pipeline.record.result import PAGE_NAME
from pipeline.watch.areas.settings import RetrySettings
from pipeline.watch.ledger.values import BackOff, Counts, LedgerError, Row

__all__ = [
    "AreaFolders",
    "Level",
    "Mapped",
    "Report",
    "RoundReport",
    "Step",
    "compute_back_off",
    "run_plainly",
    "say_nothing",
]

T = TypeVar("T")

Level = Literal["info", "warning", "error"]

Report = Callable[[Mapping[str, Any]], None]
"""Told what happens, as values that JSON can hold: ``event``, ``area``, ``text`` (a line), ``level``, and facts."""


class Step(Protocol):
    """Runs one step of a round; an engine may log it, time it, and run it again where it raises what may pass."""

    def __call__(self, name: str, work: Callable[[], T], /) -> T:
        """Run a step.

        Args:
            name: ``search``, ``backfill``, ``prune``, ``withdraw``, ``map``, ``publish``, ``measure`` or ``tell``.
            work: To be called; it may be called again.
        """
        ...


def run_plainly(_name: str, work: Callable[[], T], /) -> T:
    """A step without an engine."""
    return work()


def say_nothing(_event: Mapping[str, Any]) -> None:
    """Events that nobody wants to hear of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaFolders:
    """Where a watcher works for one area.

    Attributes:
        work: Folder of the watcher.
        area: Name of the area.
    """

    work: Path
    area: str

    @property
    def home(self) -> Path:
        """All of the area's."""
        return self.work / "areas" / self.area

    @property
    def scenes(self) -> Path:
        """Maps, a folder a scene."""
        return self.home / "scenes"

    @property
    def changes(self) -> Path:
        """Comparisons, a folder a scene."""
        return self.home / "changes"

    @property
    def measures(self) -> Path:
        """Where the time series is made."""
        return self.home / "measures"

    @property
    def outbox(self) -> Path:
        """What is still to be told."""
        return self.home / "outbox"

    def locate_page(self, target: Path | None) -> Path:
        """Where the page of the area stands: at its destination, or here where that is no folder of this machine.

        Args:
            target: The destination's folder; ``None``: a store.
        """
        return (self.home if target is None else target) / PAGE_NAME

    @property
    def stale_mark(self) -> Path:
        """Stands where the catalogue of the destination is to be written again."""
        return self.home / "catalogue.stale"

    @property
    def silence_mark(self) -> Path:
        """Stands while it is told that no new scene comes, and says since when."""
        return self.home / ".silence"

    @property
    def sweep_mark(self) -> Path:
        """Its age is that of the last look for leftovers at the destination."""
        return self.home / "swept"


@dataclass(slots=True, kw_only=True)
class Mapped:
    """What became of scenes.

    Attributes:
        rows: Those whose map stands, as the ledger has them now.
        mapped: How many were mapped just now.
        failed: How many failed.
        trouble: A ledger that went away while scenes were mapped; the maps stand, and are found again.
    """

    rows: list[Row] = field(default_factory=list)
    mapped: int = 0
    failed: int = 0
    trouble: LedgerError | None = None


def compute_back_off(retries: RetrySettings) -> BackOff:
    """The pauses of the ledger, from those of the file.

    Args:
        retries: Of an area.
    """
    wait_s = max(retries.wait.total_seconds(), 0.001)
    longest_s = max(retries.longest.total_seconds(), wait_s)
    return BackOff(first_s=wait_s, factor=2.0, most_s=longest_s, tries=retries.times + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundReport:
    """What came of a round.

    Attributes:
        area: Name of the area.
        began: When it began, UTC.
        ended: When it ended.
        error: Why it failed as a whole, a line; scenes have failures of their own.
        busy: Another process is at this area, and nothing was done.
        found: What the search came to; ``None`` where it failed.
        mapped: Scenes that were mapped.
        published: Scenes that were published.
        failed: Scenes that failed, for good or until the next try.
        alerts: Comparisons with an alert.
        backlog: Scenes that wait for a next round.
        notes: What the operator should be told, a sentence each.
        seconds: How long it took, whatever the clock did meanwhile.
    """

    area: str
    began: datetime
    ended: datetime
    error: str | None = None
    busy: bool = False
    found: Counts | None = None
    mapped: int = 0
    published: int = 0
    failed: int = 0
    alerts: int = 0
    backlog: int = 0
    notes: tuple[str, ...] = ()
    seconds: float = 0.0

    def line(self) -> str:
        """The round in a line for people."""
        if self.busy:
            return f"{self.area}: another process is at it; nothing was done."
        parts = [f"{self.mapped} mapped", f"{self.published} published", f"{self.failed} failed"]
        if self.found is not None:
            parts = [
                f"{self.found.new} new",
                f"{self.found.replaced} replaced",
                f"{self.found.skipped} skipped",
                *parts,
            ]
        if self.alerts:
            parts.append(f"{self.alerts} with an alert")
        if self.backlog:
            parts.append(f"{self.backlog} wait")
        text = f"{self.area}: {', '.join(parts)}; {self.seconds:.0f} s"
        return f"{text}. The round failed: {self.error}" if self.error else f"{text}."
