"""Take scenes in hand, so that no two watchers do one scene twice, and free what dead watchers had.

A process of this host is asked whether it lives; no clock can be wrong about that. For a process of another host a
lease decides.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from pipeline.watch.ledger.failures import describe_failure
from pipeline.watch.ledger.holder import Holder, read_holder_life
from pipeline.watch.ledger.part import LedgerPart
from pipeline.watch.ledger.rows import FREE, add_history, apply_pending, change_row
from pipeline.watch.ledger.tables import SCENES, make_row
from pipeline.watch.ledger.values import LedgerError, Row

__all__ = ["CLOCKS_DIFFER", "Claims", "LeaseState", "compute_lease_state"]

_LOG = logging.getLogger(__name__)

CLOCKS_DIFFER = timedelta(minutes=5)
"""Clocks of two hosts may differ by so much without one of them having jumped."""

_TROUBLESOME = 2
"""A scene that cost so many processes their life is taken up after all others."""


class Claims(LedgerPart):
    """The part of the ledger that gives scenes into hands and takes them back."""

    def claim(
        self, area: str, *, limit: int, holder: Holder | str, most_deaths: int = 8, newest_first: bool = False
    ) -> list[Row]:
        """Take scenes in hand that are to be mapped or published; no one else gets them.

        What is new goes first, then what is to be mapped again, then what is of years before; of each what was acquired
        first first.

        Args:
            area: Name of the area.
            limit: At most so many.
            holder: Who takes them.
            most_deaths: A scene that was in hand so often when a process died has failed for good.
            newest_first: Of years before what was acquired last goes first.

        Returns:
            Rows whose state is ``working``; where ``is_mapped`` holds, only publishing is left.

        Raises:
            LedgerError: The database is away; nothing was taken.
        """
        name, now = str(holder), self._clock()
        columns = SCENES.c
        query = (
            sa.select(SCENES)
            .where(columns.area == area, columns.holder.is_(None), _is_due(now))
            .order_by(columns.deaths >= _TROUBLESOME, *_rank_lanes(newest_first=newest_first), columns.id)
            .limit(limit)
        )
        with self._database.write() as connection:
            # What dead watchers had is due again, and may be among what is taken.
            _free_dead(connection, area, holder=name, most_deaths=most_deaths, now=now)
            due = connection.execute(query).mappings().all()
            taken = [row["id"] for row in due if _take(connection, row, holder=name, lease=self._lease, now=now)]
            rows = connection.execute(sa.select(SCENES).where(columns.id.in_(taken))).mappings().all()
        return [make_row(row) for row in sorted(rows, key=lambda row: taken.index(row["id"]))]

    def renew(self, holder: Holder | str) -> int:
        """Hold on to all that is in hand for another lease; ends the doubts of others.

        Args:
            holder: Who holds.

        Returns:
            How many scenes.
        """
        with self._database.write() as connection:
            now = self._clock()
            values = {"renewed_at": now, "lease_until": now + self._lease, "doubted_at": None}
            return connection.execute(sa.update(SCENES).where(SCENES.c.holder == str(holder)).values(values)).rowcount

    @contextmanager
    def keep_renewed(self, holder: Holder | str) -> Iterator[None]:
        """Renew what a holder has in hand, three times a lease, while the block runs.

        A database that is away is asked again at the next time; whether the scenes were lost meanwhile is told where
        the result is written down.

        Args:
            holder: Who has scenes in hand.
        """
        has_ended = threading.Event()

        def renew_again() -> None:
            while not has_ended.wait(self.lease_s / 3):
                try:
                    self.renew(holder)
                except LedgerError as error:
                    _LOG.warning("%s", error)

        thread = threading.Thread(target=renew_again, name="strandline-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            has_ended.set()
            thread.join()

    def release(self, holder: Holder | str) -> int:
        """Give back all that is in hand, as it was before; for a clean stop.

        Args:
            holder: Who held it.

        Returns:
            How many scenes.
        """
        query = sa.select(SCENES).where(SCENES.c.holder == str(holder))
        with self._database.write() as connection:
            now = self._clock()
            return sum(
                change_row(connection, row, apply_pending(row, now=now) or _give_back(row), now=now)
                for row in connection.execute(query).mappings().all()
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseState:
    """What a look at a lease showed.

    Attributes:
        has_run_out: Whether the work may be taken over.
        doubted_at: Since when the lease is doubted; to be kept until the next look.
    """

    has_run_out: bool
    doubted_at: datetime | None


def compute_lease_state(
    *, renewed_at: datetime, lease_until: datetime, doubted_at: datetime | None, now: datetime
) -> LeaseState:
    """Look at a lease: it has run out where it seems so twice, half a lease apart by the clock of who looks.

    Args:
        renewed_at: When it was last renewed, by its holder's clock.
        lease_until: Until when it runs, by its holder's clock.
        doubted_at: As the last look left it; ``None`` where it was renewed since.
        now: By the clock of who looks.
    """
    # A lease that begins in the future is one of a clock that has gone back since.
    is_doubtful = now >= lease_until or now < renewed_at - CLOCKS_DIFFER
    if not is_doubtful:
        return LeaseState(has_run_out=False, doubted_at=None)
    if doubted_at is None or doubted_at > now:
        return LeaseState(has_run_out=False, doubted_at=now)
    return LeaseState(has_run_out=now - doubted_at >= (lease_until - renewed_at) / 2, doubted_at=doubted_at)


def _rank_lanes(*, newest_first: bool) -> tuple[sa.ColumnElement[Any], ...]:
    """The order within what is due: by lane, and in each by time."""
    columns = SCENES.c
    lanes = sa.case({"new": 0, "remap": 1}, value=columns.lane, else_=2)
    if not newest_first:
        return lanes, columns.acquired
    # Of the last lane all are alike in the second rank, so that the third, backwards in time, decides.
    forwards = sa.case((columns.lane == "backfill", None), else_=columns.acquired)
    return lanes, forwards, columns.acquired.desc()


def _is_due(now: datetime) -> sa.ColumnElement[bool]:
    """What there is to do: a failure noted in the future means that the clock has gone back, and is due as well."""
    columns = SCENES.c
    has_waited = sa.or_(columns.next_try <= now, columns.changed > now + CLOCKS_DIFFER)
    return sa.or_(
        columns.state.in_(["seen", "mapped"]),
        sa.and_(columns.state == "failed", columns.next_try.is_not(None), has_waited),
    )


def _take(connection: sa.Connection, row: RowMapping, *, holder: str, lease: timedelta, now: datetime) -> bool:
    changes = {
        "state": "working",
        "before": row["state"],
        "holder": holder,
        "fence": row["fence"] + 1,
        "renewed_at": now,
        "lease_until": now + lease,
        "doubted_at": None,
        "changed": now,
    }
    return change_row(connection, row, changes, now=now)


def _free_dead(connection: sa.Connection, area: str, *, holder: str, most_deaths: int, now: datetime) -> None:
    """Free what is in the hands of processes that are dead, or seem to be; the holder's own scenes stay with it."""
    query = sa.select(SCENES).where(SCENES.c.area == area, SCENES.c.holder.is_not(None), SCENES.c.holder != holder)
    for row in connection.execute(query).mappings().all():
        life = read_holder_life(row["holder"])
        if life == "dead" or (life == "unknown" and _has_run_out(connection, row, now=now)):
            _free(connection, row, most_deaths=most_deaths, now=now)


def _has_run_out(connection: sa.Connection, row: RowMapping, *, now: datetime) -> bool:
    """Whether a lease has run out; where it seems so for the first time, that is written down."""
    lease = compute_lease_state(
        renewed_at=row["renewed_at"], lease_until=row["lease_until"], doubted_at=row["doubted_at"], now=now
    )
    if lease.doubted_at != row["doubted_at"]:
        change_row(connection, row, {"doubted_at": lease.doubted_at}, now=now)
    return lease.has_run_out


def _free(connection: sa.Connection, row: RowMapping, *, most_deaths: int, now: datetime) -> None:
    deaths = row["deaths"] + 1
    event: dict[str, Any] | None = {"what": "freed", "holder": row["holder"], "deaths": deaths}
    changes: dict[str, Any] = {**_give_back(row), "deaths": deaths}
    if row["pending"]:
        # The newer product has killed nobody yet, so it begins without deaths.
        history = add_history(row["history"], {"what": "freed", "holder": row["holder"]}, now=now)
        changes = apply_pending({**row, "history": history}, now=now)
        event = None
    elif deaths >= most_deaths:
        error = (
            f"{deaths} processes ended while they had this scene in hand: see the log and the memory of the machine, "
            "then strandline watch --once --retry."
        )
        changes |= describe_failure(row, error, next_try=None, now=now)
        event = {"what": "failed", "error": error, "deaths": deaths}
    change_row(connection, row, changes, now=now, event=event)


def _give_back(row: RowMapping) -> dict[str, Any]:
    """A scene goes out of hand, and the claim with it: whatever its holder still says of it counts no more."""
    return {**FREE, "state": _state_before(row), "fence": row["fence"] + 1}


def _state_before(row: RowMapping) -> str:
    """The state that a scene in hand returns to: a map that was made meanwhile stays made."""
    return str(row["before"] if row["state"] == "working" else row["state"])
