"""``strandline bench``: what a scene costs on this machine, and how near that is to the machine's limit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workflows.runs import map_options as choices

__all__ = ["bench"]

_Scene = Annotated[
    str | None,
    typer.Option(
        help="What map takes. Default: a scene of 2052 pixels a side is simulated, measured and removed.",
    ),
]
_Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for bench.json and bench.png.")]
_Runs = Annotated[
    int | None,
    typer.Option(min=1, help="Times that all is measured; medians count. Default: 3, or 1 for a large scene."),
]


def bench(
    context: typer.Context,
    scene: _Scene = None,
    out: _Out = Path("strandline-bench"),
    model: choices.Model = "strandline-small",
    device: choices.Device = "auto",
    precision: choices.Precision = "auto",
    runtime: choices.Runtime = "auto",
    runs: _Runs = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no table.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Measure decoding, network and mapping on this machine, each in a process of its own, beside its limit."""
    from workflows.runs.bench import run_benchmark

    run_benchmark(scene, out, context.params, runs=runs, quiet=quiet)
