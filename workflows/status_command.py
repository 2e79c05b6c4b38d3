"""``strandline status``: how far the batch of a folder is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["status"]


def status(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of a batch (strandline batch --out).")],
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Say what a batch has mapped, what failed and why, what is left, and whether it is at work now."""
    import json
    from dataclasses import asdict

    from rich.console import Console

    from pipeline.batch_summary import read_status
    from workflows.batch_tables import show_problems, tabulate

    found = read_status(folder)
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2, ensure_ascii=False))
        return
    console = Console(highlight=False)
    console.print("A run is going on." if found.running else "No run is going on.")
    console.print(f"{found.left:,} of {found.planned:,} scenes are left. Last mapped: {found.last_done or 'none yet'}.")
    console.print(tabulate(found.counts))
    show_problems(console, found.problems)
