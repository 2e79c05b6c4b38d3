"""Draw a picture of one tile of a mosaic: how often there was water, under the coastline, and the median beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pyogrio
import pyproj
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError

from pipeline.errors import output_errors
from pipeline.output.classes import NODATA, OBSCURED
from pipeline.output.preview import Caption, Picture, colour_probability, write_preview
from tiles.grid import Grid

__all__ = ["PREVIEW_NAME", "write_tile_preview"]

PREVIEW_NAME: Final = "preview.png"

_LONGEST_PX = 1000


def write_tile_preview(folder: Path, coastline: Path, caption: Caption) -> None:
    """Write ``preview.png`` of the rasters of one tile.

    Args:
        folder: Where ``frequency.tif``, ``probability.tif`` and ``water.tif`` are.
        coastline: GeoPackage with the layer ``coastline``, in any CRS.
        caption: Words.

    Raises:
        OutputError: A raster or the coastline cannot be read, or the picture cannot be written.
    """
    path = folder / PREVIEW_NAME
    with output_errors(path, RasterioError, RuntimeError):
        frequency, grid = _read_small(folder / "frequency.tif", Resampling.average)
        probability, _ = _read_small(folder / "probability.tif", Resampling.average)
        classes, _ = _read_small(folder / "water.tif", Resampling.nearest, masked=False)
        lines = _read_lines(coastline, grid)
    obscured = classes == OBSCURED
    picture = Picture(
        ground=colour_probability(frequency, obscured),
        probability=probability,
        obscured=obscured,
        grid=grid,
        title="Share of the dates with water",
    )
    write_preview(path, picture, lines, caption)


def _read_small(path: Path, resampling: Resampling, *, masked: bool = True) -> tuple[NDArray[Any], Grid]:
    """A raster at the size of a picture, NaN where there is nothing, and its grid."""
    with rasterio.open(path) as dataset:
        factor = max(1.0, max(dataset.shape) / _LONGEST_PX)
        height, width = (max(1, round(side / factor)) for side in dataset.shape)
        dn = dataset.read(1, out_shape=(height, width), resampling=resampling)
        scale = Affine.scale(dataset.width / width, dataset.height / height)
        grid = Grid(crs=dataset.crs, transform=dataset.transform @ scale, width=width, height=height)
        if not masked:
            return dn, grid
        return np.where(dn == NODATA, np.nan, dn * dataset.scales[0] + dataset.offsets[0]).astype(np.float32), grid


def _read_lines(path: Path, grid: Grid) -> gpd.GeoDataFrame:
    """The lines that reach into a grid, in its CRS."""
    crs = pyproj.CRS.from_user_input(pyogrio.read_info(path, layer="coastline")["crs"])
    to_lines = pyproj.Transformer.from_crs(grid.crs, crs, always_xy=True)
    west, south, east, north = to_lines.transform_bounds(*grid.bounds)
    # Bounds across 180 degrees have west beyond east: what lies on either side of it is read.
    boxes = [(west, south, east, north)] if west <= east else [(west, south, 180, north), (-180, south, east, north)]
    parts = [gpd.read_file(path, layer="coastline", columns=["kind"], bbox=box) for box in boxes]
    lines = gpd.GeoDataFrame(np.concatenate([part.to_numpy() for part in parts]), columns=parts[0].columns)
    lines = lines.set_geometry("geometry", crs=crs).to_crs(grid.crs)
    lines.geometry = shapely.clip_by_rect(lines.geometry.to_numpy(), *grid.bounds)
    return lines[~lines.geometry.is_empty]
