"""Write down what a search found: new acquisitions, newer products of known ones, and why some are not to be mapped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import RowMapping

from pipeline.watch.ledger.rows import add_history, change_row, describe_replacement, fresh_start
from pipeline.watch.ledger.tables import SCENES, plain_json
from pipeline.watch.ledger.values import Counts, Sighting, compute_rank, one_line

__all__ = ["record_sightings"]

_Outcome = Literal["new", "again", "replaced", "skipped"]

_CHUNK = 200
"""Rows asked for or written by one statement."""

_ITEM_MAY_CHANGE = ("seen", "skipped", "failed")
"""States in which the links of an item are still needed, so that the latest are kept: signed ones expire."""


def record_sightings(connection: sa.Connection, area: str, sightings: Iterable[Sighting], *, now: datetime) -> Counts:
    """Write down what was found; saying the same again changes nothing.

    Args:
        connection: In a transaction that writes.
        area: Name of the area.
        sightings: What was found; of one acquisition there may be several products.
        now: When.
    """
    outcomes: list[_Outcome] = []
    # The newest first: an older product of the same search is then simply known to be older.
    ordered = iter(sorted(sightings, key=lambda one: (one.rank, one.product), reverse=True))
    while chunk := list(islice(ordered, _CHUNK)):
        outcomes += _record_chunk(connection, area, chunk, now=now)
    counts = Counter(outcomes)
    return Counts(new=counts["new"], again=counts["again"], replaced=counts["replaced"], skipped=counts["skipped"])


def _record_chunk(connection: sa.Connection, area: str, chunk: Sequence[Sighting], *, now: datetime) -> list[_Outcome]:
    by_acquisition: dict[str, list[Sighting]] = {}
    for sighting in chunk:
        by_acquisition.setdefault(sighting.acquisition, []).append(sighting)
    known = _read_known(connection, area, list(by_acquisition))
    fresh = [group.pop(0) for name, group in by_acquisition.items() if name not in known]
    _insert(connection, area, fresh, now=now)
    outcomes: list[_Outcome] = ["skipped" if sighting.skip else "new" for sighting in fresh]
    for name, group in by_acquisition.items():
        for number, sighting in enumerate(group):
            # What was just written is read again, which is rare: two products of one acquisition.
            row = known[name] if number == 0 and name in known else _read_known(connection, area, [name])[name]
            outcomes.append(_update(connection, row, sighting, now=now))
    return outcomes


def _read_known(connection: sa.Connection, area: str, acquisitions: Sequence[str]) -> dict[str, RowMapping]:
    asked = sa.select(SCENES).where(SCENES.c.area == area, SCENES.c.acquisition.in_(acquisitions))
    return {row["acquisition"]: row for row in connection.execute(asked).mappings()}


def _insert(connection: sa.Connection, area: str, fresh: Sequence[Sighting], *, now: datetime) -> None:
    if not fresh:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    ordered = sorted(fresh, key=lambda one: (one.acquired, one.acquisition))
    rows = [_begin_row(area, sighting, now=now) for sighting in ordered]
    connection.execute(insert(SCENES).on_conflict_do_nothing(), rows)


def _begin_row(area: str, sighting: Sighting, *, now: datetime) -> dict[str, Any]:
    event = {"what": "seen", "product": sighting.product, "baseline": sighting.baseline}
    history = add_history([], event, now=now)
    if sighting.skip:
        history = add_history(history, _describe_skip(sighting), now=now)
    return {
        "area": area,
        "acquisition": sighting.acquisition,
        **_as_product(sighting),
        **fresh_start(),
        **_as_skip(sighting),
        "fence": 0,
        "first_seen": now,
        "changed": now,
        "untold": [],
        "history": history,
    }


def _as_product(sighting: Sighting) -> dict[str, Any]:
    return {
        "product": sighting.product,
        "acquired": sighting.acquired,
        "baseline": sighting.baseline,
        "generated": sighting.generated,
        "item": plain_json(dict(sighting.item)),
    }


def _as_skip(sighting: Sighting) -> dict[str, Any]:
    if sighting.skip is None:
        return {"state": "seen", "skip": None, "skipped_by": None, "reason": ""}
    reason = one_line(sighting.reason)
    return {"state": "skipped", "skip": sighting.skip, "skipped_by": "sighting", "reason": reason, "next_try": None}


def _describe_skip(sighting: Sighting) -> dict[str, Any]:
    return {"what": "skipped", "skip": sighting.skip, "reason": one_line(sighting.reason)}


def _update(connection: sa.Connection, row: RowMapping, sighting: Sighting, *, now: datetime) -> _Outcome:
    """What a sighting changes of an acquisition that is known."""
    if sighting.product == row["product"]:
        return _look_again(connection, row, sighting, now=now)
    if not _is_newer(row, sighting):
        return "again"
    if row["holder"] is not None:
        return _keep_pending(connection, row, sighting)
    if sighting.skip and row["state"] in {"mapped", "published"}:
        return "again"  # what stands is not taken away for a newer product that cannot stand in its place
    changes = {**_as_product(sighting), **fresh_start(), **_as_skip(sighting)}
    event = describe_replacement(row, sighting.product, sighting.baseline)
    history = add_history(row["history"], event, now=now)
    if sighting.skip:
        history = add_history(history, _describe_skip(sighting), now=now)
    change_row(connection, row, {**changes, "history": history, "changed": now}, now=now)
    return "skipped" if sighting.skip else "replaced"


def _is_newer(row: RowMapping, sighting: Sighting) -> bool:
    """Whether a product is surely newer: between two of one baseline only their times of making decide."""
    numbers, _ = compute_rank(row["baseline"], None)
    its_numbers, _ = sighting.rank
    if its_numbers != numbers:
        return its_numbers > numbers
    made, its_made = row["generated"], sighting.generated
    return made is not None and its_made is not None and its_made > made


def _keep_pending(connection: sa.Connection, row: RowMapping, sighting: Sighting) -> _Outcome:
    """A newer product of a scene that is in hand waits until that work ends: two would write to one place."""
    waiting = row["pending"]
    rank = compute_rank(waiting["baseline"], _read_time(waiting["generated"])) if waiting else None
    if sighting.skip or (rank is not None and rank >= sighting.rank):
        return "again"
    change_row(connection, row, {"pending": _as_product(sighting)}, now=row["changed"])
    return "replaced"


def _read_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _look_again(connection: sa.Connection, row: RowMapping, sighting: Sighting, *, now: datetime) -> _Outcome:
    """The product that is known: only a reason to skip may have come or gone, or the links of its item changed."""
    changes: dict[str, Any] = {}
    event = None
    if _may_be_skipped(row, sighting):
        changes = _as_skip(sighting)
        event = _describe_skip(sighting) if row["skip"] != sighting.skip else None
    elif sighting.skip is None and row["state"] == "skipped" and row["skipped_by"] == "sighting":
        changes = _as_skip(sighting)
        event = {"what": "seen", "product": sighting.product, "no longer": row["skip"]}
    state = changes.get("state", row["state"])
    if row["holder"] is None and state in _ITEM_MAY_CHANGE:
        changes["item"] = plain_json(dict(sighting.item))
    if any(row[name] != value for name, value in changes.items()):
        change_row(connection, row, changes, now=now, event=event)
    if state == "skipped":
        return "skipped"
    return "new" if event is not None else "again"


def _may_be_skipped(row: RowMapping, sighting: Sighting) -> bool:
    """Whether a reason to skip is heeded: not for what is in hand or done, nor for what is known by work on it."""
    if sighting.skip is None or row["holder"] is not None or row["folder"] is not None:
        return False
    if row["state"] == "skipped":
        return bool(row["skipped_by"] == "sighting")
    waits_for_try = row["state"] == "failed" and row["next_try"] is not None
    return row["state"] == "seen" or (waits_for_try and sighting.skip != "limit")
