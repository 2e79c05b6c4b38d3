"""The ledger: what was seen, mapped, skipped, failed and published, for each area, in one table.

Several watchers may share one. A scene goes from ``seen`` by ``working`` and ``mapped`` to ``published``; or it is
``skipped``, or ``failed``, which may pass. Each step is one transaction, so that a watcher that is killed between two
leaves a ledger that says what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType

import sqlalchemy as sa

from pipeline.errors import OptionError
from pipeline.watch.ledger.claims import claim_rows, free_dead, release_rows, renew_rows
from pipeline.watch.ledger.database import Database, open_database
from pipeline.watch.ledger.failures import list_untold, mark_failures_told
from pipeline.watch.ledger.holder import Holder
from pipeline.watch.ledger.outcomes import (
    fail_row,
    list_prunable_rows,
    map_row,
    prune_rows,
    publish_row,
    retry_rows,
    skip_row,
)
from pipeline.watch.ledger.rounds import list_rounds, write_round
from pipeline.watch.ledger.sightings import record_sightings
from pipeline.watch.ledger.summary import summarise_areas
from pipeline.watch.ledger.tables import SCENES, as_row, prepare_tables
from pipeline.watch.ledger.values import (
    AreaSummary,
    BackOff,
    Counts,
    Failure,
    Round,
    Row,
    Sighting,
    SkipKind,
    State,
    utc_now,
)

__all__ = ["Ledger", "open_ledger"]


def open_ledger(
    url_or_path: str | Path,
    *,
    clock: Callable[[], datetime] = utc_now,
    lease_s: float = 180.0,
    create: bool = True,
) -> Ledger:
    """Open the ledger, and make its tables where there are none.

    Args:
        url_or_path: Path of an SQLite file, ``sqlite:///file`` or ``postgresql://user:password@host/database``.
        clock: Gives the time of now, with a time zone.
        lease_s: Seconds for which a scene stays in the hands of a watcher that this host cannot see, unless renewed.
        create: Make an SQLite file that is not there.

    Raises:
        LedgerError: The database is dead, unreadable, or written by a newer Strandline; in one line, without password.
        MissingExtraError: A library is not installed.
        OptionError: The lease is not above 0.
    """
    if not lease_s > 0:
        raise OptionError(f"Expected a lease of more than 0 s, found {lease_s}.")
    database = open_database(url_or_path, create=create)
    prepare_tables(database)
    return Ledger(database, clock=clock, lease_s=lease_s)


class Ledger:
    """A ledger that is open; no connection outlives a call, so it may be used by threads and after a fork."""

    def __init__(self, database: Database, *, clock: Callable[[], datetime], lease_s: float) -> None:
        """Keep what is needed; see ``open_ledger``.

        Args:
            database: With tables that are up to date.
            clock: Gives the time of now, with a time zone.
            lease_s: Seconds of a lease.
        """
        self._database = database
        self._clock = clock
        self.lease_s = lease_s

    def __repr__(self) -> str:
        """Without password."""
        return f"Ledger({self.name!r})"

    def __enter__(self) -> Ledger:
        """Nothing is to be done."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is to be closed; what is in hand is given back by ``release``."""

    @property
    def name(self) -> str:
        """Which database, for people; without password."""
        return self._database.name

    def record(self, area: str, sightings: Iterable[Sighting]) -> Counts:
        """Write down what a search found. Saying the same again changes nothing.

        A newer product of a known acquisition makes it ``seen`` again, whatever became of the older, and the history
        says so; where the older is in hand, once that work ends. An older product changes nothing. A reason to skip
        that has gone makes a scene ``seen``; one that has come changes nothing of what is in hand, mapped or published.

        Args:
            area: Name of the area.
            sightings: What was found.

        Returns:
            What the sightings came to.

        Raises:
            LedgerError: The database is away; nothing was written.
        """
        with self._database.write() as connection:
            return record_sightings(connection, area, sightings, now=self._clock())

    def claim(self, area: str, *, limit: int, holder: Holder | str, most_deaths: int = 8) -> list[Row]:
        """Take scenes in hand that are to be mapped or published, those acquired first first; no one else gets them.

        Args:
            area: Name of the area.
            limit: At most so many.
            holder: Who takes them.
            most_deaths: A scene that was in hand so often when a process died has failed for good.

        Returns:
            Rows whose state is ``working``; where ``is_mapped`` holds, only publishing is left.

        Raises:
            LedgerError: The database is away; nothing was taken.
        """
        name, now = str(holder), self._clock()
        with self._database.write() as connection:
            free_dead(connection, area, holder=name, most_deaths=most_deaths, now=now)
            rows = claim_rows(connection, area, limit=limit, holder=name, lease=self._lease, now=now)
        return [as_row(row) for row in rows]

    def renew(self, holder: Holder | str) -> int:
        """Hold on to all that is in hand for another lease.

        Args:
            holder: Who holds.

        Returns:
            How many scenes.
        """
        with self._database.write() as connection:
            return renew_rows(connection, holder=str(holder), lease=self._lease, now=self._clock())

    def release(self, holder: Holder | str) -> int:
        """Give back all that is in hand, as it was before; for a clean stop.

        Args:
            holder: Who held it.

        Returns:
            How many scenes.
        """
        with self._database.write() as connection:
            return release_rows(connection, holder=str(holder), now=self._clock())

    def mark_mapped(self, row: Row, holder: Holder | str, *, fingerprint: str, folder: str | Path) -> Row:
        """A map was made. The scene stays in hand, to be published.

        Args:
            row: As it was claimed.
            holder: Who has it in hand.
            fingerprint: Of the map.
            folder: Where it is.

        Raises:
            LostClaimError: Another watcher has taken the scene over.
        """
        with self._database.write() as connection:
            found = map_row(
                connection,
                row,
                str(holder),
                fingerprint=fingerprint,
                folder=str(folder),
                lease=self._lease,
                now=self._clock(),
            )
        return as_row(found)

    def mark_published(self, row: Row, holder: Holder | str, *, to: str) -> Row:
        """A map was published. The scene is out of hand.

        Args:
            row: As it was claimed.
            holder: Who has it in hand.
            to: Where to, without secrets.

        Raises:
            LostClaimError: Another watcher has taken the scene over.
        """
        with self._database.write() as connection:
            return as_row(publish_row(connection, row, str(holder), to=to, now=self._clock()))

    def mark_failed(
        self, row: Row, holder: Holder | str, *, error: str, may_pass: bool, back_off: BackOff | None = None
    ) -> Row:
        """Work on a scene failed. The scene is out of hand, and due again after a while, or never.

        Args:
            row: As it was claimed.
            holder: Who has it in hand.
            error: Why, without secrets.
            may_pass: Whether another try makes sense.
            back_off: When, and how often.

        Raises:
            LostClaimError: Another watcher has taken the scene over.
        """
        waits = (back_off or BackOff()) if may_pass else None
        with self._database.write() as connection:
            return as_row(fail_row(connection, row, str(holder), error=error, back_off=waits, now=self._clock()))

    def mark_skipped(self, row: Row, holder: Holder | str, *, kind: SkipKind, reason: str) -> Row:
        """A look at a scene showed that it is not to be mapped, until a newer product comes.

        Args:
            row: As it was claimed.
            holder: Who has it in hand.
            kind: Why.
            reason: The same for a person.

        Raises:
            LostClaimError: Another watcher has taken the scene over.
        """
        with self._database.write() as connection:
            return as_row(skip_row(connection, row, str(holder), kind=kind, reason=reason, now=self._clock()))

    def retry(self, area: str, products: Collection[str] | None = None) -> int:
        """Make failed scenes due at once.

        Args:
            area: Name of the area.
            products: Which, those among them that a look had set aside as well; ``None``: all failed ones.

        Returns:
            How many.
        """
        with self._database.write() as connection:
            return retry_rows(connection, area, products, now=self._clock())

    def rows(
        self, area: str | None = None, *, states: Collection[State] | None = None, items: bool = True
    ) -> list[Row]:
        """Rows by area and time of sensing.

        Args:
            area: Name of the area; ``None``: all.
            states: Which; ``None``: all.
            items: Read the STAC items, too, which are most of a ledger.
        """
        columns = [column for column in SCENES.columns if items or column.name != "item"]
        asked = sa.select(*columns).order_by(SCENES.c.area, SCENES.c.acquired, SCENES.c.id)
        if area is not None:
            asked = asked.where(SCENES.c.area == area)
        if states is not None:
            asked = asked.where(SCENES.c.state.in_(list(states)))
        with self._database.read() as connection:
            return [as_row(row) for row in connection.execute(asked).mappings()]

    def summarise(self) -> dict[str, AreaSummary]:
        """How each area stands that has scenes or rounds, by its name."""
        with self._database.read() as connection:
            return summarise_areas(connection)

    def note_round(
        self,
        area: str,
        *,
        began: datetime,
        ended: datetime | None,
        error: str | None = None,
        next_run: datetime | None = None,
    ) -> None:
        """Note that a round of an area began or ended.

        Args:
            area: Name of the area.
            began: When it began.
            ended: When it ended; ``None``: it is under way.
            error: Why it failed as a whole; scenes have failures of their own.
            next_run: When the next is due.
        """
        noted = Round(
            area=area,
            began=began,
            ended=ended,
            last_success=None,
            error=error,
            failures_in_a_row=0,
            next_run=next_run,
        )
        with self._database.write() as connection:
            write_round(connection, noted, now=self._clock())

    def read_rounds(self) -> dict[str, Round]:
        """The last round of each area, by its name."""
        with self._database.read() as connection:
            return list_rounds(connection)

    def untold(self) -> list[Failure]:
        """Failures that nobody was told of yet: scenes that failed for good, and rounds; the first first."""
        with self._database.read() as connection:
            return list_untold(connection)

    def mark_told(self, ids: Collection[str]) -> int:
        """Failures were told: after they were sent, so that none is lost.

        Args:
            ids: Of the failures.

        Returns:
            How many of them had not been told before.
        """
        with self._database.write() as connection:
            return mark_failures_told(connection, ids, now=self._clock())

    def list_prunable(self, area: str, *, before: datetime) -> list[Row]:
        """Published scenes whose files are still there, published before a time, the oldest first.

        Args:
            area: Name of the area.
            before: The time.
        """
        with self._database.read() as connection:
            return [as_row(row) for row in list_prunable_rows(connection, area, before=before)]

    def mark_pruned(self, rows: Collection[Row]) -> int:
        """The files of published scenes were removed for their age. The scenes stay published, and are not made again.

        Args:
            rows: As they were listed.

        Returns:
            How many; those that have changed since are passed over.
        """
        with self._database.write() as connection:
            return prune_rows(connection, rows, now=self._clock())

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self.lease_s)
