"""What the ledger tells and is told: sightings, rows, failures, rounds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

from pipeline.errors import OptionError
from strandline import StrandlineError

__all__ = [
    "SKIP_KINDS",
    "AreaSummary",
    "BackOff",
    "Counts",
    "FailedScene",
    "Failure",
    "FailureKind",
    "Lane",
    "LedgerError",
    "LostClaimError",
    "Round",
    "Row",
    "Sighting",
    "SkipKind",
    "State",
    "compute_rank",
    "one_line",
    "utc_now",
]


class LedgerError(StrandlineError, OSError):
    """The ledger cannot be read or written."""

    exit_code = 5


class LostClaimError(LedgerError):
    """A scene is no longer in the hands of who wants to write what became of it."""


State = Literal["seen", "skipped", "working", "mapped", "published", "failed"]
SkipKind = Literal["cloud", "coverage", "duplicate", "season", "unfit", "limit", "excluded"]

Lane = Literal["new", "remap", "backfill"]
"""Why a scene is mapped: it is new; it was mapped with another model or other choices; it is of years before."""

FailureKind = Literal["round", "tried", "given up", "recovered"]
"""What is to be told: a round failed; a scene failed for the first time; for good; or went well after all."""

SKIP_KINDS: tuple[SkipKind, ...] = get_args(SkipKind)

_LONGEST_NAME = 400
_LONGEST_LINE = 2_000


def utc_now() -> datetime:
    """The time of now, in UTC."""
    return datetime.now(UTC)


def one_line(text: str) -> str:
    """A text that any database holds and any table shows: one line, no NUL, no broken surrogates, not endless.

    Args:
        text: Such as the message of an error.
    """
    flat = " ".join(text.replace("\0", " ").split()).encode("utf-8", "backslashreplace").decode("utf-8")
    return flat if len(flat) <= _LONGEST_LINE else flat[: _LONGEST_LINE - 1] + "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """A product as a search found it.

    Attributes:
        acquisition: Names what was taken, whichever product shows it; unique in an area.
        product: Id of the product.
        acquired: Time of sensing, with a time zone.
        baseline: Processing baseline, such as ``05.11``.
        generated: When the product was made, with a time zone; decides between products of one baseline.
        item: Its STAC item, whole.
        skip: Why it is not to be mapped; ``None``: it is.
        reason: The same for a person.
    """

    acquisition: str
    product: str
    acquired: datetime
    baseline: str | None = None
    generated: datetime | None = None
    item: Mapping[str, Any] = field(default_factory=dict)
    skip: SkipKind | None = None
    reason: str = ""

    def __post_init__(self) -> None:
        for name in ("acquisition", "product"):
            text = getattr(self, name)
            if not text or len(text) > _LONGEST_NAME or one_line(text) != text:
                raise OptionError(f"Expected a name of one line as {name} of a sighting, found {text[:80]!r}.")
        for name in ("acquired", "generated"):
            when = getattr(self, name)
            if when is not None and when.tzinfo is None:
                raise OptionError(f"Expected {name} of {self.product} with a time zone, found {when.isoformat()}.")
        if self.skip is not None and self.skip not in SKIP_KINDS:
            raise OptionError(f"Expected {', '.join(SKIP_KINDS)} as reason to skip, found {self.skip!r}.")

    @property
    def rank(self) -> tuple[tuple[int, ...], datetime]:
        """Grows with the baseline, then with the time of making."""
        return compute_rank(self.baseline, self.generated)


def compute_rank(baseline: str | None, generated: datetime | None) -> tuple[tuple[int, ...], datetime]:
    """Order products of one acquisition, older first.

    Args:
        baseline: Such as ``05.11``.
        generated: When the product was made.
    """
    numbers = tuple(int(part) for part in re.findall(r"\d+", baseline or ""))
    return numbers, generated or datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackOff:
    """How long to wait after a failure that may pass, and how often.

    Attributes:
        first_s: Seconds after the first failure.
        factor: By which each wait is longer than the one before.
        most_s: No wait is longer.
        tries: After so many failures it is final.
    """

    first_s: float = 60.0
    factor: float = 3.0
    most_s: float = 21_600.0
    tries: int = 8

    def __post_init__(self) -> None:
        if not (0 < self.first_s <= self.most_s and self.factor >= 1 and self.tries >= 1):
            raise OptionError(
                "Expected 0 < first_s ≤ most_s, a factor of 1 or more and one try at least, found "
                f"{self.first_s}, {self.most_s}, {self.factor}, {self.tries}."
            )

    def compute_wait(self, tries: int) -> timedelta | None:
        """How long to wait after so many failures; ``None``: no more.

        Args:
            tries: Failures so far, 1 or more.
        """
        if tries >= self.tries:
            return None
        # The power is bounded before it is taken, so that a great number of tries does not overflow.
        wait_s = self.first_s
        for _ in range(tries - 1):
            wait_s = min(wait_s * self.factor, self.most_s)
        return timedelta(seconds=wait_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What sightings came to; each counts once.

    Attributes:
        new: Acquisitions not known before, or no longer to be skipped: to be mapped.
        again: Known already, nothing changed.
        replaced: Newer products of known acquisitions, to be mapped.
        skipped: Those that stand as skipped now, known before or not.
    """

    new: int = 0
    again: int = 0
    replaced: int = 0
    skipped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An acquisition of an area, and what became of it.

    Attributes:
        id: Of the row.
        area: Name of the area.
        acquisition: As sighted.
        product: The newest product that was sighted, or the one that is being mapped.
        acquired: Time of sensing, UTC.
        baseline: Processing baseline.
        generated: When the product was made.
        state: What became of it.
        skip: Why it was skipped.
        reason: The same for a person.
        tries: Failures of this product so far.
        deaths: How often a process ended while it had this product in hand.
        last_error: The last failure of this product, a line.
        next_try: When a failed one is due; ``None`` where it failed for good.
        holder: Who has it in hand.
        lease_until: Until when, unless renewed.
        fence: Number of the claim; grows with each.
        fingerprint: Of the map that was made.
        folder: Where the map is; ``None`` once pruned.
        published_at: When it was last published; of an older product while a newer one is not.
        published_to: Where to.
        first_seen: When the acquisition was first sighted.
        changed: When the row last changed.
        history: What happened, oldest first; each with ``at`` and ``what``.
        item: STAC item of the product.
        failure_id: Of the last failure that was told or is to be, until a map is published; tells it from all others.
        told: When that was told.
        pruned_at: When the map's files were removed for their age.
        lane: Why it is mapped.
        recipe: Names the model and the choices of its map; ``None``: not known, or it has none.
    """

    id: int
    area: str
    acquisition: str
    product: str
    acquired: datetime
    baseline: str | None
    generated: datetime | None
    state: State
    skip: SkipKind | None
    reason: str
    tries: int
    deaths: int
    last_error: str | None
    next_try: datetime | None
    holder: str | None
    lease_until: datetime | None
    fence: int
    fingerprint: str | None
    folder: str | None
    published_at: datetime | None
    published_to: str | None
    first_seen: datetime
    changed: datetime
    history: tuple[Mapping[str, Any], ...]
    item: Mapping[str, Any]
    failure_id: str | None
    told: datetime | None
    pruned_at: datetime | None
    lane: Lane = "new"
    recipe: str | None = None

    @property
    def maps(self) -> tuple[str, ...]:
        """Names of all maps that were made of it, oldest first; a product's next map has the same name."""
        made = (Path(str(event["folder"])).name for event in self.history if event.get("what") == "mapped")
        return tuple(dict.fromkeys(made))

    @property
    def is_excluded(self) -> bool:
        """Whether somebody took it out by hand."""
        return self.state == "skipped" and self.skip == "excluded"

    @property
    def is_final(self) -> bool:
        """Whether it failed for good."""
        return self.state == "failed" and self.next_try is None

    @property
    def is_mapped(self) -> bool:
        """Whether its map is made, so that only publishing is left."""
        return self.folder is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A failure to be told, or its end.

    Attributes:
        id: The same however often it is told: who gets it twice can know.
        area: Name of the area.
        product: Scene; ``None``: a round of the area failed.
        kind: What is told.
        error: Why, a line; of a scene that went well after all, what its last failure was.
        tries: How often, when it was noted.
        at: When it was noted, UTC.
    """

    id: str
    area: str
    product: str | None
    error: str
    tries: int
    at: datetime
    kind: FailureKind


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedScene:
    """A scene that stands as failed.

    Attributes:
        acquisition: As sighted.
        product: As sighted.
        error: Why, a line.
        tries: How often it failed.
        next_try: When it is due again; ``None``: it failed for good.
    """

    acquisition: str
    product: str
    error: str
    tries: int
    next_try: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaSummary:
    """How an area stands.

    Attributes:
        area: Its name.
        states: Scenes by state; states without any are not in it.
        skips: Skipped scenes by reason, likewise.
        last_scene: Product of the scene acquired last, whatever became of it.
        last_acquired: When that was.
        last_success: When a scene was last published.
        backlog: Scenes that are still to be mapped or published, those that wait for another try among them.
        failures: Scenes that stand as failed, oldest first.
    """

    area: str
    states: Mapping[State, int] = field(default_factory=dict)
    skips: Mapping[SkipKind, int] = field(default_factory=dict)
    last_scene: str | None = None
    last_acquired: datetime | None = None
    last_success: datetime | None = None
    backlog: int = 0
    failures: tuple[FailedScene, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """The last round of an area: one search, and the work that it gave.

    Attributes:
        area: Its name.
        began: When it began, UTC.
        ended: When it ended; ``None``: it is under way, or was killed.
        last_success: When a round last ended without an error of its own.
        error: Why the last one that ended failed, a line.
        failures_in_a_row: How many failed since the last success.
        next_run: When the next is due.
        backfilled: Which days of the past were searched, in the words of who searched.
    """

    area: str
    began: datetime
    ended: datetime | None
    last_success: datetime | None
    error: str | None
    failures_in_a_row: int
    next_run: datetime | None
    backfilled: str | None = None
