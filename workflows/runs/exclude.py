"""What ``strandline exclude`` does once its options are read: change the ledger, and say what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from pipeline.errors import OptionError
from pipeline.watch.areas.file import WatchSettings, read_areas
from pipeline.watch.ledger.ledger import Ledger, open_ledger

__all__ = ["run_exclude"]


def run_exclude(
    path: Path, scenes: Sequence[str], *, why: str | None, only: Sequence[str], undo: bool, listing: bool
) -> None:
    """Exclude scenes, let them in again, or list what is excluded.

    Args:
        path: File of the areas.
        scenes: Products or acquisitions.
        why: Why they are excluded.
        only: Names of areas; empty: all.
        undo: Let them in again.
        listing: List, instead.

    Raises:
        OptionError: The options make no sense, or no area knows a scene.
        BusyError: A scene is being mapped right now.
        LedgerError: The ledger is away, or there is none yet.
    """
    _check(scenes, why=why, undo=undo, listing=listing)
    settings = read_areas(path, to_work=False)
    names = [settings.get_area(name).name for name in only] or [area.name for area in settings.areas]
    ledger = open_ledger(settings.reveal_ledger_url(), create=False)
    if listing:
        _list(ledger, settings, names)
    for scene in scenes:
        for line in _change(ledger, names, scene, why=None if undo else why):
            typer.echo(line)


def _check(scenes: Sequence[str], *, why: str | None, undo: bool, listing: bool) -> None:
    if listing and (scenes or why or undo):
        raise OptionError("Expected --list alone, or with --area.")
    if not listing and not scenes:
        raise OptionError("Expected scenes to exclude, found none: strandline status --area NAME lists their names.")
    if not listing and undo == bool(why and why.strip()):
        raise OptionError("Expected --why TEXT, or --undo, and not both.")


def _change(ledger: Ledger, names: Sequence[str], scene: str, *, why: str | None) -> list[str]:
    lines = []
    for name in names:
        row = ledger.include(name, scene) if why is None else ledger.exclude(name, scene, why=why)
        if row is None:
            continue
        if why is not None:
            stands = "; the next round takes back what is published of it" if row.published_to else ""
            lines.append(f"{name}: {row.product} is excluded{stands}.")
        else:
            then = f"skipped for {row.skip} as before" if row.state == "skipped" else "mapped in the next round"
            lines.append(f"{name}: {row.product} is let in again, and {then}.")
    if not lines:
        wanted = "an excluded scene" if why is None else "a scene"
        raise OptionError(
            f"Expected {wanted} of {', '.join(names)}, found no {scene} in the ledger {ledger.name}. "
            "See strandline status --area NAME, or strandline exclude --list."
        )
    return lines


def _list(ledger: Ledger, settings: WatchSettings, names: Sequence[str]) -> None:
    rows = [row for name in names for row in ledger.rows(name, states=["skipped"], items=False) if row.is_excluded]
    for row in rows:
        at = next((str(event["at"])[:10] for event in reversed(row.history) if event["what"] == "excluded"), "?")
        typer.echo(f"{row.area}: {row.product}, excluded {at}: {settings.hide(row.reason)}")
    if not rows:
        typer.echo("Nothing is excluded.")
