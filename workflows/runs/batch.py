"""What ``strandline batch`` does once its options are read: validate, run, show, report."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pipeline.batch.run_batch import Report, run_batch
from pipeline.batch.summary import BatchSummary
from pipeline.cluster.client import ClusterOptions
from workflows.runs.console import open_console, show_problems, tabulate
from workflows.runs.map import read_options, read_stack
from workflows.runs.view import add_page

__all__ = ["EXIT_NONE", "EXIT_SOME", "map_scenes", "run"]

EXIT_SOME = 6
"""Some scenes failed and were set aside."""

EXIT_NONE = 8
"""Nothing could be mapped."""


def run(scenes: Path, out: str, said: Mapping[str, Any], *, retries: int, progress: str) -> None:
    """Map many scenes; what went wrong with all of them is raised.

    Args:
        scenes: What the user gave.
        out: Folder for results, or the URL of a store.
        said: All that the command line read.
        retries: How often a scene is tried again.
        progress: ``bar``, ``json`` or ``none``.

    Raises:
        typer.Exit: Not all scenes could be mapped.
    """
    summary = map_scenes(scenes, out, said, retries=retries, progress=progress)
    if summary.failed or not summary.done:
        raise typer.Exit(EXIT_SOME if summary.done else EXIT_NONE)


def map_scenes(scenes: Path, out: Path | str, said: Mapping[str, Any], *, retries: int, progress: str) -> BatchSummary:
    """Map many scenes, show how it goes, and add a page.

    Args:
        scenes: What the user gave.
        out: Folder for results, or the URL of a store.
        said: All that the command line read.
        retries: How often a scene is tried again.
        progress: ``bar``, ``json`` or ``none``.

    Raises:
        StrandlineError: Nothing can be mapped at all.
    """
    console = open_console(quiet=progress != "bar")
    mapping = partial(
        run_batch,
        scenes,
        out,
        options=read_options(said),
        stack=read_stack(said),
        cluster=ClusterOptions.pick(said),
        retries=retries,
    )
    with _print_events() if progress == "json" else _show_progress(console) as report:
        summary = mapping(report=report)
    _report(console, str(out), summary)
    if said["view"] and summary.done and "://" not in str(out):
        from pipeline.view.add_page import is_page_old

        out = Path(out)
        is_drawn = not summary.counts.get("mapped") and not summary.failed and not is_page_old(out)
        add_page(out, console, already_made=is_drawn)
    return summary


@contextmanager
def _print_events() -> Iterator[Report]:
    """A line an event, for machines."""
    yield lambda event: print(json.dumps(event, ensure_ascii=False), flush=True)


@contextmanager
def _show_progress(console: Console) -> Iterator[Report]:
    """A bar for people; where nobody watches (a log), a line a scene."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    console.print("Looking for scenes and starting workers.")
    with bar:
        yield _Shower(console, bar).show


class _Shower:
    """Turns events into a bar with counts, and lines for what a person should know at once."""

    def __init__(self, console: Console, bar: Progress) -> None:
        self._console, self._bar = console, bar
        self._task = bar.add_task("starting", total=None, rate="")
        self._counts: dict[str, int] = {}

    def show(self, event: Mapping[str, Any]) -> None:
        """Show one event."""
        if event["event"] == "started":
            self._start(event)
        elif event["event"] == "part":
            self._bar.update(self._task, description="parts", completed=event["done"], total=event["total"])
        elif event["event"] == "scene":
            self._show_scene(event)

    def _start(self, event: Mapping[str, Any]) -> None:
        several = f"{event['workers']} at a time, {event['threads']} thread(s) each"
        self._console.out(f"{event['scenes']} scenes; {several}. Dashboard: {event['dashboard']}")
        if event["resources"]:
            self._console.print(f"Each scene takes of the workers' resources: {', '.join(event['resources'])}.")
        self._bar.update(self._task, description="mapping", total=event["scenes"])

    def _show_scene(self, event: Mapping[str, Any]) -> None:
        self._counts[event["kind"]] = self._counts.get(event["kind"], 0) + 1
        words = ", ".join(f"{count} {kind}" for kind, count in self._counts.items())
        seconds = self._bar.tasks[0].elapsed or 0.0
        rate = f"{3600 * event['done'] / seconds:,.0f} an hour" if seconds > 1 else ""
        self._bar.update(self._task, description=words, completed=event["done"], total=event["total"], rate=rate)
        if event["reason"] or not self._console.is_terminal:
            line = f"[{event['done']}/{event['total']}] {event['kind']}: {event['id']}"
            self._console.out(line + (f" ({event['reason']})" if event["reason"] else ""))


def _report(console: Console, out: str, summary: BatchSummary) -> None:
    for note, count in list(summary.notes.items())[:5]:
        console.out(f"Note on {count} scene(s): {note}")
    console.print(tabulate(summary.counts))
    show_problems(console, summary.problems)
    console.out(f"{summary.seconds:.0f} s. All of it: {out.rstrip('/')}/summary.json")
