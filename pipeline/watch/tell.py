"""Tell of what failed, of what went well again, and of a ledger that is away.

What became of scenes is told as a digest: a message a round, however many scenes there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pipeline.errors import OutputError
from pipeline.watch.areas.file import WatchSettings
from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import Failure, FailureKind, Round
from pipeline.watch.notify.events import Event, make_event_id, send_event
from pipeline.watch.notify.settings import EventKind
from pipeline.watch.outbox import Outbox

__all__ = ["LedgerOutage", "hand_over_failures", "make_recovered", "put_or_send"]

_OUTCOMES: Final[dict[FailureKind, str]] = {
    "tried": "failed, and will be tried again",
    "given up": "failed for good",
    "recovered": "went well after all",
}

_MOST_NAMED: Final = 10
"""Scenes that the text of a digest names."""

_MOST_LISTED: Final = 100
"""Scenes that its facts list."""


def put_or_send(outbox: Outbox, events: Iterable[Event], settings: WatchSettings, *, now: datetime) -> bool:
    """Keep events to be told; where the disk does not take them, tell them at once.

    Args:
        outbox: Where they are kept.
        events: What happened.
        settings: Of the watcher.
        now: With a time zone.

    Returns:
        Whether each is kept or told.
    """
    sure = True
    for event in events:
        try:
            outbox.put(event, now=now)
        except OutputError:
            sure &= all(delivery.delivered for delivery in send_event(event, settings.notifications))
    return sure


def hand_over_failures(ledger: Ledger, outbox: Outbox, settings: WatchSettings, area: str, *, now: datetime) -> None:
    """Take from the ledger what nobody was told of: a message for scenes that failed, one for those that went well.

    Of several watchers one gets each failure.

    Args:
        ledger: That knows them.
        outbox: From which they are told.
        settings: Of the watcher.
        area: Name of the area.
        now: With a time zone.

    Raises:
        LedgerError: The ledger is away.
    """
    untold = [failure for failure in ledger.untold() if failure.area == area]
    # Who was killed after a message was kept, and before that was noted, left it to be sent.
    kept = {str(name) for event in outbox.list_events() for name in event.facts.get("failure_ids", ())}
    if untold and kept:
        ledger.mark_told(kept)
    for failures in _sort_into_messages([failure for failure in untold if failure.id not in kept]):
        _hand_over(failures, ledger, outbox, settings, now=now)


def _sort_into_messages(untold: Sequence[Failure]) -> Iterator[list[Failure]]:
    """A failed round is a message of its own; scenes that failed are one, and so are those that went well."""
    yield from ([failure] for failure in untold if failure.kind == "round")
    for kinds in ({"tried", "given up"}, {"recovered"}):
        if together := [failure for failure in untold if failure.kind in kinds]:
            yield together


def _hand_over(
    failures: list[Failure], ledger: Ledger, outbox: Outbox, settings: WatchSettings, *, now: datetime
) -> None:
    event = _make_message(failures)
    if not put_or_send(outbox, [event], settings, now=now):
        return
    marked = ledger.mark_told({failure.id for failure in failures})
    if len(marked) < len(failures):  # another watcher found some of them in the same moment, and tells those
        if ours := [failure for failure in failures if failure.id in marked]:
            put_or_send(outbox, [_make_message(ours)], settings, now=now)
        outbox.drop(event)


def make_recovered(noted: Round | None, area: str) -> Event | None:
    """What is told where a round went well after some that had not; ``None``: they all went well.

    Args:
        noted: The area's last round before this one.
        area: Its name.
    """
    if noted is None or not noted.failures_in_a_row:
        return None
    since = noted.last_success.isoformat() if noted.last_success else "the beginning"
    return Event(
        kind="recovered",
        area=area,
        title=f"{area}: rounds go well again",
        text=f"A round went well after {noted.failures_in_a_row} that failed. The last failure was: {noted.error}",
        facts={"failures": noted.failures_in_a_row},
        id=make_event_id("recovered", area, since),
    )


def _make_message(failures: Sequence[Failure]) -> Event:
    """What is told of a failed round, or of some scenes."""
    first, names = failures[0], sorted(failure.id for failure in failures)
    facts: dict[str, Any] = {"at": first.at.isoformat(), "failure_ids": names}
    if first.kind == "round":
        return Event(
            kind="failure",
            area=first.area,
            title=f"{first.area}: the round failed",
            text=first.error,
            facts=facts,
            id=make_event_id("failure", *names),
        )
    kind: EventKind = "recovered" if first.kind == "recovered" else "failure"
    return Event(
        kind=kind,
        area=first.area,
        title=f"{first.area}: {_sum_up(failures)}",
        text=_describe_scenes(failures),
        facts={**facts, "count": len(failures), "scenes": [_describe_scene(one) for one in failures[:_MOST_LISTED]]},
        id=make_event_id(kind, *names),
    )


def _sum_up(failures: Sequence[Failure]) -> str:
    """How many scenes came to what, in a line; a scene that is alone is named."""
    words = []
    for kind, outcome in _OUTCOMES.items():
        some = [failure for failure in failures if failure.kind == kind]
        who = str(some[0].product) if len(some) == 1 else f"{len(some)} scenes"
        alone = kind == "given up" and len(some) == 1 and some[0].tries > 1
        words += [f"{who} {outcome}{f' after {some[0].tries} tries' if alone else ''}"] if some else []
    return "; ".join(words)


def _describe_scenes(failures: Sequence[Failure]) -> str:
    """A line a scene; of those that went well, what had been wrong."""
    before = " (before: {})" if failures[0].kind == "recovered" else ": {}"
    lines = [
        f"{failure.product}{' failed for good' if failure.kind == 'given up' else ''}{before.format(failure.error)}"
        for failure in failures[:_MOST_NAMED]
    ]
    more = len(failures) - _MOST_NAMED
    return "\n".join([*lines, *([f"… and {more} more: strandline status has all."] if more > 0 else [])])


def _describe_scene(failure: Failure) -> dict[str, Any]:
    return {
        "product": failure.product,
        "state": failure.kind,
        "tries": failure.tries,
        "error": failure.error,
        "at": failure.at.isoformat(),
    }


class LedgerOutage:
    """Remembers, without the ledger, that it is away: told once, by whichever area finds it first."""

    def __init__(self, settings: WatchSettings) -> None:
        """Keep what is needed; nothing is written.

        Args:
            settings: Of the watcher.
        """
        self._settings = settings
        # Empty files: their names are all that is needed, so that a full disk takes them too.
        self._mark = Path(settings.work) / "ledger.away"
        self._told = Path(settings.work) / "ledger.away.told"

    def begin(self, error: str) -> None:
        """The ledger is away; the first to find it tells.

        Args:
            error: Why, without secrets.
        """
        with suppress(OSError):
            self._mark.parent.mkdir(parents=True, exist_ok=True)
            # A mark that stands keeps its time: since then the ledger is away, whoever finds it so later.
            self._mark.touch(exist_ok=False)
        if not self._told.exists():
            title = "The ledger is away, and nothing is mapped until it is back"
            if self._send("failure", title, error):
                with suppress(OSError):
                    self._told.touch()

    def end(self) -> None:
        """The ledger is there; where it was away, that is told, by one of all areas."""
        if not self._mark.exists():
            return
        told = self._told.exists()
        if not told or self._send("recovered", "The ledger is back", "Rounds go on where they were."):
            for path in (self._told, self._mark):
                path.unlink(missing_ok=True)

    def _send(self, kind: EventKind, title: str, text: str) -> bool:
        with suppress(OSError):
            since = datetime.fromtimestamp(self._mark.stat().st_mtime, UTC).isoformat()
            event = Event(
                kind=kind,
                area="all",
                title=title,
                text=text,
                facts={"since": since},
                id=make_event_id("ledger", kind, since),
            )
            return all(delivery.delivered for delivery in send_event(event, self._settings.notifications))
        return False
