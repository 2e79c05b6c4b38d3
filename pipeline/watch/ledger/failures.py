"""Failures that nobody was told of yet: kept until they were, even where all went well since.

A failure is told once, at least: it is marked after it was sent, and who dies between the two sends it again, with the
same id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipeline.watch.ledger.tables import ROUNDS, SCENES
from pipeline.watch.ledger.values import Failure, one_line

__all__ = ["list_untold", "make_failure", "mark_failures_told", "note_final_failure"]

_MOST_UNTOLD = 100


def note_final_failure(row: Mapping[Any, Any], error: str, *, now: datetime) -> dict[str, Any]:
    """What changes of a scene that failed for good.

    Args:
        row: As it stands.
        error: Why.
        now: When.
    """
    parts = (row["area"], row["acquisition"], row["product"], row["fence"], row["deaths"])
    failure = make_failure(*parts, error=error, tries=row["tries"] + 1, product=row["product"], now=now)
    return {
        "state": "failed",
        "tries": row["tries"] + 1,
        "last_error": one_line(error),
        "next_try": None,
        "failure_id": failure["id"],
        "told": None,
        "untold": [*row["untold"], failure][-_MOST_UNTOLD:],
    }


def make_failure(*parts: object, error: str, tries: int, product: str | None, now: datetime) -> dict[str, Any]:
    """A failure as it is kept until it was told.

    Args:
        parts: What tells it from all others, now and later.
        error: Why.
        tries: How often.
        product: Of the scene; ``None``: of a round.
        now: When.
    """
    name = hashlib.sha256("\n".join(str(part) for part in parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return {"id": name, "product": product, "error": one_line(error), "tries": tries, "at": now.isoformat()}


def list_untold(connection: sa.Connection) -> list[Failure]:
    """Failures that nobody was told of, in the order in which they came.

    Args:
        connection: In a transaction.
    """
    found = []
    for table in (SCENES, ROUNDS):
        asked = sa.select(table.c.area, table.c.untold).where(table.c.untold != [])
        for area, untold in connection.execute(asked):
            found += [
                Failure(area=area, **{**failure, "at": datetime.fromisoformat(failure["at"])}) for failure in untold
            ]
    return sorted(found, key=lambda failure: (failure.at, failure.area, failure.id))


def mark_failures_told(connection: sa.Connection, ids: Collection[str], *, now: datetime) -> int:
    """Write down that failures were told.

    Args:
        connection: In a transaction that writes.
        ids: Of failures; those that are unknown, or were told, are passed over.
        now: When.

    Returns:
        How many it marked.
    """
    told = set(ids)
    marked = 0
    for table, key in ((SCENES, SCENES.c.id), (ROUNDS, ROUNDS.c.area)):
        for row in connection.execute(sa.select(table).where(table.c.untold != [])).mappings().all():
            left = [failure for failure in row["untold"] if failure["id"] not in told]
            if len(left) == len(row["untold"]):
                continue
            values: dict[str, Any] = {"untold": left}
            if row.get("failure_id") in told:
                values["told"] = now
            connection.execute(sa.update(table).where(key == row[key.name]).values(values))
            marked += len(row["untold"]) - len(left)
    return marked
