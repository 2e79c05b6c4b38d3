"""What ``strandline bench`` does once its options are read: measure, print the table, say where the files are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.bench.record import list_rows
from pipeline.bench.report import BenchReport
from pipeline.bench.run_bench import run_bench
from workflows.runs.console import open_console, show_progress
from workflows.runs.map import read_options

__all__ = ["render_bench", "run_benchmark"]


def run_benchmark(scene: str | None, out: Path, said: Mapping[str, Any], *, runs: int | None, quiet: bool) -> None:
    """Measure, and print what was found on standard output; what went wrong is raised.

    Args:
        scene: What the user gave; ``None``: one is simulated.
        out: Folder for the two files.
        said: All that the command line read.
        runs: How often everything is measured.
        quiet: Print nothing.
    """
    console = open_console(quiet=quiet)
    options = read_options(said)
    with show_progress(console) as progress:
        report = run_bench(scene, out, options=options, runs=runs, progress=progress)
    if not quiet:
        Console().print(render_bench(report))
    console.out(f"Wrote {out / 'bench.json'} and {out / 'bench.png'}")


def render_bench(report: BenchReport) -> Table:
    """Lay out the figures for a terminal.

    Args:
        report: What was found.
    """
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for group in list_rows(report):
        for name, value in group:
            table.add_row(Text(name), Text(value))
        table.add_section()
    return table
