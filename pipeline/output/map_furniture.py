"""What a map needs besides its picture: a scale bar and a north arrow, of the same size on any map."""

from __future__ import annotations

import math
from typing import Any

from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from pyproj import Geod, Transformer

from tiles.grid import Grid

__all__ = [
    "compute_center",
    "compute_metres_per_unit",
    "draw_north_arrow",
    "draw_scale_bar",
    "format_length",
    "format_position",
    "resolve_bar_length",
]


def _compute_inch(axes: Axes) -> tuple[float, float]:
    """How much of the axes' width and height one inch is."""
    axes.apply_aspect()
    figure = axes.get_figure(root=True)
    size = figure.get_size_inches() if figure else (1.0, 1.0)
    place = axes.get_position()
    return 1 / float(place.width * size[0]), 1 / float(place.height * size[1])


def draw_scale_bar(axes: Axes, metres_per_unit: float) -> None:
    """Draw a bar of a round length into the lower left corner.

    Args:
        axes: A map, in the units of its CRS.
        metres_per_unit: Ground that one unit covers along x, at the middle of the map.
    """
    left, right = axes.get_xlim()
    length_m = resolve_bar_length((right - left) * metres_per_unit)
    share = length_m / metres_per_unit / (right - left)
    x_inch, y_inch = _compute_inch(axes)
    x, y, thick = 0.24 * x_inch, 0.22 * y_inch, 0.07 * y_inch
    place: dict[str, Any] = {"transform": axes.transAxes}
    back = Rectangle((x - 0.1 * x_inch, y - 0.09 * y_inch), share + 0.2 * x_inch, 0.38 * y_inch, **place)
    back.set(facecolor="#ffffffcc", edgecolor="none", zorder=5)
    axes.add_patch(back)
    for part, colour in enumerate(("#222222", "white")):
        bar = Rectangle((x + part * share / 2, y), share / 2, thick, facecolor=colour, **place)
        bar.set(edgecolor="#222222", linewidth=0.7, zorder=6)
        axes.add_patch(bar)
    name = axes.text(x + share / 2, y + thick + 0.04 * y_inch, format_length(length_m), **place)
    name.set(horizontalalignment="center", verticalalignment="bottom", fontsize=8.5, color="#222222", zorder=6)


def draw_north_arrow(axes: Axes) -> None:
    """Draw an arrow into the upper right corner; on our maps grid north is up."""
    x_inch, y_inch = _compute_inch(axes)
    x, y = 1 - 0.28 * x_inch, 1 - 0.18 * y_inch
    text = axes.annotate(
        "N",
        xy=(x, y),
        xytext=(x, y - 0.55 * y_inch),
        xycoords="axes fraction",
        ha="center",
        va="center",
        color="white",
        fontsize=11,
        fontweight="bold",
        arrowprops={"arrowstyle": "-|>", "color": "white", "linewidth": 1.6, "mutation_scale": 14},
        zorder=6,
    )
    text.set_path_effects(_shade(2.4))
    if text.arrow_patch is not None:
        text.arrow_patch.set_path_effects(_shade(3.2))


def _shade(width: float) -> list[patheffects.AbstractPathEffect]:
    return [patheffects.withStroke(linewidth=width, foreground="#00000099")]


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
