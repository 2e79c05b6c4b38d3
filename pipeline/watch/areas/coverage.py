"""How much of an area a scene shows, measured on the ellipsoid, across the antimeridian too."""

from __future__ import annotations

from functools import cache

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from pipeline.search.area import SearchArea

__all__ = ["compute_area_km2", "compute_coverage"]

_STEP = 0.1
"""Degrees between vertices: straight edges in degrees are curves on the equal-area plane."""


def compute_coverage(footprint: BaseGeometry, area: SearchArea) -> float:
    """Compute the share of an area that a footprint covers.

    Args:
        footprint: In degrees, in one piece where it crosses the antimeridian
            (``pipeline.search.item_facts.read_footprint``).
        area: The area.

    Returns:
        Percent, 0 to 100.
    """
    parts = [shapely.intersection(area.geometry, translate(footprint, xoff=turn)) for turn in (-360.0, 0.0, 360.0)]
    covered = compute_area_km2(shapely.union_all(parts))
    return min(100.0, 100 * covered / compute_area_km2(area.geometry))


def compute_area_km2(geometry: BaseGeometry) -> float:
    """Compute an area on the WGS 84 ellipsoid, in square kilometres.

    Args:
        geometry: Polygons in degrees, whose edges are straight in degrees.

    Source:
        EPSG:6933, the cylindrical equal-area projection of the WGS 84 ellipsoid.
    """
    dense = shapely.segmentize(geometry, _STEP)
    return float(shapely.area(shapely.transform(dense, _project))) / 1e6


def _project(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    x, y = _make_transformer().transform(lonlat[:, 0], lonlat[:, 1])
    return np.column_stack([x, y])


@cache
def _make_transformer() -> Transformer:
    return Transformer.from_crs("OGC:CRS84", "EPSG:6933", always_xy=True)
