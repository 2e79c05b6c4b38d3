"""A user's own cloud mask: any raster of classes, on any grid, brought to the scene's pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyproj

from tiles.errors import OptionError
from tiles.grid import Grid
from tiles.products.headers import read_header, resolve_gdal_path
from tiles.scene import BandSource

__all__ = ["CloudMask", "open_cloud_mask"]

_SAMPLES = 64
"""Points each way at which it is looked whether the mask covers what is mapped, and whether it lies on the scene."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudMask:
    """A mask that was found.

    Attributes:
        source: Where its classes are read, on the scene's finest grid.
        covered: Share (0 to 1) of what is mapped that it covers; beyond it nothing is hidden.
    """

    source: BandSource
    covered: float


def open_cloud_mask(path: str, grid: Grid, *, part: Grid | None = None) -> CloudMask:
    """Open a mask for a scene. A pixel has the class of the mask's pixel in which its centre lies.

    Args:
        path: A file or URL of one band.
        grid: The scene's finest grid.
        part: The part of it that is mapped; ``None``: all.

    Raises:
        OptionError: It has several bands, or lies elsewhere.
        RasterReadError: GDAL cannot open it.
        GridError: It has no usable CRS, or is rotated.
    """
    gdal_path = resolve_gdal_path(path)
    header = read_header(gdal_path)
    if header.count != 1:
        raise OptionError(
            f"Expected a cloud mask of one band of classes, found {header.count} bands in {path}. Keep the one that "
            "holds the classes: gdal_translate -b 1 IN OUT."
        )
    # A small mask may lie between the points that are looked at in a large scene; then some of its own lie in that.
    if not (_measure_cover(header.grid, grid) or _measure_cover(grid, header.grid)):
        raise OptionError(f"The cloud mask {path} does not lie on the scene. Give the mask of this scene.")
    # Masks of the file's own and nodata come as its mask once it is warped: there nothing is hidden.
    source = BandSource(name="mask", path=gdal_path, index=1, grid=grid, masks=(0,), is_warped=True)
    return CloudMask(source=source, covered=_measure_cover(header.grid, part or grid))


def _measure_cover(mask: Grid, grid: Grid) -> float:
    """Share of a grid's ground that lies in another, the mask."""
    steps = (np.arange(_SAMPLES) + 0.5) / _SAMPLES
    cols, rows = np.meshgrid(steps * grid.width, steps * grid.height)
    to_mask = pyproj.Transformer.from_crs(grid.crs.to_wkt(), mask.crs.to_wkt(), always_xy=True)
    x, y = grid.transform.c + cols * grid.transform.a, grid.transform.f + rows * grid.transform.e
    x, y = to_mask.transform(x, y)
    col, row = (x - mask.transform.c) / mask.transform.a, (y - mask.transform.f) / mask.transform.e
    return float(((col >= 0) & (col < mask.width) & (row >= 0) & (row < mask.height)).mean())
