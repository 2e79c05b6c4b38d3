"""Draw one picture of a mapped scene: true colour with the coastline over it, the probability beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from pipeline.errors import output_errors
from pipeline.output.classes import CLASS_COLOURS, LAND, LINE_COLOURS, LINE_LABELS, MIDDLE_COLOUR, WATER
from pipeline.output.figures import encode_figure
from pipeline.output.map_furniture import (
    compute_center,
    compute_metres_per_unit,
    draw_north_arrow,
    draw_scale_bar,
    format_position,
)
from pipeline.output.true_colour import compute_stretch
from tiles.grid import Grid
from tiles.times import format_moment

__all__ = ["Caption", "Picture", "write_preview"]

_CASING = "#00000090"
_NODATA_COLOUR, _OBSCURED_COLOUR = "#ffffff", "#9a9a9a"
_STOPS = [
    "#{:02x}{:02x}{:02x}".format(*colour) for colour in (CLASS_COLOURS[LAND], MIDDLE_COLOUR, CLASS_COLOURS[WATER])
]
_RAMP = LinearSegmentedColormap.from_list("land to water", _STOPS)
_GREYS = ("#ffffff", "#000000", "#333333", "#777777", "#c0c0c0", _OBSCURED_COLOUR)
_KEEP = (*LINE_COLOURS.values(), *(to_hex(_RAMP(step / 15)) for step in range(16)), *_GREYS)
_DPI: Final = 130
_SIZE_LIMIT: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """A scene and its map, decimated to what a screen shows.

    Attributes:
        rgb: Surface reflectance of B04, B03, B02, ``(3, row, col)``; NaN where there is none.
        probability: Of water, ``(row, col)``, 0 to 1; NaN where it is unknown.
        obscured: True where cloud hides the ground, ``(row, col)``.
        grid: Of these pixels.
    """

    rgb: npt.NDArray[np.floating]
    probability: npt.NDArray[np.floating]
    obscured: npt.NDArray[np.bool_]
    grid: Grid

    def __post_init__(self) -> None:
        shape = self.grid.shape
        if self.rgb.shape != (3, *shape) or self.probability.shape != shape or self.obscured.shape != shape:
            raise ValueError(
                f"A picture on a grid of {shape} (rows, cols) needs rgb (3, rows, cols), probability and obscured "
                f"(rows, cols); found {self.rgb.shape}, {self.probability.shape} and {self.obscured.shape}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What the picture says in words.

    Attributes:
        scene_id: Identifier of the scene.
        acquired: Time of sensing in UTC, where known.
        model: Name and version of the model.
        simulated: The scene is simulated, and must not be taken for a measurement.
    """

    scene_id: str
    acquired: datetime | None = None
    model: str = ""
    simulated: bool = False

    @property
    def attribution(self) -> str:
        """The line that the data's licence asks for."""
        if self.simulated:
            return "Simulated scene: no place on Earth looks like this"
        year = f" {self.acquired:%Y}" if self.acquired else ""
        return f"Contains modified Copernicus Sentinel data{year}"


def write_preview(path: Path, picture: Picture, coastline: gpd.GeoDataFrame, caption: Caption) -> None:
    """Draw the picture as a PNG of about 1900 pixels across and at most some 1 MB.

    Args:
        path: File to write.
        picture: The scene and its map, decimated (about 1000 pixels a side are enough).
        coastline: Lines in the CRS of the picture's grid, with a column ``kind``; those too small to see are left out.
        caption: Words.

    Raises:
        OutputError: The file cannot be written.
    """
    figure = _draw(picture, coastline, caption)
    with output_errors(path):
        path.write_bytes(encode_figure(figure, keep=_KEEP, limit=_SIZE_LIMIT))


@dataclass(frozen=True, slots=True)
class _Layout:
    """Inches: the size of a panel, and of the figure that holds two."""

    width: float
    height: float
    stacked: bool

    top = 0.95
    bottom = 1.05
    side = 0.3
    gap = 0.3
    stacked_gap = 0.45

    @property
    def figure(self) -> tuple[float, float]:
        across = self.width * (1 if self.stacked else 2) + (0 if self.stacked else self.gap)
        down = self.height * (2 if self.stacked else 1) + (self.stacked_gap if self.stacked else 0)
        return across + 2 * self.side, down + self.top + self.bottom

    def box(self, panel: int) -> tuple[float, float, float, float]:
        """Left, bottom, width, height of a panel in shares of the figure; 0 is the left or upper one."""
        across, down = self.figure
        left = self.side + (0 if self.stacked else panel * (self.width + self.gap))
        bottom = self.bottom + ((1 - panel) * (self.height + self.stacked_gap) if self.stacked else 0)
        return left / across, bottom / down, self.width / across, self.height / down


def _resolve_layout(aspect: float) -> _Layout:
    """Panels side by side, or one above the other for a wide scene; ``aspect`` is width by height on the ground."""
    aspect = min(max(aspect, 0.25), 8.0)
    if aspect > 1.9:
        return _Layout(12.0, 12.0 / aspect, True)
    height = min(7.0 / aspect, 9.0)
    # Narrow scenes still need room for the words above and the legend below.
    return _Layout(max(height * aspect, 4.2), height, False)


def _draw(picture: Picture, coastline: gpd.GeoDataFrame, caption: Caption) -> Figure:
    x_m, y_m = compute_metres_per_unit(picture.grid)
    left, bottom, right, top = picture.grid.bounds
    layout = _resolve_layout((right - left) * x_m / ((top - bottom) * y_m))
    figure = Figure(figsize=layout.figure, dpi=_DPI, facecolor="white")
    photo, chance = (figure.add_axes(layout.box(panel)) for panel in (0, 1))
    for axes in (photo, chance):
        axes.set(xlim=(left, right), ylim=(bottom, top), aspect=y_m / x_m, xticks=[], yticks=[], anchor="N")
        axes.spines[:].set(color="#555555", linewidth=0.7)
    _draw_true_colour(photo, picture)
    image = _draw_probability(chance, picture)
    kinds = _draw_coastline(photo, coastline, picture.grid)
    draw_scale_bar(photo, x_m)
    draw_north_arrow(photo)
    _write_words(figure, layout, caption, compute_center(picture.grid))
    _draw_legend(figure, layout, kinds, picture)
    _draw_colour_bar(figure, layout, image)
    return figure


def _extent(grid: Grid) -> tuple[float, float, float, float]:
    left, bottom, right, top = grid.bounds
    return left, right, bottom, top


def _draw_true_colour(axes: Axes, picture: Picture) -> None:
    colours = compute_stretch(picture.rgb, ~picture.obscured)
    axes.imshow(colours, extent=_extent(picture.grid), aspect="auto", interpolation="auto")
    axes.set_aspect(axes.get_aspect())


def _draw_probability(axes: Axes, picture: Picture) -> AxesImage:
    extent = _extent(picture.grid)
    if picture.obscured.any():
        grey = np.zeros((*picture.grid.shape, 4), np.uint8)
        grey[picture.obscured] = (154, 154, 154, 255)
        axes.imshow(grey, extent=extent, aspect="auto", interpolation="nearest")
    masked = np.ma.masked_where(picture.obscured | np.isnan(picture.probability), picture.probability)
    return axes.imshow(masked, cmap=_RAMP, vmin=0, vmax=1, extent=extent, aspect="auto", interpolation="auto")


def _draw_coastline(axes: Axes, coastline: gpd.GeoDataFrame, grid: Grid) -> list[str]:
    """Draw the lines by kind; returns the kinds that are there."""
    pixel = max(grid.resolution)
    drawn = []
    for kind, colour in LINE_COLOURS.items():
        lines = coastline.geometry.to_numpy()[(coastline["kind"] == kind).to_numpy()]
        if len(lines):
            drawn.append(kind)
        # A pond of less than two pixels would be a blot; a vertex every half pixel is all one can see. Lines may come
        # to cross: what keeps them apart takes fifteen times as long, and nobody sees it.
        visible = lines[shapely.length(lines) > 4 * pixel]
        thinned, which = shapely.get_coordinates(
            shapely.simplify(visible, pixel / 3, preserve_topology=False), return_index=True
        )
        paths = np.split(thinned, np.flatnonzero(np.diff(which)) + 1) if len(thinned) else []
        # The casing as lines of its own: as an effect of the paths it would be drawn one by one.
        for width, ink in ((1.9, _CASING), (0.8, colour)):
            axes.add_collection(LineCollection(paths, colors=ink, linewidths=width), autolim=False)
    return drawn


def _write_words(figure: Figure, layout: _Layout, caption: Caption, center: tuple[float, float]) -> None:
    across, down = layout.figure
    left, right = layout.side / across, 1 - layout.side / across
    when = format_moment(caption.acquired) if caption.acquired else "time of sensing unknown"
    facts = [when, format_position(*center), *([f"model {caption.model}"] if caption.model else [])]
    # A product's name has 60 letters of about 0.64 of their size: a narrow picture needs smaller ones.
    size = min(13.0, 72 * (across - 2 * layout.side) / (0.7 * len(caption.scene_id)))
    figure.text(left, 1 - 0.18 / down, caption.scene_id, va="top", fontsize=size, fontweight="bold", color="#111111")
    figure.text(left, 1 - 0.45 / down, "  ·  ".join(facts), va="top", fontsize=9.5, color="#444444")
    for panel, name in enumerate(("True colour and coastline", "Probability of water")):
        x, y, _, height = layout.box(panel)
        figure.text(x, y + height + 0.07 / down, name, va="bottom", fontsize=9.5, color="#111111")
    figure.text(right, 0.14 / down, caption.attribution, ha="right", fontsize=8, color="#444444")


def _draw_legend(figure: Figure, layout: _Layout, kinds: list[str], picture: Picture) -> None:
    across, down = layout.figure
    handles: list[Any] = []
    for kind in kinds:
        casing = [patheffects.Stroke(linewidth=3.4, foreground=_CASING), patheffects.Normal()]
        handles.append(Line2D([], [], color=LINE_COLOURS[kind], lw=1.8, path_effects=casing, label=LINE_LABELS[kind]))
    if picture.obscured.any():
        handles.append(Patch(facecolor=_OBSCURED_COLOUR, edgecolor="none", label="obscured (cloud)"))
    if (np.isnan(picture.probability) & ~picture.obscured).any():
        handles.append(Patch(facecolor=_NODATA_COLOUR, edgecolor="#777777", linewidth=0.7, label="no data"))
    if not handles:
        return
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(layout.side / across, (layout.bottom - 0.1) / down),
        ncols=2 if layout.figure[0] > 12 else 1,
        frameon=False,
        fontsize=8.5,
        borderaxespad=0,
        borderpad=0,
    )


def _draw_colour_bar(figure: Figure, layout: _Layout, image: AxesImage) -> None:
    across, down = layout.figure
    width = min(3.4, layout.width * 0.65)
    left = (across - layout.side - width - 0.3) / across
    bar = figure.add_axes((left, (layout.bottom - 0.3) / down, width / across, 0.13 / down))
    figure.colorbar(image, cax=bar, orientation="horizontal")
    bar.tick_params(labelsize=8, length=2.5, color="#555555", labelcolor="#333333")
    bar.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0 land", "0.25", "0.5", "0.75", "1 water"])
    bar.axvline(0.5, color="#333333", linewidth=0.8)
