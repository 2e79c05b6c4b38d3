"""Tell of what failed, of what went well again, and of a ledger that is away."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from pipeline.errors import OutputError
from pipeline.watch.areas.file import WatchSettings
from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import Failure, Round
from pipeline.watch.notify.events import Event, make_event_id, send_event
from pipeline.watch.notify.settings import EventKind
from pipeline.watch.outbox import Outbox

__all__ = ["LedgerOutage", "hand_over_failures", "make_recovered", "put_or_send"]


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
    """Take failures of an area from the ledger that nobody was told of; of several watchers, one gets each.

    Args:
        ledger: That knows them.
        outbox: From which they are told.
        settings: Of the watcher.
        area: Name of the area.
        now: With a time zone.

    Raises:
        LedgerError: The ledger is away.
    """
    for failure in (one for one in ledger.untold() if one.area == area):
        event = _make_failure(failure)
        if put_or_send(outbox, [event], settings, now=now) and not ledger.mark_told([failure.id]):
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


def _make_failure(failure: Failure) -> Event:
    what = failure.product or "the round"
    tries = f" after {failure.tries} tries" if failure.product and failure.tries > 1 else ""
    return Event(
        kind="failure",
        area=failure.area,
        title=f"{failure.area}: {what} failed{tries}",
        text=failure.error,
        facts={"product": failure.product, "tries": failure.tries, "at": failure.at.isoformat()},
        id=make_event_id("failure", failure.id),
    )


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
