"""Failures that nobody was told of yet: kept until they were, even where all went well since.

Of a scene the first failure is to be told, the last where it is given up, and that it went well after all; of rounds
the first failure in a row. Each is told once, at least: it is marked after it is kept to be sent, and who dies between
the two finds it there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipeline.watch.ledger.part import LedgerPart
from pipeline.watch.ledger.tables import ROUNDS, SCENES
from pipeline.watch.ledger.values import Failure, FailureKind, one_line

__all__ = ["Failures", "add_untold", "describe_failure", "describe_recovery"]

_MOST_UNTOLD = 100


class Failures(LedgerPart):
    """The part of the ledger that keeps failures until people were told of them."""

    def untold(self) -> list[Failure]:
        """What nobody was told of yet, of scenes and of rounds; the first first."""
        with self._database.read() as connection:
            failures = [
                _make_failure(area, failure)
                for table in (SCENES, ROUNDS)
                for area, untold in connection.execute(
                    sa.select(table.c.area, table.c.untold).where(table.c.untold != [])
                )
                for failure in untold
            ]
        return sorted(failures, key=lambda failure: (failure.at, failure.area, failure.id))

    def mark_told(self, ids: Collection[str]) -> frozenset[str]:
        """Failures were told: after they were sent, or kept to be, so that none is lost.

        Args:
            ids: Of the failures; those that are unknown, or were told, are passed over.

        Returns:
            Those of them that had not been told before.
        """
        told = set(ids)
        marked: set[str] = set()
        with self._database.write() as connection:
            now = self._clock()
            for table, key in ((SCENES, SCENES.c.id), (ROUNDS, ROUNDS.c.area)):
                for row in connection.execute(sa.select(table).where(table.c.untold != [])).mappings().all():
                    untold = [failure for failure in row["untold"] if failure["id"] not in told]
                    if len(untold) == len(row["untold"]):
                        continue
                    values: dict[str, Any] = {"untold": untold}
                    if row.get("failure_id") in told:  # rounds have none
                        values["told"] = now
                    connection.execute(sa.update(table).where(key == row[key.name]).values(values))
                    marked |= told & {failure["id"] for failure in row["untold"]}
        return frozenset(marked)


def describe_failure(row: Mapping[Any, Any], error: str, *, next_try: datetime | None, now: datetime) -> dict[str, Any]:
    """What changes of a scene that failed; the first failure of a product is to be told, and the last.

    Args:
        row: As it stands.
        error: Why.
        next_try: When it is due again; ``None``: it failed for good.
        now: When.
    """
    tries = row["tries"] + 1
    changes = {"state": "failed", "tries": tries, "last_error": one_line(error), "next_try": next_try}
    if tries > 1 and next_try is not None:
        return changes
    kind: FailureKind = "given up" if next_try is None else "tried"
    parts = (row["area"], row["acquisition"], row["product"], row["fence"], row["deaths"])
    untold = add_untold(row["untold"], *parts, kind=kind, error=error, tries=tries, product=row["product"], now=now)
    return {**changes, "failure_id": untold[-1]["id"], "told": None, "untold": untold}


def describe_recovery(row: Mapping[Any, Any], *, now: datetime) -> dict[str, Any]:
    """What changes of a scene that went well: where people were told of a failure, that is to be told as well.

    Args:
        row: As it stands.
        now: When.
    """
    if row["failure_id"] is None:
        return {}
    untold = add_untold(
        row["untold"],
        "recovered",
        row["failure_id"],
        kind="recovered",
        error=row["last_error"] or "an older product failed",
        tries=row["tries"],
        product=row["product"],
        now=now,
    )
    return {"failure_id": None, "untold": untold}


def add_untold(
    untold: list[dict[str, Any]],
    *parts: object,
    kind: FailureKind,
    error: str,
    tries: int,
    product: str | None,
    now: datetime,
) -> list[dict[str, Any]]:
    """Failures with one more that is to be told; of very many the latest.

    Args:
        untold: So far.
        parts: What tells the new one from all others, now and later.
        kind: What is to be told.
        error: Why.
        tries: How often.
        product: Of the scene; ``None``: of a round.
        now: When.
    """
    name = hashlib.sha256("\n".join(str(part) for part in parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    failure = {"id": name, "kind": kind, "product": product, "error": one_line(error), "tries": tries}
    return [*untold, {**failure, "at": now.isoformat()}][-_MOST_UNTOLD:]


def _make_failure(area: str, kept: Mapping[str, Any]) -> Failure:
    """A failure as the table keeps it; ledgers of before knew failures of rounds and those for good alone."""
    kind = "given up" if kept["product"] else "round"
    return Failure(area=area, **{"kind": kind, **kept, "at": datetime.fromisoformat(kept["at"])})
