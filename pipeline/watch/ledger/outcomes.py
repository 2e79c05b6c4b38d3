"""Write down what became of a scene; only who has it in hand may, by the very claim that gave it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from pipeline.errors import OptionError
from pipeline.watch.ledger.failures import note_final_failure
from pipeline.watch.ledger.rows import FREE, add_history, apply_pending, change_row
from pipeline.watch.ledger.tables import SCENES
from pipeline.watch.ledger.values import SKIP_KINDS, BackOff, LostClaimError, Row, SkipKind, one_line

__all__ = ["fail_row", "list_prunable_rows", "map_row", "prune_rows", "publish_row", "retry_rows", "skip_row"]


def map_row(
    connection: sa.Connection, row: Row, holder: str, *, fingerprint: str, folder: str, lease: timedelta, now: datetime
) -> RowMapping:
    """A map was made; the scene stays in hand, to be published.

    Args:
        connection: In a transaction that writes.
        row: As it was claimed.
        holder: Who has it in hand.
        fingerprint: Of the map.
        folder: Where it is.
        lease: For how long it stays in hand from now, unless renewed.
        now: When.

    Raises:
        LostClaimError: It is in other hands.
    """
    found = _find_held(connection, row, holder, done="mapped")
    changes = {
        "state": "mapped",
        "before": None,
        "fingerprint": fingerprint,
        "folder": folder,
        "deaths": 0,
        "renewed_at": now,
        "lease_until": now + lease,
        "doubted_at": None,
        "pruned_at": None,
    }
    if found["state"] == "mapped" and found["folder"] == folder and found["fingerprint"] == fingerprint:
        return found
    return _finish(connection, found, changes, {"what": "mapped", "product": row.product, "folder": folder}, now=now)


def publish_row(connection: sa.Connection, row: Row, holder: str, *, to: str, now: datetime) -> RowMapping:
    """A map was published; the scene is out of hand.

    Args:
        connection: In a transaction that writes.
        row: As it was claimed, or as ``map_row`` gave it.
        holder: Who has it in hand.
        to: Where to.
        now: When.

    Raises:
        LostClaimError: It is in other hands.
        OptionError: It was not mapped.
    """
    found = _find_held(connection, row, holder, done="published")
    if found["holder"] is None:
        return found
    if found["folder"] is None:
        raise OptionError(f"Expected a map of {row.product} before it is published, found none in the ledger.")
    changes = {
        **FREE,
        "state": "published",
        "published_at": now,
        "published_to": to,
        "deaths": 0,
        "next_try": None,
    }
    return _finish(connection, found, changes, {"what": "published", "product": row.product, "to": to}, now=now)


def fail_row(
    connection: sa.Connection, row: Row, holder: str, *, error: str, back_off: BackOff | None, now: datetime
) -> RowMapping:
    """Work on a scene failed; a map that was made stays made.

    Args:
        connection: In a transaction that writes.
        row: As it was claimed.
        holder: Who has it in hand.
        error: Why.
        back_off: When to try again; ``None``: never.
        now: When.

    Raises:
        LostClaimError: It is in other hands.
    """
    found = _find_held(connection, row, holder, done="failed")
    if found["holder"] is None:
        return found
    line = one_line(error)
    tries = found["tries"] + 1
    wait = back_off.compute_wait(tries) if back_off else None
    event = {"what": "failed", "product": row.product, "error": line, "tries": tries, "final": wait is None}
    if found["pending"]:
        changes: dict[str, Any] = {}
    elif wait is None:
        changes = note_final_failure(found, line, now=now)
    else:
        changes = {"state": "failed", "tries": tries, "last_error": line, "next_try": now + wait}
    return _finish(connection, found, {**FREE, **changes}, event, now=now)


def skip_row(
    connection: sa.Connection, row: Row, holder: str, *, kind: SkipKind, reason: str, now: datetime
) -> RowMapping:
    """A look at a scene showed that it is not to be mapped; no later sighting of the same product undoes that.

    Args:
        connection: In a transaction that writes.
        row: As it was claimed.
        holder: Who has it in hand.
        kind: Why.
        reason: The same for a person.
        now: When.

    Raises:
        LostClaimError: It is in other hands.
        OptionError: There is no such reason.
    """
    if kind not in SKIP_KINDS:
        raise OptionError(f"Expected {', '.join(SKIP_KINDS)} as reason to skip, found {kind!r}.")
    found = _find_held(connection, row, holder, done="skipped")
    if found["holder"] is None:
        return found
    line = one_line(reason)
    changes = {**FREE, "state": "skipped", "skip": kind, "skipped_by": "work", "reason": line, "next_try": None}
    return _finish(connection, found, changes, {"what": "skipped", "skip": kind, "reason": line}, now=now)


def _find_held(connection: sa.Connection, row: Row, holder: str, *, done: str) -> RowMapping:
    """The row as it stands, if it is still in the hands that claimed it.

    Also where this very claim has written the same already, and only the answer was lost: then nobody holds it.
    """
    asked = sa.select(SCENES).where(SCENES.c.id == row.id, SCENES.c.fence == row.fence)
    found = connection.execute(asked).mappings().one_or_none()
    if found is not None and found["product"] == row.product:
        if found["holder"] == holder:
            return found
        if found["holder"] is None and found["state"] == done and row.holder == holder:
            return found
    raise LostClaimError(
        f"{row.product} of {row.area} is no longer in the hands of {holder}: another watcher has taken it over, "
        "and this result is dropped."
    )


def _finish(
    connection: sa.Connection, found: RowMapping, changes: Mapping[str, Any], event: Mapping[str, Any], *, now: datetime
) -> RowMapping:
    """Write what became of a scene; where a newer product has come meanwhile and the work is over, that is next."""
    written = {**found, **changes, "history": add_history(found["history"], event, now=now), "changed": now}
    if written["holder"] is None:
        written |= apply_pending(written, now=now)
    new = {name: value for name, value in written.items() if value != found[name]}
    if not change_row(connection, found, new, now=now):
        raise LostClaimError(f"{found['product']} of {found['area']} was taken over just now: this result is dropped.")
    return connection.execute(sa.select(SCENES).where(SCENES.c.id == found["id"])).mappings().one()


def retry_rows(connection: sa.Connection, area: str, products: Collection[str] | None, *, now: datetime) -> int:
    """Make failed scenes due at once, and those that a look had set aside.

    Args:
        connection: In a transaction that writes.
        area: Name of the area.
        products: Which; ``None``: all failed ones.
        now: When.

    Returns:
        How many.
    """
    columns = SCENES.c
    asked = sa.select(SCENES).where(columns.area == area, columns.holder.is_(None))
    if products is None:
        asked = asked.where(columns.state == "failed")
    else:
        by_work = sa.and_(columns.state == "skipped", columns.skipped_by == "work")
        asked = asked.where(sa.or_(columns.state == "failed", by_work), columns.product.in_(list(products)))
    changes = {"skip": None, "skipped_by": None, "reason": "", "tries": 0, "deaths": 0, "next_try": None}
    done = 0
    for row in connection.execute(asked).mappings().all():
        state = "seen" if row["folder"] is None else "mapped"
        done += change_row(connection, row, {**changes, "state": state}, now=now, event={"what": "retry"})
    return done


def list_prunable_rows(connection: sa.Connection, area: str, *, before: datetime) -> list[RowMapping]:
    """Published scenes whose files are still there, published before a time, the oldest first.

    Args:
        connection: In a transaction.
        area: Name of the area.
        before: The time.
    """
    columns = SCENES.c
    asked = (
        sa.select(SCENES)
        .where(columns.area == area, columns.state == "published", columns.pruned_at.is_(None))
        .where(columns.published_at < before)
        .order_by(columns.published_at, columns.id)
    )
    return list(connection.execute(asked).mappings())


def prune_rows(connection: sa.Connection, rows: Collection[Row], *, now: datetime) -> int:
    """The files of published scenes were removed; they stay known as published.

    Args:
        connection: In a transaction that writes.
        rows: As they were listed; those that have changed since are passed over.
        now: When.

    Returns:
        How many.
    """
    done = 0
    for row in rows:
        found = connection.execute(sa.select(SCENES).where(SCENES.c.id == row.id)).mappings().one_or_none()
        if found is None or found["state"] != "published" or found["product"] != row.product or found["pruned_at"]:
            continue
        event = {"what": "pruned", "product": row.product, "folder": found["folder"]}
        done += change_row(connection, found, {"folder": None, "pruned_at": now}, now=now, event=event)
    return done
