"""``strandline mosaic``: many mapped scenes become one map and one coastline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from workflows.runs.map_options import Crs, Dissolve, MinLength, Ocean, Only, PointsEvery, Progress, Smooth, View

__all__ = ["Grid", "Statistic", "mosaic"]

_Folder = Annotated[
    str, typer.Argument(metavar="DIR", help="Mapped scenes, as map or batch leave them; or a store of such: s3://...")
]
_Out = Annotated[
    str, typer.Option("--out", "-o", help="Folder for the mosaic, or its URL in a store; it appears when it is whole.")
]
Grid = Annotated[str, typer.Option(help="mgrs (UTM, a folder a tile), or a CRS and a pixel size: EPSG:3035:10.")]
Statistic = Annotated[
    Literal["frequency", "median", "latest"],
    typer.Option(
        help="What several clear dates of a place come to, which the coastline follows: the median of their water, "
        "where half of them are water, or the last of them."
    ),
]
_Dates = Annotated[
    str | None, typer.Option(help="Join only scenes of these days: 2024, 2024-07/2024-09. Default: all.")
]
_MinArea = Annotated[float, typer.Option(help="Leave smaller islands and lakes out of the vectors, in square metres.")]
_Formats = Annotated[str, typer.Option(help="More vector formats: shp, shp.zip, fgb, geojson, kml, pmtiles.")]
_Workers = Annotated[int | None, typer.Option(help="Worker processes on this machine; 0: all in this process.")]
_Scheduler = Annotated[str | None, typer.Option(help="Address of a running Dask scheduler: tcp://HOST:8786.")]
_SchedulerFile = Annotated[Path | None, typer.Option(help="File that a running Dask scheduler wrote.")]


def mosaic(
    context: typer.Context,
    folder: _Folder,
    out: _Out,
    grid: Grid = "mgrs",
    statistic: Statistic = "median",
    dates: _Dates = None,
    min_area_m2: _MinArea = 0.0,
    min_length_m: MinLength = 0.0,
    ocean: Ocean = None,
    only: Only = None,
    formats: _Formats = "gpkg",
    crs: Crs = None,
    smooth_m: Smooth = 0.0,
    dissolve: Dissolve = False,
    points_every_m: PointsEvery = None,
    workers: _Workers = None,
    scheduler: _Scheduler = None,
    scheduler_file: _SchedulerFile = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an older, different mosaic.")] = False,
    view: View = True,
    progress: Progress = "bar",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Join mapped scenes: water, frequency, observations as COGs and Zarr, and one coastline through all of them."""
    from workflows.runs.mosaic import run_mosaic

    run_mosaic(folder, out, context.params, quiet=quiet)
