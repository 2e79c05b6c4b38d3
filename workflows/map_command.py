"""``strandline map``: from a scene to its land/water raster and its coastline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["map_"]

_Scene = Annotated[
    str,
    typer.Argument(
        metavar="SCENE",
        help="An L2A .SAFE folder or .zip, a STAC item (file or URL), a raster of bands, or a folder of band files.",
        show_default=False,
    ),
]
_Out = Annotated[Path, typer.Option("--out", "-o", help="Folder for results; a folder a scene is made in it.")]
_Model = Annotated[str, typer.Option(help="Name of a bundled model (strandline models), or a model file.")]
_Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
_Precision = Annotated[str, typer.Option(help="auto, fp32 or bf16.")]
_TileSize = Annotated[int, typer.Option(help="Pixels a side; changes speed and memory, never the result.")]
_Aoi = Annotated[
    str | None,
    typer.Option(help="Map only this: W,S,E,N in degrees (W > E crosses the antimeridian), or a vector file."),
]
_Cloud = Annotated[
    str, typer.Option(help="Classes of the scene classification that hide the ground, as 3,8,9,10; or none.")
]
_Threshold = Annotated[float, typer.Option(help="Probability from which a pixel is water.")]
_MinArea = Annotated[float, typer.Option(help="Leave smaller islands and lakes out of the vectors, in square metres.")]
_Simplify = Annotated[float, typer.Option(help="Thin the vectors within this tolerance in metres; 0 keeps all.")]
_Ocean = Annotated[Path | None, typer.Option(help="Polygons of the ocean, instead of Natural Earth 1:10m.")]
_Formats = Annotated[str, typer.Option(help="Vector formats: gpkg, shp, shp.zip, fgb, parquet, geojson.")]
_Bands = Annotated[str | None, typer.Option(help="Names of a stack's bands in order, as B02,B03,B04,B08.")]
_Scale = Annotated[float | None, typer.Option(help="Reflectance per DN, for a stack without metadata (0.0001).")]
_Offset = Annotated[float | None, typer.Option(help="Added to the DN before scaling, for the same (-1000).")]


def map_(
    scene: _Scene,
    out: _Out,
    model: _Model = "strandline-small",
    device: _Device = "auto",
    precision: _Precision = "auto",
    tile_size: _TileSize = 512,
    aoi: _Aoi = None,
    cloud_classes: _Cloud = "3,8,9,10",
    threshold: _Threshold = 0.5,
    min_area_m2: _MinArea = 0.0,
    simplify_m: _Simplify = 0.0,
    ocean: _Ocean = None,
    formats: _Formats = "gpkg",
    bands: _Bands = None,
    scale: _Scale = None,
    offset: _Offset = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an older, different result.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the time of each stage, and tracebacks.")] = False,
) -> None:
    """Map a scene: water.tif, probability.tif, coastline.gpkg, preview.png and item.json in OUT/<scene id>/."""
    from workflows.map_run import run_map

    run_map(
        scene,
        out,
        choices={
            "model": model,
            "device": device,
            "precision": precision,
            "tile_size": tile_size,
            "aoi": aoi,
            "cloud_classes": cloud_classes,
            "threshold": threshold,
            "min_area_m2": min_area_m2,
            "simplify_m": simplify_m,
            "ocean": ocean,
            "formats": formats,
            "overwrite": overwrite,
        },
        stack={"bands": bands, "scale": scale, "offset": offset},
        quiet=quiet,
        debug=debug,
    )
