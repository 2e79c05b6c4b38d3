"""What a map needs besides its picture: a scale bar and a north arrow, of the same size on any map."""

from __future__ import annotations

from typing import Any

from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from pipeline.output.map_scale import format_length, resolve_bar_length

__all__ = ["draw_north_arrow", "draw_scale_bar"]


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
