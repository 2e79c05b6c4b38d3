"""The bar that commands show while they work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

__all__ = ["show_progress"]

ReportProgress = Callable[[str, float], None]


@contextmanager
def show_progress(console: Console) -> Iterator[ReportProgress]:
    """A bar for people; where nobody watches (a log, a pipe), nothing.

    Args:
        console: Where to draw it.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("opening", total=1.0)
        yield lambda stage, share: bar.update(task, description=stage, completed=share)
