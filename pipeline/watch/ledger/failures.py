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

from pipeline.watch.ledger.part import LedgerPart
from pipeline.watch.ledger.tables import ROUNDS, SCENES
from pipeline.watch.ledger.values import Failure, one_line

__all__ = ["Failures", "add_untold", "describe_final_failure"]

_MOST_UNTOLD = 100


class Failures(LedgerPart):
    """The part of the ledger that keeps failures until people were told of them."""

    def untold(self) -> list[Failure]:
        """Failures that nobody was told of yet: scenes that failed for good, and rounds; the first first."""
        with self._database.read() as connection:
            failures = [
                Failure(area=area, **{**failure, "at": datetime.fromisoformat(failure["at"])})
                for table in (SCENES, ROUNDS)
                for area, untold in connection.execute(
                    sa.select(table.c.area, table.c.untold).where(table.c.untold != [])
                )
                for failure in untold
            ]
        return sorted(failures, key=lambda failure: (failure.at, failure.area, failure.id))

    def mark_told(self, ids: Collection[str]) -> int:
        """Failures were told: after they were sent, so that none is lost.

        Args:
            ids: Of the failures; those that are unknown, or were told, are passed over.

        Returns:
            How many of them had not been told before.
        """
        told = set(ids)
        marked = 0
        with self._database.write() as connection:
            now = self._clock()
            for table, key in ((SCENES, SCENES.c.id), (ROUNDS, ROUNDS.c.area)):
                for row in connection.execute(sa.select(table).where(table.c.untold != [])).mappings().all():
                    untold = [failure for failure in row["untold"] if failure["id"] not in told]
                    if len(untold) == len(row["untold"]):
                        continue
                    values: dict[str, Any] = {"untold": untold}
                    if row.get("failure_id") in told:
                        values["told"] = now
                    connection.execute(sa.update(table).where(key == row[key.name]).values(values))
                    marked += len(row["untold"]) - len(untold)
        return marked


def describe_final_failure(row: Mapping[Any, Any], error: str, *, now: datetime) -> dict[str, Any]:
    """What changes of a scene that failed for good.

    Args:
        row: As it stands.
        error: Why.
        now: When.
    """
    parts = (row["area"], row["acquisition"], row["product"], row["fence"], row["deaths"])
    tries = row["tries"] + 1
    untold = add_untold(row["untold"], *parts, error=error, tries=tries, product=row["product"], now=now)
    return {
        "state": "failed",
        "tries": tries,
        "last_error": one_line(error),
        "next_try": None,
        "failure_id": untold[-1]["id"],
        "told": None,
        "untold": untold,
    }


def add_untold(
    untold: list[dict[str, Any]], *parts: object, error: str, tries: int, product: str | None, now: datetime
) -> list[dict[str, Any]]:
    """Failures with one more that is to be told; of very many the latest.

    Args:
        untold: So far.
        parts: What tells the new one from all others, now and later.
        error: Why.
        tries: How often.
        product: Of the scene; ``None``: of a round.
        now: When.
    """
    name = hashlib.sha256("\n".join(str(part) for part in parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    failure = {"id": name, "product": product, "error": one_line(error), "tries": tries, "at": now.isoformat()}
    return [*untold, failure][-_MOST_UNTOLD:]
