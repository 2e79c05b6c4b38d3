"""``strandline export``: more formats of a map or a mosaic that exists."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workflows.runs.map_options import Crs, Dissolve, Formats, PointsEvery, Smooth

__all__ = ["export"]

_Folder = Annotated[Path, typer.Argument(metavar="DIR", help="What map, batch or mosaic made.")]
_Out = Annotated[
    Path | None,
    typer.Option("--out", "-o", help="Folder for the files; else beside those in DIR."),
]


def export(
    context: typer.Context,
    folder: _Folder,
    out: _Out = None,
    formats: Formats = "gpkg",
    crs: Crs = None,
    smooth_m: Smooth = 0.0,
    dissolve: Dissolve = False,
    points_every_m: PointsEvery = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an older, different export.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Write more formats of vectors that exist, or, with --out, the same in another CRS or shape; map nothing again."""
    from workflows.runs.export import run_export

    run_export(folder, out, context.params, quiet=quiet)
