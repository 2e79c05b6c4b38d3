"""``strandline coast``: from an area and a period to one coastline, in one command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from workflows.commands.batch import Retries, Scheduler, SchedulerFile, Threads, Workers
from workflows.commands.mosaic import Grid, Statistic
from workflows.commands.search import Collection, Dates, Limit, MaxCloud, SearchAoi, Stac
from workflows.runs import map_options as choices

__all__ = ["coast"]

_Out = Annotated[
    str,
    typer.Option(
        "--out", "-o", help="Folder, or store (s3://...), for all: the plan, maps/, and mosaic/ or a folder a period."
    ),
]
_Every = Annotated[
    Literal["year", "quarter"] | None,
    typer.Option(help="A mosaic and a line for each year or quarter, in a folder of its name (2024, 2024-Q3)."),
]
_Scenes = Annotated[
    Path | None,
    typer.Option(help="Scenes that are here already, a folder or a list, instead of a search; of the dates alone."),
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Search, keep and show the plan; map nothing.")]
_Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Search again, and replace what another plan or other choices made.")
]


def coast(
    context: typer.Context,
    aoi: SearchAoi,
    dates: Dates,
    out: _Out,
    every: _Every = None,
    scenes: _Scenes = None,
    max_cloud: MaxCloud = None,
    source: Stac = "earth-search",
    collection: Collection = None,
    limit: Limit = None,
    dry_run: _DryRun = False,
    statistic: Statistic = "median",
    grid: Grid = "mgrs",
    min_area_m2: choices.MinArea = 0.0,
    min_length_m: choices.MinLength = 0.0,
    ocean: choices.Ocean = None,
    only: choices.Only = None,
    formats: choices.Formats = "gpkg",
    crs: choices.Crs = None,
    smooth_m: choices.Smooth = 0.0,
    dissolve: choices.Dissolve = False,
    points_every_m: choices.PointsEvery = None,
    workers: Workers = None,
    scheduler: Scheduler = None,
    scheduler_file: SchedulerFile = None,
    threads: Threads = None,
    retries: Retries = 2,
    progress: choices.Progress = "bar",
    model: choices.Model = "strandline-small",
    device: choices.Device = "auto",
    precision: choices.Precision = "auto",
    runtime: choices.Runtime = "auto",
    decoder: choices.Decoder = "gdal",
    tile_size: choices.TileSize = None,
    cloud_classes: choices.Cloud = "3,8,9,10",
    mask: choices.Mask = None,
    mask_classes: choices.MaskClasses = None,
    cloud_buffer_m: choices.CloudBuffer = 60.0,
    doubtful: choices.Doubtful = "hide",
    threshold: choices.Threshold = 0.5,
    tides: choices.Tides = None,
    tide_model: choices.TideModel = None,
    tide_folder: choices.TideFolder = None,
    bands: choices.Bands = None,
    scale: choices.Scale = None,
    offset: choices.Offset = None,
    nodata: choices.Nodata = None,
    date: choices.Date = None,
    any_platform: choices.AnyPlatform = False,
    overwrite: _Overwrite = False,
    view: choices.View = True,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Map a coast: search, batch, mosaic and view in one; the same command goes on where a run was stopped.

    The plan is kept in OUT: what is searched once is not searched again, and lines may be taken out of it. Each mosaic
    joins all clear dates of a place: by default the line is that of their median, and says how often and between which
    dates it was seen.

    Exit code: 0 all that could be mapped is; 6 some scenes failed, and the mosaics say which they lack; 8 nothing
    could be mapped; 7 no cluster, or it went away.
    """
    from workflows.runs.coast import run_coast

    parameters = {str(parameter.name): parameter.opts[0] for parameter in context.command.params}
    typed = {name: word for name, word in parameters.items() if _is_typed(context, name)}
    run_coast(context.params, typed)


def _is_typed(context: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line, and is not a default."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
