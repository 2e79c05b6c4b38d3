"""``strandline evaluate``: how good a model is on data with known truth, beside every water index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["evaluate"]

# ``strandline compare`` takes these too.
Places = Annotated[str, typer.Option(help="all, held-out or learned places of the data.")]
HeldOut = Annotated[float, typer.Option(help="Share of the places that the training held out.")]
SplitSeed = Annotated[int, typer.Option(help="Seed of the split, as the training had it.")]
TileSize = Annotated[int, typer.Option(help="Rows and columns that are read at a time.")]

_Model = Annotated[str, typer.Argument(help="A bundled model (strandline models) or a model file.")]
_Data = Annotated[
    str,
    typer.Argument(
        help="simulated:FIRST-LAST[:KIND], labels:SCENES[:LIST], a folder in SWED's layout, or of images with masks.",
    ),
]
_Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for report.html, metrics.json and metrics.csv.")]
_Permute = Annotated[bool, typer.Option("--permute", help="Measure what shuffling each band costs, too.")]
_Repeats = Annotated[int, typer.Option(help="Shuffles a band.")]
_Pictures = Annotated[int, typer.Option(help="Tiles that are shown in the report.")]


def evaluate(
    context: typer.Context,
    model: _Model,
    data: _Data,
    out: _Out,
    places: Places = "all",
    held_out: HeldOut = 0.15,
    split_seed: SplitSeed = 0,
    tile_size: TileSize = 384,
    permute: _Permute = False,
    repeats: _Repeats = 3,
    pictures: _Pictures = 24,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32, bf16 or int8.")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Measure a model: OUT/report.html with tables, a reliability diagram and the worst tiles, and the numbers."""
    from workflows.runs.evaluate import run_evaluation

    run_evaluation([model], data, out, context.params, repeats=repeats if permute else 0, quiet=quiet)
