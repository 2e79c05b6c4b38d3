"""``strandline exclude``: keep a scene out of what a watcher publishes, or let it in again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["exclude"]

_Scenes = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SCENE]...", help="Products or acquisitions, as strandline status --area NAME lists them."),
]
_Why = Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for whoever asks later; needed to exclude.")]
_Areas = Annotated[Path, typer.Option("--areas", metavar="FILE", help="File of the watcher.")]
_Area = Annotated[list[str] | None, typer.Option("--area", help="Only in this area; may be given again.")]
_Undo = Annotated[bool, typer.Option("--undo", help="Let the scenes in again: the next round maps them.")]
_List = Annotated[bool, typer.Option("--list", help="List what is excluded, and why.")]


def exclude(
    scenes: _Scenes = None,
    why: _Why = None,
    areas: _Areas = Path("areas.yaml"),
    area: _Area = None,
    undo: _Undo = False,
    list_: _List = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Keep scenes out of a watcher's maps, comparisons and time series; the next round takes back what is published.

    Exit code: 0 done; 2 an area does not know the scene, or nothing to exclude is named; 5 the ledger is away, or a
    scene is being mapped right now.
    """
    from workflows.runs.exclude import run_exclude

    run_exclude(areas, scenes or [], why=why, only=tuple(area or ()), undo=undo, listing=list_)
