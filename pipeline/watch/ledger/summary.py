"""How each area stands: counts, the last scene, what is left to do, what failed and why."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipeline.watch.ledger.part import LedgerPart
from pipeline.watch.ledger.tables import ROUNDS, SCENES
from pipeline.watch.ledger.values import AreaSummary, FailedScene, SkipKind, State

__all__ = ["Summaries"]


class Summaries(LedgerPart):
    """The part of the ledger that sums up."""

    def summarise(self) -> dict[str, AreaSummary]:
        """How each area stands that has scenes or rounds, by its name."""
        with self._database.read() as connection:
            names = connection.execute(sa.select(SCENES.c.area).union(sa.select(ROUNDS.c.area))).scalars()
            areas = {name: AreaSummary(area=name) for name in sorted(names)}
            states, skips, successes = _count_scenes(connection)
            failures = _list_failures(connection)
            last = _find_last(connection)
        for name, area in areas.items():
            waiting = sum(1 for failure in failures[name] if failure.next_try is not None)
            last_scene, last_acquired = last.get(name, (None, None))
            areas[name] = replace(
                area,
                states=states[name],
                skips=skips[name],
                last_scene=last_scene,
                last_acquired=last_acquired,
                last_success=successes.get(name),
                backlog=sum(states[name].get(state, 0) for state in ("seen", "working", "mapped")) + waiting,
                failures=tuple(failures[name]),
            )
        return areas


def _count_scenes(
    connection: sa.Connection,
) -> tuple[dict[str, dict[State, int]], dict[str, dict[SkipKind, int]], dict[str, datetime]]:
    """Scenes by state, skipped ones by reason, and the last time of publishing; each by area."""
    columns = SCENES.c
    query = sa.select(columns.area, columns.state, columns.skip, sa.func.count(), sa.func.max(columns.published_at))
    states: dict[str, dict[State, int]] = defaultdict(dict)
    skips: dict[str, dict[SkipKind, int]] = defaultdict(dict)
    successes: dict[str, datetime] = {}
    for area, state, skip, count, published in connection.execute(query.group_by(*query.selected_columns[:3])):
        states[area][state] = states[area].get(state, 0) + count
        if state == "skipped":
            skips[area][skip] = count
        if published is not None:
            successes[area] = max(published, successes.get(area, published))
    return states, skips, successes


def _list_failures(connection: sa.Connection) -> dict[str, list[FailedScene]]:
    columns = SCENES.c
    names = tuple(FailedScene.__dataclass_fields__)
    query = (
        sa.select(columns.area, columns.last_error.label("error"), *(columns[n] for n in names if n != "error"))
        .where(columns.state == "failed")
        .order_by(columns.acquired, columns.id)
    )
    failures: dict[str, list[FailedScene]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        failures[row["area"]].append(FailedScene(**{name: row[name] for name in names}))
    return failures


def _find_last(connection: sa.Connection) -> dict[str, tuple[str, datetime]]:
    """Product and time of the scene acquired last, by area."""
    columns = SCENES.c
    place = sa.func.row_number().over(partition_by=columns.area, order_by=(columns.acquired.desc(), columns.id.desc()))
    ranked = sa.select(columns.area, columns.product, columns.acquired, place.label("place")).subquery()
    rows: Any = connection.execute(sa.select(ranked).where(ranked.c.place == 1))
    return {row.area: (row.product, row.acquired) for row in rows}
