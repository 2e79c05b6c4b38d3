"""When each area was last looked at, what came of it, and when it is due again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipeline.watch.ledger.failures import add_untold
from pipeline.watch.ledger.part import LedgerPart
from pipeline.watch.ledger.tables import ROUNDS
from pipeline.watch.ledger.values import Round, one_line

__all__ = ["Rounds"]


class Rounds(LedgerPart):
    """The part of the ledger that knows the last round of each area."""

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

        Failures in a row are one failure to be told, until a round goes well.

        Args:
            area: Name of the area.
            began: When it began.
            ended: When it ended; ``None``: it is under way.
            error: Why it failed as a whole; scenes have failures of their own.
            next_run: When the next is due.
        """
        with self._database.write() as connection:
            now = self._clock()
            query = sa.select(ROUNDS).where(ROUNDS.c.area == area)
            values: dict[str, Any] = {"failures_in_a_row": 0, "untold": [], "error": None, "last_success": None}
            values |= dict(connection.execute(query).mappings().one_or_none() or {})
            # A round that begins leaves it open when the next is due, so what the last one said stands.
            due = values.get("next_run") if ended is None and next_run is None else next_run
            values |= {"area": area, "began": began, "ended": ended, "next_run": due}
            if ended is not None and error is None:
                values |= {"error": None, "failures_in_a_row": 0, "last_success": ended}
            elif ended is not None and error is not None:
                values |= _describe_failed_round(values, error, now=now)
            # One row an area: the older one is replaced.
            connection.execute(sa.delete(ROUNDS).where(ROUNDS.c.area == area))
            connection.execute(sa.insert(ROUNDS).values(values))

    def note_backfill(self, area: str, days: str) -> None:
        """Note that days of the past were searched; a round of the area must have begun.

        Args:
            area: Name of the area.
            days: Which, and under which conditions.
        """
        with self._database.write() as connection:
            connection.execute(sa.update(ROUNDS).where(ROUNDS.c.area == area).values(backfilled=days))

    def read_rounds(self) -> dict[str, Round]:
        """The last round of each area, by its name."""
        names = tuple(Round.__dataclass_fields__)
        with self._database.read() as connection:
            rows = connection.execute(sa.select(ROUNDS).order_by(ROUNDS.c.area)).mappings()
            return {row["area"]: Round(**{name: row[name] for name in names}) for row in rows}


def _describe_failed_round(values: dict[str, Any], error: str, *, now: datetime) -> dict[str, Any]:
    """What changes of an area whose round failed; only the first failure in a row is to be told."""
    in_a_row, untold = values["failures_in_a_row"] + 1, values["untold"]
    if in_a_row == 1:
        parts = ("round", values["area"], values["began"].isoformat())
        untold = add_untold(untold, *parts, kind="round", error=error, tries=1, product=None, now=now)
    return {"error": one_line(error), "failures_in_a_row": in_a_row, "untold": untold}
