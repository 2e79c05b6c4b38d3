"""What commands show to people: on standard error, as it is, with tables of counts and a bar."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from pipeline.batch.record import Entry

__all__ = ["open_console", "print_event", "show_problems", "show_progress", "split_words", "tabulate"]

_SHOWN = 12


def open_console(*, quiet: bool) -> Console:
    """Where a command says how it goes: standard error, without colours of its own.

    Args:
        quiet: Say nothing.
    """
    return Console(stderr=True, quiet=quiet, highlight=False)


def tabulate(counts: Mapping[str, int]) -> Table:
    """Counts by kind as a table."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for kind, count in counts.items():
        table.add_row(f"{count:,}", kind)
    return table


def show_problems(console: Console, problems: Sequence[Entry]) -> None:
    """Print what was not mapped and why, the failures first and never a screenful."""
    ordered = sorted(problems, key=lambda entry: (entry.kind != "failed", entry.kind, entry.id))
    for entry in ordered[:_SHOWN]:
        console.out(f"{entry.kind}: {entry.id}: {entry.reason}")
    if len(ordered) > _SHOWN:
        console.print(f"… and {len(ordered) - _SHOWN} more.")


def split_words(text: str) -> tuple[str, ...]:
    """The words of a list with commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())


ReportProgress = Callable[[str, float], None]


def print_event(event: str, **facts: str | float) -> None:
    """A line of JSON on standard output, for a program that started the command.

    Args:
        event: What happened.
        facts: What is to be told of it.
    """
    print(json.dumps({"event": event, **facts}), flush=True)


@contextmanager
def show_progress(console: Console, kind: str = "bar") -> Iterator[ReportProgress]:
    """A bar for people; where nobody watches (a log, a pipe), nothing.

    Args:
        console: Where to draw it.
        kind: ``bar``, ``json`` (an event for each percent of a stage instead) or ``none``.
    """
    if kind == "json":
        yield _PercentPrinter()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal or kind == "none") as bar:
        task = bar.add_task("opening", total=1.0)
        yield lambda stage, share: bar.update(task, description=stage, completed=share)


class _PercentPrinter:
    """Prints how far a stage is, once a percent."""

    def __init__(self) -> None:
        self._printed = ("", -1)

    def __call__(self, stage: str, share: float) -> None:
        percent = int(100 * share)
        if (stage, percent) != self._printed:
            self._printed = (stage, percent)
            print_event("progress", stage=stage, percent=percent)
