"""``strandline view``: a result as one page for a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["view"]

_Folder = Annotated[
    Path,
    typer.Argument(metavar="DIR", help="What map, batch, mosaic, coast, change, timeseries or watch made."),
]
_Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="The page; else view.html in DIR, which its item links to.")
]
_Open = Annotated[bool, typer.Option("--open", help="Show the page in the browser.")]


def view(
    folder: _Folder,
    out: _Out = None,
    show: _Open = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Make one page of a result: pictures, lines and facts, to zoom and to click. It needs no network and no server."""
    from workflows.runs.view import run_view

    run_view(folder, out, show=show, quiet=quiet)
