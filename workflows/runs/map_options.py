"""Options that the commands have in common which map scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = [
    "AnyPlatform",
    "Aoi",
    "Bands",
    "Cloud",
    "CloudBuffer",
    "Crs",
    "Date",
    "Decoder",
    "Device",
    "Dissolve",
    "Doubtful",
    "Formats",
    "Mask",
    "MaskClasses",
    "MinArea",
    "MinLength",
    "Model",
    "Nodata",
    "Ocean",
    "Offset",
    "Only",
    "PointsEvery",
    "Precision",
    "Progress",
    "Runtime",
    "Scale",
    "Simplify",
    "Smooth",
    "Threshold",
    "TideFolder",
    "TideModel",
    "Tides",
    "TileSize",
    "View",
]

Progress = Annotated[
    Literal["bar", "json", "none"],
    typer.Option(help="bar: for people; json: a line an event on standard output; none: only what is wrong."),
]
Model = Annotated[str, typer.Option(help="Name of a bundled model (strandline models), or a model file.")]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Precision = Annotated[str, typer.Option(help="auto, fp32, bf16 or int8.")]
Runtime = Annotated[str, typer.Option(help="auto (what takes less time here), torch or openvino.")]
Decoder = Annotated[str, typer.Option(help="gdal, or nvimgcodec: JPEG 2000 on a GPU (strandline[gpu]).")]
TileSize = Annotated[
    int | None,
    typer.Option(help="Columns; rows as many, 512 at most; changes speed, not the result. Default: by memory, cores."),
]
Aoi = Annotated[
    str | None,
    typer.Option(help="Map only this: W,S,E,N in degrees (W > E crosses the antimeridian), or a vector file."),
]
Cloud = Annotated[
    str, typer.Option(help="Classes of the scene classification that hide the ground, as 3,8,9,10; or none.")
]
Mask = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="Your own cloud mask, on any grid, instead of the scene classification; {scene} is its scene's name.",
    ),
]
MaskClasses = Annotated[
    str | None,
    typer.Option(help="Its values that hide the ground: 1,2,3 (OmniCloudMask), 1 (s2cloudless), 2,4 (Fmask)."),
]
CloudBuffer = Annotated[
    float,
    typer.Option("--cloud-buffer", metavar="METRES", help="Hide the ground this far around cloud and its shadow too."),
]
Doubtful = Annotated[
    str, typer.Option(help="hide islets that look like a cloud or a ship, as under cloud; or keep them as land.")
]
Threshold = Annotated[float, typer.Option(help="Probability from which a pixel is water.")]
MinArea = Annotated[float, typer.Option(help="Leave smaller islands and lakes out of the vectors, in square metres.")]
MinLength = Annotated[
    float,
    typer.Option(help="Leave out shorter lines that end at cloud, nodata or the scene's edge, in metres."),
]
Simplify = Annotated[float, typer.Option(help="Thin the vectors within this tolerance in metres; 0 keeps all.")]
Ocean = Annotated[Path | None, typer.Option(help="Polygons of the ocean, or gshhg, instead of Natural Earth 1:10m.")]
Only = Annotated[
    str | None, typer.Option(help="Kinds of shore in the vectors, of sea,river,lake,open. Default: all of them.")
]
Tides = Annotated[
    Path | None, typer.Option(help="CSV of heights of the tide to record: columns time (UTC) and height_m.")
]
TideModel = Annotated[str | None, typer.Option("--tide-model", help="Tide model that pyTMD reads: FES2022, EOT20 ….")]
TideFolder = Annotated[Path | None, typer.Option("--tide-folder", help="Folder of that model.")]
Formats = Annotated[str, typer.Option(help="Vector formats: gpkg, shp, shp.zip, fgb, parquet, geojson, kml, pmtiles.")]
Crs = Annotated[str | None, typer.Option(metavar="CODE", help="CRS of the vectors, as EPSG:3035. Default: the map's.")]
Smooth = Annotated[
    float,
    typer.Option("--smooth", metavar="METRES", help="Smooth lines: waves this long lose half their height; 0: none."),
]
Dissolve = Annotated[bool, typer.Option("--dissolve", help="One feature of many parts for each kind.")]
PointsEvery = Annotated[
    float | None,
    typer.Option("--points-every", metavar="METRES", help="Besides, points along the lines this far apart."),
]
Bands = Annotated[str | None, typer.Option(help="Names of a stack's bands in order, as B02,B03,B04,B08.")]
Scale = Annotated[float | None, typer.Option(help="Reflectance per DN, for a stack without metadata (0.0001).")]
AnyPlatform = Annotated[
    bool,
    typer.Option("--any-platform", help="Take STAC items of other satellites, whose bands go by the same names."),
]
Offset = Annotated[float | None, typer.Option(help="Added to the DN before scaling, for the same (-1000).")]
Date = Annotated[str | None, typer.Option(help="When it was sensed, for the same (2024-06-01T11:20:33Z, or a day).")]
Nodata = Annotated[float | None, typer.Option(help="DN of missing pixels, for the same (-9999); nan: NaN alone.")]
View = Annotated[bool, typer.Option("--view/--no-view", help="Write view.html too, a page to look at the result.")]
