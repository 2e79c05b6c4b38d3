"""Change a row of the ledger: guarded, with a word in its history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import RowMapping

from pipeline.watch.ledger.tables import SCENES

__all__ = ["FREE", "add_history", "apply_pending", "change_row", "describe_replacement", "fresh_start"]

_LONGEST_HISTORY = 100

FREE: Mapping[str, Any] = {"holder": None, "renewed_at": None, "lease_until": None, "doubted_at": None, "before": None}
"""A row that nobody has in hand."""


def change_row(
    connection: sa.Connection,
    row: RowMapping,
    changes: Mapping[str, Any],
    *,
    now: datetime,
    event: Mapping[str, Any] | None = None,
) -> bool:
    """Change a row that is still as it was read: held by the same, by the same claim, of the same state.

    Args:
        connection: In a transaction that writes.
        row: As it was read.
        changes: New values.
        now: When.
        event: For the history, without its time; ``None``: none.

    Returns:
        Whether it was still so; else nothing was changed.
    """
    values = dict(changes)
    if event is not None:
        values |= {"history": add_history(row["history"], event, now=now), "changed": now}
    result = connection.execute(
        sa.update(SCENES)
        .where(
            SCENES.c.id == row["id"],
            SCENES.c.fence == row["fence"],
            SCENES.c.state == row["state"],
            SCENES.c.product == row["product"],
            SCENES.c.holder.is_not_distinct_from(row["holder"]),
        )
        .values(values)
    )
    return result.rowcount == 1


def add_history(history: list[Any], event: Mapping[str, Any], *, now: datetime) -> list[Any]:
    """A history with one more event; of a very long one the latest part, after the first event.

    Args:
        history: So far.
        event: Without its time.
        now: When.
    """
    longer = [*history, {"at": now.isoformat(), **{name: value for name, value in event.items() if value is not None}}]
    return longer if len(longer) <= _LONGEST_HISTORY else [longer[0], *longer[-_LONGEST_HISTORY + 1 :]]


def describe_replacement(row: Mapping[Any, Any], product: str, baseline: str | None) -> dict[str, Any]:
    """For the history: which product went, what had become of it, and what came.

    Args:
        row: As it stands.
        product: The newer one.
        baseline: Of the newer one.
    """
    return {
        "what": "replaced",
        "product": row["product"],
        "baseline": row["baseline"],
        "state": row["state"],
        "folder": row["folder"],
        "published_to": row["published_to"] if row["state"] == "published" else None,
        "by": product,
        "by_baseline": baseline,
    }


def apply_pending(row: Mapping[Any, Any], *, now: datetime) -> dict[str, Any]:
    """What changes when work on a product ends of which a newer one was sighted meanwhile.

    Args:
        row: As it stands; its history may hold one event more by then.
        now: When.

    Returns:
        Nothing where none was sighted.
    """
    if not row["pending"]:
        return {}
    newer = dict(row["pending"])
    for name in ("acquired", "generated"):
        newer[name] = datetime.fromisoformat(newer[name]) if newer[name] else None
    event = describe_replacement(row, newer["product"], newer["baseline"])
    history = add_history(row["history"], event, now=now)
    return {**newer, **fresh_start(), **FREE, "pending": None, "history": history, "changed": now}


def fresh_start() -> dict[str, Any]:
    """A product of which nothing was done yet; where an older one was published stays known."""
    return {
        "state": "seen",
        "skip": None,
        "skipped_by": None,
        "reason": "",
        "tries": 0,
        "deaths": 0,
        "last_error": None,
        "next_try": None,
        "fingerprint": None,
        "folder": None,
        "recipe": None,
        "pruned_at": None,
    }
