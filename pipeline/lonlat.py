"""Geometries in longitude and latitude, cut where they cross the antimeridian."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Transformer
from rasterio.crs import CRS
from shapely.affinity import translate

__all__ = ["cut_at_antimeridian", "to_lonlat"]

Geometries = npt.NDArray[Any]  # of shapely geometries


def to_lonlat(geometries: Geometries, crs: CRS | str | Any) -> Geometries:  # noqa: ANN401 (any CRS that pyproj takes)
    """Bring geometries to longitude and latitude (WGS 84) without a jump at the antimeridian.

    Args:
        geometries: In ``crs``, any shape, together less than half the globe wide.
        crs: Of the geometries.

    Returns:
        The same shape; longitudes are continuous, so some may lie beyond ±180 degrees.
    """
    transformer = Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
    points = shapely.get_coordinates(geometries)
    if len(points) == 0:
        return geometries
    first_lon = transformer.transform(*points[0])[0]

    def project(xy: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        lon, lat = transformer.transform(xy[:, 0], xy[:, 1])
        # The whole turns that bring each point next to the first one.
        return np.column_stack([lon - 360 * np.round((lon - first_lon) / 360), lat])

    projected: Geometries = shapely.transform(geometries, project)
    return projected


def cut_at_antimeridian(geometries: Geometries, *, half: float = 180.0) -> Geometries:
    """Cut what crosses 180 degrees into parts on either side of it.

    Args:
        geometries: Points, lines or polygons in continuous longitude and latitude, as :func:`to_lonlat` gives them.
        half: Half the width of the world, where it is not in degrees.

    Returns:
        Geometries within ±180 degrees, or ±``half``; those that crossed are Multi* ones. Lines keep their direction.
    """
    bounds = shapely.bounds(geometries)
    crossing = (bounds[:, 0] < -half) | (bounds[:, 2] > half)
    cut = geometries.copy()
    cut[crossing] = [_cut(geometry, half) for geometry in geometries[crossing]]
    return cut


def _cut(geometry: shapely.Geometry, half: float) -> shapely.Geometry:
    # A world to the west, this one, and one to the east.
    parts = [
        translate(part, xoff=-2 * half * turn)
        for turn in (-1, 0, 1)
        for part in _clip(geometry, ((2 * turn - 1) * half, -half, (2 * turn + 1) * half, half))
    ]
    if len(parts) == 1:
        return parts[0]
    whole: Any = (shapely.multilinestrings if _is_line(geometry) else shapely.multipolygons)(parts)
    return whole  # type: ignore[no-any-return]


def _clip(geometry: shapely.Geometry, box: tuple[float, float, float, float]) -> list[shapely.Geometry]:
    inside = shapely.intersection(geometry, shapely.box(*box))
    parts = shapely.get_parts(shapely.get_parts(inside))
    # A shore that only touches the meridian leaves a point or, of a polygon, a line: they belong to the other side.
    alike = shapely.get_dimensions(parts) == shapely.get_dimensions(geometry)
    kept = parts[alike & ~shapely.is_empty(parts)]
    if _is_line(geometry):
        kept = shapely.get_parts(shapely.line_merge(shapely.multilinestrings(kept), directed=True))
    return list(kept[~shapely.is_empty(kept)])


def _is_line(geometry: shapely.Geometry) -> bool:
    return bool(shapely.get_dimensions(geometry) == 1)
