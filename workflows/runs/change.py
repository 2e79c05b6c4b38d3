"""What ``strandline change`` does once its options are read: compare, report, tell alerts."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console

from pipeline.change.compute_change import ChangeOptions, ChangeResult, compute_change
from workflows.runs.console import open_console, print_event, show_progress
from workflows.runs.view import add_page

__all__ = ["EXIT_ALERT", "run_change"]

EXIT_ALERT: Final = 9
"""Exit code of a comparison that went well and found an alert."""

_SHOWN = 10


def run_change(old: Path, new: Path, out: Path, said: Mapping[str, Any], *, quiet: bool) -> None:
    """Compare two dates and say so on standard error, alerts on standard output; what went wrong is raised.

    Args:
        old: Earlier date.
        new: Later date.
        out: Folder for the result.
        said: All that the command line read.
        quiet: Say nothing but alerts.

    Raises:
        typer.Exit: With ``EXIT_ALERT`` where something passes a threshold.
    """
    kind = said.get("progress", "bar")
    console = open_console(quiet=quiet or kind == "none")
    began = time.perf_counter()
    with show_progress(console, kind) as progress:
        result = compute_change(old, new, out, options=ChangeOptions.pick(said), progress=progress)
    for note in result.notes:
        console.out(f"Note: {note}")
    if result.already_made:
        console.out(f"Already done: {result.folder}")
    else:
        _report(console, result, time.perf_counter() - began)
    if said["view"]:
        add_page(result.folder, console, already_made=result.already_made)
    for line in _list_alerts(result):
        if kind == "json":
            print_event("alert", text=line)
        else:
            typer.echo(f"ALERT {line}")
    if kind == "json":
        print_event("finished", folder=str(result.folder))
    if result.alerts:
        raise typer.Exit(EXIT_ALERT)


def _report(console: Console, result: ChangeResult, seconds: float) -> None:
    total = result.summary
    console.out(
        f"{total.clear_km:.1f} of {total.shore_km:.1f} km of shore were clear on both dates; {total.moved_km:.1f} km "
        "moved beyond the uncertainty.",
    )
    if total.inland_km and not total.counts_inland:
        console.out(
            f"Besides, {total.inland_km:.1f} km of shore of inland waters, {total.inland_moved_km:.1f} km of it moved; "
            "--inland counts it.",
        )
    if total.mean_shift_m is not None:
        console.out(
            f"Mean shift {total.mean_shift_m:+.1f} m (advance is positive); land gained {total.gained_m2 / 1e4:,.2f} "
            f"ha, lost {total.lost_m2 / 1e4:,.2f} ha; {total.bodies} whole bodies appeared or vanished.",
        )
    console.out(f"{seconds:.1f} s: {result.folder}")


def _list_alerts(result: ChangeResult) -> Iterator[str]:
    for alert in result.alerts[:_SHOWN]:
        kind = alert.kind if alert.pieces == 1 else f"{alert.kind} in {alert.pieces} pieces"
        yield f"{alert.layer} {alert.id} at {alert.lat:.5f}, {alert.lon:.5f}: {kind}, {alert.why}"
    if len(result.alerts) > _SHOWN:
        yield f"{len(result.alerts) - _SHOWN} more in {result.folder / 'change.json'}"
