"""``strandline change``: what the sea took and gave between two dates."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workflows.runs.map_options import Crs, Progress, View

__all__ = ["change"]

_Old = Annotated[
    Path,
    typer.Argument(
        metavar="OLD",
        help="Earlier date: a mapped scene's folder, a mosaic, a raster of ours or a vector file.",
    ),
]
_New = Annotated[Path, typer.Argument(metavar="NEW", help="Later date, likewise; any grid and CRS.")]
_Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the result; it appears when it is whole.")]
_Factor = Annotated[float, typer.Option(help="A shift counts beyond this many standard deviations of both dates.")]
_Coregister = Annotated[
    bool, typer.Option("--coregister/--no-coregister", help="Take out how far the images lie apart on stable land.")
]
_Registration = Annotated[
    float, typer.Option(help="Standard deviation of one image's place to the other's where it is not measured, metres.")
]
_MaxShift = Annotated[
    float, typer.Option("--max-shift", help="Look for the new shore no farther than this, in metres.")
]
_MinLength = Annotated[float, typer.Option(help="Leave shorter stretches of moved shore out, in metres.")]
_MinArea = Annotated[float, typer.Option(help="Leave smaller polygons out, in square metres.")]
_Margin = Annotated[int, typer.Option("--margin-px", help="Say nothing within this many pixels of cloud and nodata.")]
_AlertM = Annotated[
    float | None, typer.Option(help="Alert where a shore surely (95%) shifted by more than this, metres.")
]
_AlertArea = Annotated[float | None, typer.Option(help="Alert where a shore surely gained or lost more than this, m².")]
_Inland = Annotated[bool, typer.Option("--inland", help="Count shores of waters that land encloses as well.")]
_AlertBodies = Annotated[bool, typer.Option("--alert-bodies", help="Alert on bodies that appeared or vanished too.")]
_Tides = Annotated[Path | None, typer.Option(help="CSV of heights to record: columns time and height (metres).")]
_TideModel = Annotated[str | None, typer.Option("--tide-model", help="Tide model that pyTMD reads: FES2022, EOT20 …")]
_TideFolder = Annotated[Path | None, typer.Option("--tide-folder", help="Folder of that model.")]


def change(
    context: typer.Context,
    old: _Old,
    new: _New,
    out: _Out,
    factor: _Factor = 2.0,
    coregister: _Coregister = True,
    registration_m: _Registration = 2.0,
    max_shift_m: _MaxShift = 200.0,
    min_length_m: _MinLength = 50.0,
    min_area_m2: _MinArea = 0.0,
    clear_margin_px: _Margin = 2,
    alert_m: _AlertM = None,
    alert_area_m2: _AlertArea = None,
    alert_bodies: _AlertBodies = False,
    inland: _Inland = False,
    crs: Crs = None,
    tides: _Tides = None,
    tide_model: _TideModel = None,
    tide_folder: _TideFolder = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an older, different comparison.")] = False,
    view: View = True,
    progress: Progress = "bar",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but alerts and what is wrong.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Compare two dates: land gained and lost, and how far the shore moved. Exit code 9 where there is an alert."""
    from workflows.runs.change import run_change

    run_change(old, new, out, context.params, quiet=quiet)
