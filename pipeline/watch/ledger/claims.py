"""Take scenes in hand, so that no two watchers do one scene twice, and free what dead watchers had.

A process of this host is asked whether it lives; no clock can be wrong about that. For a process of another host a
lease decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from pipeline.watch.ledger.failures import note_final_failure
from pipeline.watch.ledger.holder import judge_holder
from pipeline.watch.ledger.rows import FREE, add_history, apply_pending, change_row
from pipeline.watch.ledger.tables import SCENES

__all__ = ["CLOCKS_DIFFER", "LeaseLook", "claim_rows", "free_dead", "judge_lease", "release_rows", "renew_rows"]

CLOCKS_DIFFER = timedelta(minutes=5)
"""Clocks of two hosts may differ by so much without one of them having jumped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseLook:
    """What a look at a lease showed.

    Attributes:
        has_run_out: Whether the work may be taken over.
        doubted_at: Since when the lease is doubted; to be kept until the next look.
    """

    has_run_out: bool
    doubted_at: datetime | None


def judge_lease(
    *, renewed_at: datetime, lease_until: datetime, doubted_at: datetime | None, now: datetime
) -> LeaseLook:
    """Look at a lease.

    Args:
        renewed_at: When it was last renewed, by its holder's clock.
        lease_until: Until when it runs, by its holder's clock.
        doubted_at: As the last look left it; ``None`` where it was renewed since.
        now: By the clock of who looks.
    """
    # A lease that begins in the future is one of a clock that has gone back since.
    seems_so = now >= lease_until or now < renewed_at - CLOCKS_DIFFER
    if not seems_so:
        return LeaseLook(has_run_out=False, doubted_at=None)
    if doubted_at is None or doubted_at > now:
        return LeaseLook(has_run_out=False, doubted_at=now)
    return LeaseLook(has_run_out=now - doubted_at >= (lease_until - renewed_at) / 2, doubted_at=doubted_at)


_TROUBLESOME = 2
"""A scene that cost so many processes their life is taken up after all others."""


def claim_rows(
    connection: sa.Connection, area: str, *, limit: int, holder: str, lease: timedelta, now: datetime
) -> list[RowMapping]:
    """Take scenes in hand, the oldest first.

    Args:
        connection: In a transaction that writes.
        area: Name of the area.
        limit: At most so many.
        holder: Who takes them.
        lease: For how long, unless renewed.
        now: When.

    Returns:
        As they stand now.
    """
    columns = SCENES.c
    asked = (
        sa.select(SCENES)
        .where(columns.area == area, columns.holder.is_(None), _is_due(now))
        .order_by(columns.deaths >= _TROUBLESOME, columns.acquired, columns.id)
        .limit(limit)
    )
    mine = []
    for row in connection.execute(asked).mappings().all():
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
        if change_row(connection, row, changes, now=now):
            mine.append(row["id"])
    found = connection.execute(sa.select(SCENES).where(columns.id.in_(mine))).mappings().all()
    return sorted(found, key=lambda row: mine.index(row["id"]))


def _is_due(now: datetime) -> sa.ColumnElement[bool]:
    """What there is to do: a failure noted in the future means that the clock has gone back, and is due as well."""
    columns = SCENES.c
    waited = sa.or_(columns.next_try <= now, columns.changed > now + CLOCKS_DIFFER)
    return sa.or_(
        columns.state.in_(["seen", "mapped"]),
        sa.and_(columns.state == "failed", columns.next_try.is_not(None), waited),
    )


def free_dead(connection: sa.Connection, area: str, *, holder: str, most_deaths: int, now: datetime) -> None:
    """Free what is in the hands of processes that are dead, or seem to be.

    Args:
        connection: In a transaction that writes.
        area: Name of the area.
        holder: Who asks; its own scenes stay with it.
        most_deaths: A scene that was in hand so often when a process died has failed for good.
        now: When.
    """
    asked = sa.select(SCENES).where(SCENES.c.area == area, SCENES.c.holder.is_not(None), SCENES.c.holder != holder)
    for row in connection.execute(asked).mappings().all():
        life = judge_holder(row["holder"])
        if life == "dead" or (life == "unknown" and _has_run_out(connection, row, now=now)):
            _free(connection, row, most_deaths=most_deaths, now=now)


def _has_run_out(connection: sa.Connection, row: RowMapping, *, now: datetime) -> bool:
    """Whether a lease has run out; where it seems so for the first time, that is written down."""
    look = judge_lease(
        renewed_at=row["renewed_at"], lease_until=row["lease_until"], doubted_at=row["doubted_at"], now=now
    )
    if look.doubted_at != row["doubted_at"]:
        change_row(connection, row, {"doubted_at": look.doubted_at}, now=now)
    return look.has_run_out


def _free(connection: sa.Connection, row: RowMapping, *, most_deaths: int, now: datetime) -> None:
    deaths = row["deaths"] + 1
    event: dict[str, Any] | None = {"what": "freed", "holder": row["holder"], "deaths": deaths}
    changes: dict[str, Any] = {**FREE, "state": _state_before(row), "deaths": deaths}
    if row["pending"]:
        history = add_history(row["history"], {"what": "freed", "holder": row["holder"]}, now=now)
        changes = apply_pending({**row, "history": history}, now=now)
        event = None
    elif deaths >= most_deaths:
        error = (
            f"{deaths} processes ended while they had this scene in hand: see the log and the memory of the machine, "
            "then strandline retry."
        )
        changes |= note_final_failure(row, error, now=now)
        event = {"what": "failed", "error": error, "deaths": deaths}
    change_row(connection, row, changes, now=now, event=event)


def _state_before(row: RowMapping) -> str:
    return str(row["before"] if row["state"] == "working" else row["state"])


def renew_rows(connection: sa.Connection, *, holder: str, lease: timedelta, now: datetime) -> int:
    """Hold on to all that is in hand; ends the doubts of others.

    Args:
        connection: In a transaction that writes.
        holder: Who holds.
        lease: For how long from now.
        now: When.

    Returns:
        How many scenes.
    """
    values = {"renewed_at": now, "lease_until": now + lease, "doubted_at": None}
    return connection.execute(sa.update(SCENES).where(SCENES.c.holder == holder).values(values)).rowcount


def release_rows(connection: sa.Connection, *, holder: str, now: datetime) -> int:
    """Give back all that is in hand, as it was.

    Args:
        connection: In a transaction that writes.
        holder: Who held it.
        now: When.

    Returns:
        How many scenes.
    """
    held = connection.execute(sa.select(SCENES).where(SCENES.c.holder == holder)).mappings().all()
    done = 0
    for row in held:
        changes = apply_pending(row, now=now) or {**FREE, "state": _state_before(row)}
        done += change_row(connection, row, changes, now=now)
    return done
