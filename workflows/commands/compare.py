"""``strandline compare``: models side by side on the same pixels, the water indices always among them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workflows.commands.evaluate import HeldOut, Places, SplitSeed, TileSize

__all__ = ["compare"]

_Names = Annotated[
    list[str],
    typer.Argument(
        metavar="MODEL… DATA",
        help="One or more models (bundled names or files), and last the data, as for evaluate.",
    ),
]
_Out = Annotated[Path | None, typer.Option("--out", "-o", help="Folder for a report; without it, a table is printed.")]


def compare(
    context: typer.Context,
    names: _Names,
    out: _Out = None,
    places: Places = "all",
    held_out: HeldOut = 0.15,
    split_seed: SplitSeed = 0,
    tile_size: TileSize = 384,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32, bf16 or int8.")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no table.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Compare models with each other and with NDWI, MNDWI and AWEI, each with threshold 0 and Otsu's."""
    from pipeline.errors import OptionError
    from workflows.runs.evaluate import run_evaluation

    *models, data = names
    if not models:
        raise OptionError(f"Expected one model or more and then the data, found {data!r} alone.")
    run_evaluation(models, data, out, {**context.params, "pictures": 24 if out else 0}, repeats=0, quiet=quiet)
