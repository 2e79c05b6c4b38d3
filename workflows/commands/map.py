"""``strandline map``: from a scene to its land/water raster and its coastline."""

from __future__ import annotations

from typing import Annotated

import typer

from workflows.runs import map_options as choices

__all__ = ["map_"]

_Scene = Annotated[
    str,
    typer.Argument(
        metavar="SCENE",
        help="An L2A .SAFE folder or .zip, a STAC item (file or URL), a raster of bands, or a folder of band files.",
    ),
]
_Out = Annotated[
    str, typer.Option("--out", "-o", help="Folder for results, a folder a scene is made in it; or a store: s3://...")
]


def map_(
    context: typer.Context,
    scene: _Scene,
    out: _Out,
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
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an older, different result.")] = False,
    progress: choices.Progress = "bar",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the time of each stage, and tracebacks.")] = False,
) -> None:
    """Map a scene: water.tif, probability.tif, coastline.gpkg, preview.png and item.json in OUT/<scene id>/."""
    from workflows.runs.map import run_map

    run_map(scene, out, context.params, quiet=quiet, debug=debug)
