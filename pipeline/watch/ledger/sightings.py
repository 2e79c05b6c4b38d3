"""Write down what a search found: new acquisitions, newer products of known ones, and why some are not to be mapped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import RowMapping

from pipeline.watch.ledger.part import LedgerPart
from pipeline.watch.ledger.rows import add_history, change_row, describe_replacement, fresh_start
from pipeline.watch.ledger.tables import SCENES, plain_json
from pipeline.watch.ledger.values import Counts, Lane, Sighting, compute_rank, one_line

__all__ = ["Sightings"]

_Outcome = Literal["new", "again", "replaced", "skipped"]

_CHUNK = 200
"""Rows asked for or written by one statement."""

_ITEM_MAY_CHANGE = ("seen", "skipped", "failed")
"""States in which the links of an item are still needed, so that the latest are kept: signed ones expire."""


class Sightings(LedgerPart):
    """The part of the ledger that hears what searches saw."""

    def record(self, area: str, sightings: Iterable[Sighting], *, lane: Lane = "new") -> Counts:
        """Write down what a search saw. Saying the same again changes nothing.

        A newer product of a known acquisition makes it ``seen`` again, whatever became of the older, and the history
        says so; where the older is in hand, once that work ends. An older product changes nothing. A reason to skip
        that has gone makes a scene ``seen``; one that has come changes nothing of what is in hand, mapped or published.

        Args:
            area: Name of the area.
            sightings: What was seen; of one acquisition there may be several products.
            lane: Why that is mapped which is not known yet.

        Returns:
            What the sightings came to.

        Raises:
            LedgerError: The database is away; nothing was written.
        """
        outcomes: list[_Outcome] = []
        # The newest first: an older product of the same search is then simply known to be older.
        ordered = sorted(sightings, key=lambda sighting: (sighting.rank, sighting.product), reverse=True)
        with self._database.write() as connection:
            now = self._clock()
            for start in range(0, len(ordered), _CHUNK):
                outcomes += _record_chunk(connection, (area, lane), ordered[start : start + _CHUNK], now=now)
        return Counts(**Counter[str](outcomes))


def _record_chunk(
    connection: sa.Connection, place: tuple[str, Lane], chunk: Sequence[Sighting], *, now: datetime
) -> list[_Outcome]:
    area, lane = place
    by_acquisition: dict[str, list[Sighting]] = {}
    for sighting in chunk:
        by_acquisition.setdefault(sighting.acquisition, []).append(sighting)
    # Of acquisitions not known yet, the newest product makes the row; all else is held against a row that is there.
    known = _read_known(connection, area, list(by_acquisition))
    fresh = [group.pop(0) for name, group in by_acquisition.items() if name not in known]
    _insert(connection, [_make_new_row(area, lane, sighting, now=now) for sighting in fresh])
    outcomes: list[_Outcome] = ["skipped" if sighting.skip else "new" for sighting in fresh]
    for name, group in by_acquisition.items():
        for number, sighting in enumerate(group):
            # What was just written is read again, which is rare: two products of one acquisition.
            row = known[name] if number == 0 and name in known else _read_known(connection, area, [name])[name]
            outcomes.append(_update(connection, row, sighting, now=now))
    return outcomes


def _read_known(connection: sa.Connection, area: str, acquisitions: Sequence[str]) -> dict[str, RowMapping]:
    query = sa.select(SCENES).where(SCENES.c.area == area, SCENES.c.acquisition.in_(acquisitions))
    return {row["acquisition"]: row for row in connection.execute(query).mappings()}


def _insert(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    ordered = sorted(rows, key=lambda row: (row["acquired"], row["acquisition"]))
    connection.execute(insert(SCENES).on_conflict_do_nothing(), ordered)


def _make_new_row(area: str, lane: Lane, sighting: Sighting, *, now: datetime) -> dict[str, Any]:
    event = {"what": "seen", "product": sighting.product, "baseline": sighting.baseline}
    history = add_history([], event, now=now)
    if sighting.skip:
        history = add_history(history, _describe_skip(sighting), now=now)
    return {
        "area": area,
        "acquisition": sighting.acquisition,
        **_list_product_columns(sighting),
        **fresh_start(),
        **_list_skip_columns(sighting),
        "fence": 0,
        "first_seen": now,
        "changed": now,
        "untold": [],
        "history": history,
        "lane": lane,
    }


def _list_product_columns(sighting: Sighting) -> dict[str, Any]:
    return {
        "product": sighting.product,
        "acquired": sighting.acquired,
        "baseline": sighting.baseline,
        "generated": sighting.generated,
        "item": plain_json(dict(sighting.item)),
    }


def _list_skip_columns(sighting: Sighting) -> dict[str, Any]:
    if sighting.skip is None:
        return {"state": "seen", "skip": None, "skipped_by": None, "reason": ""}
    reason = one_line(sighting.reason)
    return {"state": "skipped", "skip": sighting.skip, "skipped_by": "sighting", "reason": reason, "next_try": None}


def _describe_skip(sighting: Sighting) -> dict[str, Any]:
    return {"what": "skipped", "skip": sighting.skip, "reason": one_line(sighting.reason)}


def _update(connection: sa.Connection, row: RowMapping, sighting: Sighting, *, now: datetime) -> _Outcome:
    """What a sighting changes of an acquisition that is known."""
    if sighting.product == row["product"]:
        return _update_same_product(connection, row, sighting, now=now)
    if not _is_newer(row, sighting):
        return "again"
    if row["holder"] is not None:
        return _keep_pending(connection, row, sighting)
    if row["skipped_by"] == "hand":  # who took the acquisition out took out all products of it
        event = describe_replacement(row, sighting.product, sighting.baseline)
        change_row(connection, row, _list_product_columns(sighting), now=now, event=event)
        return "skipped"
    if sighting.skip and row["state"] in {"mapped", "published"}:
        return "again"  # what stands is not taken away for a newer product that cannot stand in its place
    changes = {**_list_product_columns(sighting), **fresh_start(), **_list_skip_columns(sighting)}
    event = describe_replacement(row, sighting.product, sighting.baseline)
    history = add_history(row["history"], event, now=now)
    if sighting.skip:
        history = add_history(history, _describe_skip(sighting), now=now)
    change_row(connection, row, {**changes, "history": history, "changed": now}, now=now)
    return "skipped" if sighting.skip else "replaced"


def _is_newer(row: RowMapping, sighting: Sighting) -> bool:
    """Whether a product is surely newer: between two of one baseline only their times of making decide."""
    known_baseline, _ = compute_rank(row["baseline"], None)
    baseline, _ = sighting.rank
    if baseline != known_baseline:
        return baseline > known_baseline
    known_generated, generated = row["generated"], sighting.generated
    return known_generated is not None and generated is not None and generated > known_generated


def _keep_pending(connection: sa.Connection, row: RowMapping, sighting: Sighting) -> _Outcome:
    """A newer product of a scene that is in hand waits until that work ends: two would write to one place."""
    waiting = row["pending"]
    rank = compute_rank(waiting["baseline"], _read_time(waiting["generated"])) if waiting else None
    if sighting.skip or (rank is not None and rank >= sighting.rank):
        return "again"
    change_row(connection, row, {"pending": _list_product_columns(sighting)}, now=row["changed"])
    return "replaced"


def _read_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _update_same_product(connection: sa.Connection, row: RowMapping, sighting: Sighting, *, now: datetime) -> _Outcome:
    """The product that is known: only a reason to skip may have come or gone, or the links of its item changed."""
    changes: dict[str, Any] = {}
    event = None
    if _may_be_skipped(row, sighting):
        changes = _list_skip_columns(sighting)
        event = _describe_skip(sighting) if row["skip"] != sighting.skip else None
    elif sighting.skip is None and row["state"] == "skipped" and row["skipped_by"] == "sighting":
        changes = _list_skip_columns(sighting)
        event = {"what": "seen", "product": sighting.product, "no longer": row["skip"]}
    state = changes.get("state", row["state"])
    # The item of a scene in hand is being read, and that of a map that is made tells what it was made of.
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
