"""The page of a watched area, drawn again after something was published: maps, what moved, what has no map."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from pipeline.publish.target import resolve_destination
from pipeline.view.scenes import Problem, list_maps
from pipeline.view.write_page import write_page
from pipeline.watch.areas.settings import AreaSettings
from pipeline.watch.ledger.ledger import Ledger
from pipeline.watch.ledger.values import Row
from pipeline.watch.values import AreaFolders

__all__ = ["update_page"]

_MOST_PROBLEMS: Final = 200
"""Scenes without a map that a page lists, the latest."""


def update_page(area: AreaSettings, folders: AreaFolders, ledger: Ledger, *, hide: Callable[[str], str]) -> Path | None:
    """Draw the page of an area again.

    Args:
        area: Whose page it is.
        folders: Of the area.
        ledger: Says which scenes have no map, and why.
        hide: Takes secrets out of the reasons, which are published with the page.

    Returns:
        The page; ``None`` where there is no map to show.

    Raises:
        OutputError: It cannot be written, or a map cannot be read.
    """
    target = resolve_destination(area.destination).folder
    maps = folders.scenes if target is None else target
    if not list_maps(maps):
        return None
    rows = ledger.rows(area.name, states=["skipped", "failed"])[-_MOST_PROBLEMS:]
    problems = [_describe(row, hide) for row in rows]
    return write_page(maps, folders.locate_page(target), problems=problems, name=area.name).path


def _describe(row: Row, hide: Callable[[str], str]) -> Problem:
    return Problem(
        name=row.product,
        state=row.state,
        reason=hide(row.last_error or row.reason),
        acquired=row.acquired,
        geometry=row.item.get("geometry") if row.item else None,
    )
