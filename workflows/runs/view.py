"""What ``strandline view`` does once its options are read, and how other commands add a page to what they made."""

from __future__ import annotations

import time
import webbrowser
from pathlib import Path

import typer
from rich.console import Console

from workflows.runs.console import open_console

__all__ = ["add_page", "run_view"]


def run_view(folder: Path, out: Path | None, *, show: bool, quiet: bool) -> None:
    """Write a page and say so on standard error; what went wrong is raised.

    Args:
        folder: A result.
        out: The page; ``None``: in the folder.
        show: Open it in the browser.
        quiet: Say nothing unless something is wrong.
    """
    from pipeline.view.write_page import write_page

    console = open_console(quiet=quiet)
    began = time.perf_counter()
    page = write_page(folder, out)
    console.out(f"{page.size / 1e6:.1f} MB in {time.perf_counter() - began:.1f} s: {page.path}")
    if show and not webbrowser.open(page.path.resolve().as_uri()):
        console.out(f"No browser was found: open {page.path} in one.")


def add_page(folder: Path, console: Console, *, already_made: bool) -> None:
    """Write the page of what a command made, and say where it is; where it cannot be drawn, a note says so.

    Args:
        folder: The result.
        console: Where to say it.
        already_made: Nothing was done: a page that is there stays.
    """
    from pipeline.view.add_page import add_page as write
    from pipeline.view.write_page import ViewError

    try:
        page = write(folder, already_made=already_made)
    except ViewError as error:
        typer.echo(f"Note: {error}", err=True)
        return
    if page is not None:
        console.out(f"To look at it: {page.path}")
