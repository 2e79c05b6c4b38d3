"""What each part of the ledger works with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from pipeline.watch.ledger.database import Database

__all__ = ["LedgerPart"]


class LedgerPart:
    """A ledger as its parts see it: a database whose tables are up to date, a clock, the length of a lease."""

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

    @property
    def _lease(self) -> timedelta:
        return timedelta(seconds=self.lease_s)
