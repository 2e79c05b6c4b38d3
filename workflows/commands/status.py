"""``strandline status``: how far the batch or the coast of a folder is, or how the areas of a watcher stand."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

__all__ = ["status"]

_AREAS_NAME = "areas.yaml"

_Where = Annotated[
    Path | None,
    typer.Argument(
        metavar="[WHERE]",
        help=f"Folder of a batch or a coast (their --out), or the file of a watcher; else ./{_AREAS_NAME}.",
    ),
]
_Area = Annotated[str | None, typer.Option("--area", help="Of a watcher: one area, scene by scene.")]


def status(
    where: _Where = None,
    area: _Area = None,
    as_json: Annotated[bool, typer.Option("--json", help="For machines: everything.")] = False,
) -> None:
    """Say what a batch, a coast or a watcher has mapped, what failed and why, what is left, if it is at work now."""
    where = where or _find_areas()
    if where.is_file() or where.suffix.lower() in {".yaml", ".yml"}:
        _print_watch(where, area, as_json=as_json)
        return
    if area is not None:
        from pipeline.errors import OptionError

        raise OptionError(f"Expected --area with the file of a watcher, found the folder {where}. Leave it out.")
    from pipeline.coast.record import RECORD_NAME as COAST_NAME

    if (where / COAST_NAME).is_file():
        _print_coast(where, as_json=as_json)
    else:
        _print_batch(where, as_json=as_json)


def _find_areas() -> Path:
    if Path(_AREAS_NAME).is_file():
        return Path(_AREAS_NAME)
    from pipeline.errors import OptionError

    raise OptionError(
        f"Expected the folder of a batch or the file of a watcher, found no {_AREAS_NAME} in {Path.cwd()}. "
        "Name one: strandline status WHERE."
    )


def _print_batch(folder: Path, *, as_json: bool) -> None:
    from rich.console import Console

    from pipeline.batch.summary import read_status

    state = read_status(folder)
    if as_json:
        _print_json(state)
        return
    console = Console(highlight=False)
    console.print("A run is going on." if state.running else "No run is going on.")
    _print_maps(console, state)
    if state.page:
        console.out(f"To look at it: {state.page}")


def _print_maps(console: Any, state: Any) -> None:  # noqa: ANN401 (both take long to import)
    from workflows.runs.console import show_problems, tabulate

    console.print(f"{state.left:,} of {state.planned:,} scenes are left. Last mapped: {state.last_done or 'none yet'}.")
    console.print(tabulate(state.counts))
    show_problems(console, state.problems)


def _print_coast(folder: Path, *, as_json: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from pipeline.coast.status import read_coast_status

    state = read_coast_status(folder)
    if as_json:
        _print_json(state)
        return
    console = Console(highlight=False)
    console.print("A run is going on." if state.running else "No run is going on.")
    if state.maps is None:
        console.print("No scene had its turn yet.")
    else:
        _print_maps(console, state.maps)
    table = Table(box=None, pad_edge=False, show_header=False)
    for part in state.parts:
        made = f"{len(part.joined)} of {part.planned}" if part.joined else str(part.planned)
        lines = f"{part.lines:,} lines" if part.lines else ""
        table.add_row(part.name, part.state, f"{made} scenes", lines)
    console.print(table)
    if state.page:
        console.out(f"To look at it: {state.page}")


def _print_watch(path: Path, area: str | None, *, as_json: bool) -> None:
    from pipeline.watch.areas.file import read_areas  # takes seconds, which a batch need not wait for
    from pipeline.watch.status import read_watch_status

    state = read_watch_status(read_areas(path, to_work=False), area=area, scenes=as_json or area is not None)
    if as_json:
        _print_json(state)
        return
    from rich.console import Console

    from workflows.watcher.tables import show_area, show_watch

    console = Console(highlight=False)
    show = show_watch if area is None else show_area
    show(console, state)


def _print_json(state: Any) -> None:  # noqa: ANN401 (a value of the pipeline)
    import json
    from dataclasses import asdict
    from datetime import datetime

    def write(value: object) -> str:
        return value.isoformat() if isinstance(value, datetime) else str(value)

    typer.echo(json.dumps(asdict(state), indent=2, ensure_ascii=False, default=write))
