"""When each area was last looked at, what came of it, and when it is due again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipeline.watch.ledger.failures import make_failure
from pipeline.watch.ledger.tables import ROUNDS
from pipeline.watch.ledger.values import Round, one_line

__all__ = ["list_rounds", "write_round"]

_MOST_UNTOLD = 100


def write_round(connection: sa.Connection, noted: Round, *, now: datetime) -> None:
    """Note a round that began or ended; failures in a row are one failure to be told, until a round goes well.

    Args:
        connection: In a transaction that writes.
        noted: The round; what it says of earlier ones is passed over.
        now: When.
    """
    found = connection.execute(sa.select(ROUNDS).where(ROUNDS.c.area == noted.area)).mappings().one_or_none()
    values: dict[str, Any] = {"failures_in_a_row": 0, "untold": [], "error": None, "last_success": None}
    if found is not None:
        values = {name: found[name] for name in values}
    due = found["next_run"] if found is not None and noted.ended is None and noted.next_run is None else noted.next_run
    values |= {"area": noted.area, "began": noted.began, "ended": noted.ended, "next_run": due}
    if noted.ended is not None and noted.error is None:
        values |= {"error": None, "failures_in_a_row": 0, "last_success": noted.ended}
    elif noted.ended is not None:
        values |= _add_failure(values, noted, now=now)
    connection.execute(sa.delete(ROUNDS).where(ROUNDS.c.area == noted.area))
    connection.execute(sa.insert(ROUNDS).values(values))


def _add_failure(values: dict[str, Any], noted: Round, *, now: datetime) -> dict[str, Any]:
    error = one_line(noted.error or "")
    in_a_row = values["failures_in_a_row"] + 1
    untold = values["untold"]
    if in_a_row == 1:
        began = noted.began.isoformat()
        failure = make_failure("round", noted.area, began, error=error, tries=1, product=None, now=now)
        untold = [*untold, failure][-_MOST_UNTOLD:]
    return {"error": error, "failures_in_a_row": in_a_row, "untold": untold}


def list_rounds(connection: sa.Connection) -> dict[str, Round]:
    """The last round of each area, by its name.

    Args:
        connection: In a transaction.
    """
    names = tuple(Round.__dataclass_fields__)
    rows = connection.execute(sa.select(ROUNDS).order_by(ROUNDS.c.area)).mappings()
    return {row["area"]: Round(**{name: row[name] for name in names}) for row in rows}
