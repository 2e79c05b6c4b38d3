"""Keep the disk of a watcher from filling: what is published long ago goes, what is needed to compare with stays."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from pipeline.publish.publish import prune_published
from pipeline.watch.areas.file import Limits
from pipeline.watch.areas.settings import AreaSettings
from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import Row
from pipeline.watch.neighbours import CHANGES
from pipeline.watch.search import read_tile
from pipeline.watch.values import AreaFolders

__all__ = ["Pruned", "prune_area"]

Pruned = tuple[int, int]
"""How many working copies, and how many published results, were removed."""


def prune_area(area: AreaSettings, limits: Limits, folders: AreaFolders, ledger: Ledger, *, now: datetime) -> Pruned:
    """Remove what is old, as the limits say.

    Args:
        area: Whose.
        limits: Of the watcher.
        folders: Where its working copies are.
        ledger: That knows what is published, and is told.
        now: With a time zone.

    Raises:
        OutputError: Something cannot be removed.
        LedgerError: The ledger is away.
    """
    work, published = 0, 0
    if limits.prune_work_after is not None:
        rows = ledger.rows(area.name, items=False)
        keep = {Path(row.folder).name for row in _list_needed(rows) if row.folder}
        age = limits.prune_work_after
        work = len(prune_published(str(folders.scenes), older_than=age, now=now, keep=keep))
        prune_published(str(folders.changes), older_than=age, now=now, keep=keep)
        gone = [row for row in rows if row.state == "published" and row.folder and not Path(row.folder).exists()]
        if gone:
            ledger.mark_pruned(gone)
    if limits.prune_published_after is not None:
        age = limits.prune_published_after
        published = len(prune_published(area.destination, older_than=age, now=now))
        prune_published(f"{area.destination}/{CHANGES}", older_than=age, now=now)
    return work, published


def _list_needed(rows: Iterable[Row]) -> Iterable[Row]:
    """What is not published yet, and the latest of each tile, with which the next one is compared."""
    latest: dict[str, Row] = {}
    for row in rows:
        if row.state != "published":
            yield row
            continue
        other = latest.get(read_tile(row.acquisition))
        if other is None or row.acquired > other.acquired:
            latest[read_tile(row.acquisition)] = row
    yield from latest.values()
