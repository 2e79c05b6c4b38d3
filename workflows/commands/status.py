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
    _print_folder(where, as_json=as_json)


def _find_areas() -> Path:
    if Path(_AREAS_NAME).is_file():
        return Path(_AREAS_NAME)
    from pipeline.errors import OptionError

    raise OptionError(
        f"Expected the folder of a batch or the file of a watcher, found no {_AREAS_NAME} in {Path.cwd()}. "
        "Name one: strandline status WHERE."
    )


def _print_folder(folder: Path, *, as_json: bool) -> None:
    """Of a batch, or of a coast: its batch, and its parts."""
    from rich.console import Console

    from pipeline.batch.summary import read_status
    from pipeline.coast.record import RECORD_NAME
    from pipeline.coast.status import read_coast_status
    from workflows.runs.console import show_problems, tabulate

    coast = read_coast_status(folder) if (folder / RECORD_NAME).is_file() else None
    batch = coast.maps if coast else read_status(folder)
    state: Any = coast or batch
    if as_json:
        _print_json(state)
        return
    console = Console(highlight=False)
    console.print("A run is going on." if state.running else "No run is going on.")
    if batch is None:
        console.print("No scene had its turn yet.")
    else:
        last = batch.last_done or "none yet"
        console.print(f"{batch.left:,} of {batch.planned:,} scenes are left. Last mapped: {last}.")
        console.print(tabulate(batch.counts))
        show_problems(console, batch.problems)
    if coast:
        console.print(_tabulate_parts(coast))
    if state.page:
        console.out(f"To look at it: {state.page}")


def _tabulate_parts(coast: Any) -> Any:  # noqa: ANN401 (both take long to import)
    """The parts of a coast: what became of each, of how many scenes, in how many lines."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    for part in coast.parts:
        scenes = f"{len(part.joined)} of {part.planned}" if part.joined else str(part.planned)
        table.add_row(part.name, part.state, f"scenes: {scenes}", f"lines: {part.lines:,}" if part.lines else "")
    return table


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
