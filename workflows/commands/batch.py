"""``strandline batch``: map many scenes, on this machine or on a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workflows.runs import map_options as choices

__all__ = ["Retries", "Scheduler", "SchedulerFile", "Threads", "Workers", "batch"]

_Scenes = Annotated[
    Path,
    typer.Argument(
        metavar="SCENES",
        help="A plan (strandline search), a folder of scenes, or a text file with a scene a line.",
    ),
]
_Out = Annotated[
    str, typer.Option("--out", "-o", help="Folder for results, a folder a scene is made in it; or a store: s3://...")
]
Workers = Annotated[
    int | None, typer.Option(help="Worker processes on this machine; left out: as cores and memory allow.")
]
Scheduler = Annotated[str | None, typer.Option(help="A Dask scheduler that is there already: tcp://HOST:PORT.")]
SchedulerFile = Annotated[Path | None, typer.Option(help="The file in which such a scheduler wrote its address.")]
Threads = Annotated[
    int | None, typer.Option(help="Threads a worker; left out: its share of this machine's cores, one on a cluster.")
]
Retries = Annotated[int, typer.Option(min=0, help="How often a scene is tried again after what may pass.")]


def batch(
    context: typer.Context,
    scenes: _Scenes,
    out: _Out,
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
    aoi: choices.Aoi = None,
    cloud_classes: choices.Cloud = "3,8,9,10",
    mask: choices.Mask = None,
    mask_classes: choices.MaskClasses = None,
    cloud_buffer_m: choices.CloudBuffer = 60.0,
    doubtful: choices.Doubtful = "hide",
    threshold: choices.Threshold = 0.5,
    min_area_m2: choices.MinArea = 0.0,
    min_length_m: choices.MinLength = 0.0,
    simplify_m: choices.Simplify = 0.0,
    ocean: choices.Ocean = None,
    only: choices.Only = None,
    tides: choices.Tides = None,
    tide_model: choices.TideModel = None,
    tide_folder: choices.TideFolder = None,
    formats: choices.Formats = "gpkg",
    crs: choices.Crs = None,
    smooth_m: choices.Smooth = 0.0,
    dissolve: choices.Dissolve = False,
    points_every_m: choices.PointsEvery = None,
    bands: choices.Bands = None,
    scale: choices.Scale = None,
    offset: choices.Offset = None,
    nodata: choices.Nodata = None,
    date: choices.Date = None,
    any_platform: choices.AnyPlatform = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace older, different results.")] = False,
    view: choices.View = True,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Map many scenes into OUT/<scene id>/, with OUT/summary.json; the same command goes on where a run was stopped.

    Exit code: 0 all that could be mapped is; 6 some scenes failed and were set aside; 8 nothing could be mapped;
    7 no cluster, or it went away.
    """
    from workflows.runs.batch import run

    run(scenes, out, context.params, retries=retries, progress=progress)
