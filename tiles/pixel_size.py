"""How large the pixels of a grid are on the ground, for any CRS."""

from __future__ import annotations

import numpy as np
import pyproj

from tiles.grid import Grid

__all__ = ["compute_pixel_m"]


def compute_pixel_m(grid: Grid) -> tuple[float, float]:
    """Width and height of the pixel in the middle of a grid, in metres on the CRS's own ellipsoid.

    Args:
        grid: In any CRS; degrees, and metres of a map that stretches towards the poles, are told from metres of ground.
    """
    crs = pyproj.CRS.from_user_input(grid.crs)
    to_degrees = pyproj.Transformer.from_crs(crs, crs.geodetic_crs or "EPSG:4326", always_xy=True)
    x, y, half = grid.width / 2, grid.height / 2, 0.5
    corners = np.array([[x - half, y], [x + half, y], [x, y - half], [x, y + half]])
    lon, lat = to_degrees.transform(
        *(corners * (grid.transform.a, grid.transform.e) + (grid.transform.c, grid.transform.f)).T
    )
    geod = crs.get_geod() or pyproj.Geod(ellps="WGS84")
    metres = geod.inv(lon[0::2], lat[0::2], lon[1::2], lat[1::2])[2]
    return float(metres[0]), float(metres[1])
