"""Where a map has data, as GeoJSON geometry in longitude and latitude."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from affine import Affine
from rasterio.enums import Resampling
from rasterio.features import shapes
from shapely.geometry import box, mapping
from shapely.geometry.polygon import orient

from pipeline.lonlat import cut_at_antimeridian, to_lonlat
from pipeline.output.classes import NODATA
from tiles.grid import Grid

__all__ = ["compute_bbox", "compute_footprint"]

_SIDE_PX = 512
_DECIMALS = 6  # some 10 cm


def compute_footprint(grid: Grid, water: Path) -> tuple[dict[str, Any], list[float]]:
    """Find the convex hull of the pixels with data.

    Args:
        grid: Grid of the map.
        water: ``water.tif`` on that grid; a decimated copy of at most 512 pixels a side is looked at.

    Returns:
        GeoJSON geometry, cut at the antimeridian, and bounds ``[west, south, east, north]`` in degrees; west is
        larger than east where the antimeridian is crossed (RFC 7946, section 5.2).
    """
    # Straight edges of the grid are curves in degrees: points between the corners keep them in place.
    hull = shapely.segmentize(_compute_hull(grid, water), (grid.bounds.right - grid.bounds.left) / 8)
    lonlat = to_lonlat(np.array([hull], dtype=object), grid.crs.to_wkt())
    cut = shapely.transform(cut_at_antimeridian(lonlat)[0], lambda xy: np.round(xy, _DECIMALS))
    whole = shapely.MultiPolygon([orient(part) for part in shapely.get_parts(cut)])
    geometry: dict[str, Any] = mapping(whole if len(whole.geoms) > 1 else whole.geoms[0])
    return geometry, compute_bbox(lonlat[0])


def _compute_hull(grid: Grid, water: Path) -> shapely.Polygon:
    factor = max(1.0, max(grid.shape) / _SIDE_PX)
    rows, cols = (max(1, round(side / factor)) for side in grid.shape)
    with rasterio.open(water) as src:
        # The nearest of the overviews: a share of a pixel at the edge is not worth reading everything.
        known = src.read(1, out_shape=(rows, cols), resampling=Resampling.nearest) != NODATA
    if not known.any():
        return box(*grid.bounds)
    transform = grid.transform @ Affine.scale(grid.width / cols, grid.height / rows)
    polygons = shapes(known.astype(np.uint8), mask=known, transform=transform)
    corners = [point for shape, _ in polygons for point in shape["coordinates"][0]]
    # Corners of whole pixels: their hull always has an area.
    hull: shapely.Polygon = shapely.Polygon(shapely.convex_hull(shapely.multipoints(corners)))
    return hull


def compute_bbox(lonlat: shapely.Geometry) -> list[float]:
    """Bounds as STAC has them.

    Args:
        lonlat: In degrees, in one piece where it crosses the antimeridian.

    Returns:
        West, south, east, north in degrees; west is larger than east where the antimeridian is crossed.
    """
    west, south, east, north = (round(float(value), _DECIMALS) for value in shapely.bounds(lonlat))
    return [round((west + 180) % 360 - 180, _DECIMALS), south, round((east - 180) % -360 + 180, _DECIMALS), north]
