"""How far it is on a map, and where: the numbers of scale bars and captions. Draws nothing."""

from __future__ import annotations

import math

from pyproj import Geod, Transformer

from tiles.grid import Grid

__all__ = [
    "compute_center",
    "compute_metres_per_unit",
    "format_length",
    "format_position",
    "resolve_bar_length",
]

_GEOD = Geod(ellps="WGS84")


def compute_center(grid: Grid) -> tuple[float, float]:
    """The middle of a grid, as ``(longitude, latitude)`` in degrees."""
    lon, lat = _to_lonlat(grid).transform(*(grid.transform @ (grid.width / 2, grid.height / 2)))
    return float(lon), float(lat)


def compute_metres_per_unit(grid: Grid) -> tuple[float, float]:
    """How many metres of ground one unit of the CRS covers at the middle of a grid, along x and along y.

    In UTM both are close to 1; in degrees x shrinks towards the poles.
    """
    left, bottom, right, top = grid.bounds
    x, y = (left + right) / 2, (bottom + top) / 2
    half_x, half_y = (right - left) / 2, (top - bottom) / 2
    lon, lat = _to_lonlat(grid).transform([x - half_x, x + half_x, x, x], [y, y, y - half_y, y + half_y])
    _, _, across = _GEOD.inv(lon[0], lat[0], lon[1], lat[1])
    _, _, along = _GEOD.inv(lon[2], lat[2], lon[3], lat[3])
    return across / (right - left), along / (top - bottom)


def resolve_bar_length(width_m: float) -> float:
    """Choose a round length (1, 2 or 5 times a power of ten, in metres) of at most a quarter of a map's width."""
    limit = width_m / 4
    power = 10 ** math.floor(math.log10(limit))
    return float(max(step * power for step in (1, 2, 5) if step * power <= limit))


def format_length(length_m: float) -> str:
    """Write a length for a person: kilometres from 1000 m on."""
    return f"{length_m / 1000:g} km" if length_m >= 1000 else f"{length_m:g} m"


def format_position(lon: float, lat: float) -> str:
    """Write a position for a person, to a hundredth of a degree."""
    return f"{abs(lat):.2f}° {'N' if lat >= 0 else 'S'}, {abs(lon):.2f}° {'E' if lon >= 0 else 'W'}"


def _to_lonlat(grid: Grid) -> Transformer:
    return Transformer.from_crs(grid.crs.to_wkt(), "OGC:CRS84", always_xy=True)
