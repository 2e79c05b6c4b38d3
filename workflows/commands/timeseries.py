"""``strandline timeseries``: where the shore was on each date along transects, and how fast it moves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = ["timeseries"]

_Area = Annotated[Path, typer.Argument(metavar="AREA", help="Mapped scenes, as batch or watch leave them.")]
_Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for the results; it appears when it is whole.")]
_Transects = Annotated[str, typer.Option(help="File of lines from land to sea in any CRS, or auto: cast normal.")]
_SeawardFirst = Annotated[bool, typer.Option("--seaward-first", help="Given lines run from sea to land.")]
_Reference = Annotated[
    Path | None, typer.Option(help="auto: lines with land on their left, or a mosaic; default: the clearest date.")
]
_Spacing = Annotated[float, typer.Option("--spacing", help="auto: metres from one transect to the next.")]
_Landward = Annotated[float, typer.Option("--landward", help="auto: metres that they reach over land.")]
_Seaward = Annotated[float, typer.Option("--seaward", help="auto: metres that they reach over water.")]
_Smooth = Annotated[float, typer.Option("--smooth", help="auto: scale of the smoothing of the reference, metres.")]
_Least = Annotated[float, typer.Option("--least", help="auto: shorter reference lines get no transects, metres.")]
_Crossing = Annotated[
    Literal["nearest", "seaward", "landward"],
    typer.Option(help="Of several shores on a transect: the one nearest to its usual position, or an outermost one."),
]
_LeastDates = Annotated[int, typer.Option("--least-dates", help="Fewer dates give no rate (3 or more).")]
_Confidence = Annotated[float, typer.Option(help="Of the intervals.")]
_Outliers = Annotated[Literal["keep", "drop"], typer.Option(help="Flagged positions in the fits.")]
_Coregister = Annotated[
    bool, typer.Option("--coregister/--no-coregister", help="Take out how far images lie beside the clearest one.")
]
_Registration = Annotated[
    float, typer.Option(help="Standard deviation of an image's place where it is not measured, metres.")
]
_Tides = Annotated[Path | None, typer.Option(help="CSV of time (UTC) and height_m.")]
_TideModel = Annotated[str | None, typer.Option("--tide-model", help="Tide model that pyTMD reads: FES2022, EOT20 …")]
_TideFolder = Annotated[Path | None, typer.Option("--tide-folder", help="Folder of that model.")]
_Slope = Annotated[float | None, typer.Option("--beach-slope", help="Rise over run, such as 0.05: corrects for tides.")]


def timeseries(
    context: typer.Context,
    area: _Area,
    out: _Out,
    transects: _Transects = "auto",
    seaward_first: _SeawardFirst = False,
    reference: _Reference = None,
    spacing_m: _Spacing = 100.0,
    landward_m: _Landward = 200.0,
    seaward_m: _Seaward = 200.0,
    smooth_m: _Smooth = 100.0,
    least_m: _Least = 500.0,
    crossing: _Crossing = "nearest",
    least_dates: _LeastDates = 3,
    confidence: _Confidence = 0.95,
    outliers: _Outliers = "keep",
    coregister: _Coregister = True,
    registration_m: _Registration = 2.0,
    tides: _Tides = None,
    tide_model: _TideModel = None,
    tide_folder: _TideFolder = None,
    beach_slope: _Slope = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an older, different result.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Follow the shore along transects through all mapped dates: positions, rates a year, a map and a plot."""
    from workflows.runs.timeseries import run_timeseries

    run_timeseries(area, out, context.params, quiet=quiet)
