"""The ledger: what was seen, mapped, skipped, failed and published, for each area, in one table.

Several watchers may share one. A scene goes from ``seen`` by ``working`` and ``mapped`` to ``published``; or it is
``skipped``, also by hand, or ``failed``, which may pass. Each step is one transaction, so that a watcher that is killed
between two leaves a ledger that says what was done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from pipeline.errors import OptionError
from pipeline.watch.ledger.claims import Claims
from pipeline.watch.ledger.database import open_database
from pipeline.watch.ledger.failures import Failures
from pipeline.watch.ledger.outcomes import Outcomes
from pipeline.watch.ledger.requests import Requests
from pipeline.watch.ledger.rounds import Rounds
from pipeline.watch.ledger.sightings import Sightings
from pipeline.watch.ledger.summary import Summaries
from pipeline.watch.ledger.tables import SCENES, make_row, prepare_tables
from pipeline.watch.ledger.values import Row, State, utc_now

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


class Ledger(Sightings, Claims, Outcomes, Requests, Failures, Rounds, Summaries):
    """A ledger that is open; no connection outlives a call, so it needs no closing, and serves threads and forks."""

    def __repr__(self) -> str:
        """Without password."""
        return f"Ledger({self.name!r})"

    @property
    def name(self) -> str:
        """Which database, for people; without password."""
        return self._database.name

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
        query = sa.select(*columns).order_by(SCENES.c.area, SCENES.c.acquired, SCENES.c.id)
        if area is not None:
            query = query.where(SCENES.c.area == area)
        if states is not None:
            query = query.where(SCENES.c.state.in_(list(states)))
        with self._database.read() as connection:
            return [make_row(row) for row in connection.execute(query).mappings()]
