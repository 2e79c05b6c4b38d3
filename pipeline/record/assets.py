"""Describe the outputs in a folder as STAC assets: what each is, how large, with which bytes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pystac

from pipeline.checksums import compute_sha256, format_multihash
from pipeline.output.classes import (
    CLASS_COLOURS,
    CLASS_NAMES,
    NODATA,
    PROBABILITY_OFFSET,
    PROBABILITY_SCALE,
    SHARE_NAME,
)
from pipeline.output.fields import LAYERS
from pipeline.output.texture import TEXTURE_NAME, TEXTURE_SCALE
from pipeline.output.true_colour import TRUE_COLOUR_NAME
from tiles.grid import Grid

__all__ = ["RENDER_SCHEMA", "build_assets", "describe_class_render", "describe_classes", "describe_share_render"]

RENDER_SCHEMA = "render/v2.0.0"


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a file name says: media type, title and roles."""

    media_type: str
    title: str
    roles: tuple[str, ...] = ("data",)


_VECTOR_TYPES = {
    "shp": "application/vnd.shp",
    "fgb": "application/vnd.flatgeobuf",
    "parquet": "application/vnd.apache.parquet",
    "geojson": "application/geo+json",
    "pmtiles": "application/vnd.pmtiles",
}
_KINDS: dict[str, _Kind] = {
    "water.tif": _Kind(pystac.MediaType.COG, "Land/water map"),
    "probability.tif": _Kind(pystac.MediaType.COG, "Probability of water"),
    SHARE_NAME: _Kind(pystac.MediaType.COG, "Share of water at the shore, which the coastline follows, and its error"),
    TEXTURE_NAME: _Kind(pystac.MediaType.GEOTIFF, "Brightness of small squares, to register other dates by"),
    TRUE_COLOUR_NAME: _Kind(pystac.MediaType.GEOTIFF, "True colour, small", ("overview", "visual")),
    "preview.png": _Kind(pystac.MediaType.PNG, "Preview", ("overview",)),
    "coastline.gpkg": _Kind("application/geopackage+sqlite3", "Coastline, water and land, with QGIS styles"),
    "vectors.shp.zip": _Kind("application/zip", "Coastline, water and land, as shapefiles"),
    "coastline.kml": _Kind(pystac.MediaType.KML, "Coastline, water and land, for Google Earth"),
    "fields.csv": _Kind("text/csv", "Names and meanings of the shapefiles' fields", ("metadata",)),
    **{
        f"{layer.name}.{ending}": _Kind(media_type, layer.title)
        for layer in LAYERS.values()
        for ending, media_type in _VECTOR_TYPES.items()
    },
    # A shapefile is several files, and each of them may be lost.
    **{
        f"{layer.name}.{ending}": _Kind("application/octet-stream", f"{layer.title}: part of the shapefile")
        for layer in LAYERS.values()
        for ending in ("shx", "dbf", "prj", "cpg")
    },
    **{
        f"{name}.qml": _Kind(pystac.MediaType.XML, f"QGIS style of {name}", ("metadata",))
        for name in ("probability", "share", *LAYERS)
    },
    "water.tif.aux.xml": _Kind(pystac.MediaType.XML, "Names of the classes", ("metadata",)),
}


def build_assets(folder: Path, grid: Grid) -> dict[str, pystac.Asset]:
    """Describe each output that stands in a folder.

    Args:
        folder: Where the outputs stand.
        grid: Grid of the rasters.

    Returns:
        Assets by a key such as ``water_tif``, in a fixed order, with relative hrefs, sizes and checksums.
    """
    return {
        name.replace(".", "_"): _build_asset(folder / name, kind, grid)
        for name, kind in _KINDS.items()
        if (folder / name).is_file()
    }


def _build_asset(path: Path, kind: _Kind, grid: Grid) -> pystac.Asset:
    fields: dict[str, Any] = {
        "file:size": path.stat().st_size,
        "file:checksum": format_multihash(compute_sha256(path)),
    }
    if path.name == "water.tif":
        fields |= _describe_pixels(grid) | {"classification:classes": describe_classes()}
    elif path.name in ("probability.tif", SHARE_NAME):
        fields |= _describe_probability(grid)
    elif path.name == TEXTURE_NAME:
        fields |= _describe_pixels(grid) | {"raster:scale": TEXTURE_SCALE}
    return pystac.Asset(
        f"./{path.name}", title=kind.title, media_type=kind.media_type, roles=list(kind.roles), extra_fields=fields
    )


def describe_classes() -> list[dict[str, Any]]:
    """The values of ``water.tif``, as the classification extension has them."""
    return [
        {
            "value": value,
            "name": name,
            "description": name,
            "color_hint": "{:02X}{:02X}{:02X}".format(*CLASS_COLOURS[value]),
        }
        for value, name in CLASS_NAMES.items()
    ]


def describe_class_render(asset: str, title: str) -> dict[str, Any]:
    """How a raster of our classes is drawn, as the render extension has it.

    Args:
        asset: Its key in the item.
        title: For a person.
    """
    colours = {str(value): [*CLASS_COLOURS[value], 255] for value in CLASS_NAMES}
    return {"title": title, "assets": [asset], "nodata": NODATA, "colormap": colours, "resampling": "nearest"}


def describe_share_render(asset: str, title: str) -> dict[str, Any]:
    """How a raster of probabilities or shares is drawn: none white, all dark blue, by its stored numbers."""
    whole = [0, round(1 / PROBABILITY_SCALE)]
    return {"title": title, "assets": [asset], "nodata": NODATA, "rescale": [whole], "colormap_name": "blues"}


def _describe_probability(grid: Grid) -> dict[str, Any]:
    return {**_describe_pixels(grid), "raster:scale": PROBABILITY_SCALE, "raster:offset": PROBABILITY_OFFSET}


def _describe_pixels(grid: Grid) -> dict[str, Any]:
    pixels: dict[str, Any] = {"data_type": "uint8", "nodata": NODATA, "raster:sampling": "area"}
    if grid.crs.is_projected:
        pixels["raster:spatial_resolution"] = grid.resolution[0]
    return pixels
