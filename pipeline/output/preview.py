"""Draw one picture of a map: its ground with the coastline over it, the probability of water beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely

from pipeline.errors import output_errors
from pipeline.output.canvas import DPI, Box, Canvas, to_pixels
from pipeline.output.classes import CLASS_COLOURS, LAND, LINE_COLOURS, LINE_LABELS, MIDDLE_COLOUR, WATER
from pipeline.output.map_scale import (
    compute_center,
    compute_metres_per_unit,
    format_length,
    format_position,
    resolve_bar_length,
)
from pipeline.output.small_png import encode_image
from tiles.grid import Grid
from tiles.times import format_moment

__all__ = ["Caption", "Picture", "colour_probability", "write_preview"]

_CASING, _CASING_OPACITY = "#000000", 0.56
_NODATA_COLOUR, _OBSCURED_COLOUR, _EDGE_COLOUR = "#ffffff", "#9a9a9a", "#555555"
_RAMP: Final = (
    np.stack(
        [
            np.interp(np.linspace(0, 1, 256), (0, 0.5, 1), channel)
            for channel in zip(CLASS_COLOURS[LAND], MIDDLE_COLOUR, CLASS_COLOURS[WATER], strict=True)
        ],
        axis=-1,
    )
    .round()
    .astype(np.uint8)
)  # (256, 3)
_GREYS = ("#ffffff", "#000000", "#333333", "#777777", "#c0c0c0", _OBSCURED_COLOUR)
_KEEP = (*LINE_COLOURS.values(), *("#{:02x}{:02x}{:02x}".format(*colour) for colour in _RAMP[::17]), *_GREYS)
_SIZE_LIMIT: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Picture:
    """A map and the ground below its lines, decimated to what a screen shows.

    Attributes:
        ground: Red, green and blue of what lies below the lines, ``(row, col, 3)``.
        probability: Of water, ``(row, col)``, 0 to 1; NaN where it is unknown.
        obscured: True where cloud hides the ground, ``(row, col)``.
        grid: Of these pixels.
        title: What the ground is.
    """

    ground: npt.NDArray[np.uint8]
    probability: npt.NDArray[np.floating]
    obscured: npt.NDArray[np.bool_]
    grid: Grid
    title: str = "True colour"

    def __post_init__(self) -> None:
        shape = self.grid.shape
        if self.ground.shape != (*shape, 3) or self.probability.shape != shape or self.obscured.shape != shape:
            raise ValueError(
                f"A picture on a grid of {shape} (rows, cols) needs a ground (rows, cols, 3), probability and obscured "
                f"(rows, cols); found {self.ground.shape}, {self.probability.shape} and {self.obscured.shape}."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Caption:
    """What the picture says in words.

    Attributes:
        name: Of the scene, or of the mosaic.
        acquired: Time of sensing in UTC, where known; of several the last.
        since: The first of several, where known.
        model: Name and version of the model.
        simulated: The scene is simulated, and must not be taken for a measurement.
    """

    name: str
    acquired: datetime | None = None
    since: datetime | None = None
    model: str = ""
    simulated: bool = False

    @property
    def attribution(self) -> str:
        """The line that the data's licence asks for."""
        if self.simulated:
            return "Simulated scene: no place on Earth looks like this"
        years = dict.fromkeys(f"{moment:%Y}" for moment in (self.since, self.acquired) if moment)
        return f"Contains modified Copernicus Sentinel data {'-'.join(years)}".rstrip()

    @property
    def when(self) -> str:
        """The time of sensing, or the first and the last day of several."""
        if self.acquired is None:
            return "time of sensing unknown"
        if self.since is None or self.since == self.acquired:
            return format_moment(self.acquired)
        return f"{self.since:%Y-%m-%d} to {self.acquired:%Y-%m-%d}"


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
    canvas = _draw(picture, coastline, caption)
    with output_errors(path):
        path.write_bytes(encode_image(canvas.image, keep=_KEEP, limit=_SIZE_LIMIT))


@dataclass(frozen=True, slots=True)
class _Layout:
    """Inches: the size of a panel, and of the sheet that holds two; ``aspect`` is of what a panel shows."""

    width: float
    height: float
    stacked: bool
    aspect: float

    top = 0.95
    bottom = 1.05
    side = 0.3
    gap = 0.3
    stacked_gap = 0.45

    @property
    def sheet(self) -> tuple[int, int]:
        """Pixels across and down."""
        across = self.width * (1 if self.stacked else 2) + (0 if self.stacked else self.gap)
        down = self.height * (2 if self.stacked else 1) + (self.stacked_gap if self.stacked else 0)
        return round(DPI * (across + 2 * self.side)), round(DPI * (down + self.top + self.bottom))

    def panel(self, number: int) -> tuple[int, int]:
        """Left and top of a panel; 0 is the left or upper one."""
        left = self.side + (0 if self.stacked else number * (self.width + self.gap))
        top = self.top + (number * (self.height + self.stacked_gap) if self.stacked else 0)
        return round(DPI * left), round(DPI * top)

    def picture(self, number: int) -> Box:
        """What the picture takes of a panel: all of its width or all of its height, from the top."""
        left, top = self.panel(number)
        width, height = min(self.width, self.height * self.aspect), min(self.height, self.width / self.aspect)
        left += round(DPI * (self.width - width) / 2)
        return left, top, left + max(1, round(DPI * width)), top + max(1, round(DPI * height))


def _resolve_layout(aspect: float) -> _Layout:
    """Panels side by side, or one above the other for a wide scene; ``aspect`` is width by height on the ground."""
    aspect = min(max(aspect, 0.25), 8.0)  # a strip that is narrower yet is stretched, for the words to have a ground
    if aspect > 1.9:
        return _Layout(12.0, 12.0 / aspect, True, aspect)
    height = min(7.0 / aspect, 9.0)
    # Narrow scenes still need room for the words above and the legend below.
    return _Layout(max(height * aspect, 4.2), height, False, aspect)


def _draw(picture: Picture, coastline: gpd.GeoDataFrame, caption: Caption) -> Canvas:
    x_m, y_m = compute_metres_per_unit(picture.grid)
    left, bottom, right, top = picture.grid.bounds
    layout = _resolve_layout((right - left) * x_m / ((top - bottom) * y_m))
    canvas = Canvas(*layout.sheet)
    photo, chance = layout.picture(0), layout.picture(1)
    canvas.paste(picture.ground, photo)
    canvas.paste(colour_probability(picture.probability, picture.obscured), chance)
    kinds = _draw_coastline(canvas, photo, coastline, picture.grid)
    for box in (photo, chance):
        canvas.frame(box, _EDGE_COLOUR)
    _draw_scale_bar(canvas, photo, (right - left) * x_m)
    _draw_north_arrow(canvas, photo)
    _write_words(canvas, layout, caption, picture)
    _draw_legend(canvas, layout, kinds, picture)
    _draw_colour_bar(canvas, layout)
    return canvas


def colour_probability(probability: npt.NDArray[np.floating], obscured: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Colours from land to water, as the bar below the picture has them.

    Args:
        probability: ``(row, col)``, 0 to 1, or a frequency; NaN becomes white.
        obscured: ``(row, col)`` True where the picture is to be grey.

    Returns:
        ``(row, col, 3)``.
    """
    steps = (255 * np.clip(np.nan_to_num(probability), 0, 1)).round().astype(np.uint8)
    colours: npt.NDArray[np.uint8] = _RAMP[steps]
    colours[np.isnan(probability)] = 255
    colours[obscured] = 154
    return colours


def _draw_coastline(canvas: Canvas, box: Box, coastline: gpd.GeoDataFrame, grid: Grid) -> list[str]:
    """Draw the lines by kind over a casing; returns the kinds that are there."""
    lines, kinds = coastline.geometry.to_numpy(), coastline["kind"].to_numpy()
    # A pond of less than two pixels would be a blot; a vertex every half pixel is all one can see. Lines may come to
    # cross: what keeps them apart takes fifteen times as long, and nobody sees it.
    pixel = max(grid.resolution)
    is_visible = shapely.length(lines) > 4 * pixel
    paths = {
        kind: _list_paths(shapely.simplify(lines[is_visible & (kinds == kind)], pixel / 3, preserve_topology=False))
        for kind in LINE_COLOURS
    }
    left, bottom, right, top = grid.bounds
    scale = np.array([(box[2] - box[0]) / (right - left), (box[3] - box[1]) / (bottom - top)])
    placed = {kind: [(path - (left, top)) * scale for path in some] for kind, some in paths.items()}
    every = [path for some in placed.values() for path in some]
    canvas.draw_paths(every, box, width=1.9, colour=_CASING, opacity=_CASING_OPACITY)
    for kind, colour in LINE_COLOURS.items():
        if placed[kind]:
            canvas.draw_paths(placed[kind], box, width=0.8, colour=colour)
    return [kind for kind in LINE_COLOURS if (kinds == kind).any()]


def _list_paths(lines: npt.NDArray[np.object_]) -> list[npt.NDArray[np.float64]]:
    """The vertices of each line, ``(vertex, 2)``."""
    vertices, which = shapely.get_coordinates(lines, return_index=True)
    return np.split(vertices, np.flatnonzero(np.diff(which)) + 1) if len(vertices) else []


def _draw_scale_bar(canvas: Canvas, box: Box, width_m: float) -> None:
    """A bar of a round length in the lower left corner."""
    length_m = resolve_bar_length(width_m)
    long = round((box[2] - box[0]) * length_m / width_m)
    left, bottom, thick = box[0] + round(0.24 * DPI), box[3] - round(0.22 * DPI), round(0.07 * DPI)
    pad = round(0.1 * DPI)
    canvas.fill((left - pad, bottom - round(0.29 * DPI), left + long + pad, bottom + pad), "#ffffff", opacity=0.8)
    bar = (left, bottom - thick, left + long, bottom)
    canvas.fill(bar, "#ffffff")
    canvas.fill((left, bottom - thick, left + long // 2, bottom), "#222222")
    canvas.frame(bar, "#222222")
    middle = (left + long / 2, bottom - thick - 0.06 * DPI)
    canvas.write(middle, format_length(length_m), size=8.5, colour="#222222", anchor="ms")


def _draw_north_arrow(canvas: Canvas, box: Box) -> None:
    """An arrow in the upper right corner; on our maps grid north is up."""
    x, y = box[2] - 0.28 * DPI, box[1] + 0.18 * DPI
    corner: Box = (round(x - 0.2 * DPI), round(y - 0.1 * DPI), round(x + 0.2 * DPI), round(y + 0.7 * DPI))
    x_in, y_in = x - corner[0], y - corner[1]
    half, head, shaft, foot = 0.045 * DPI, 0.11 * DPI, to_pixels(0.8), 0.42 * DPI
    arrow = [(0.0, 0.0), (half, head), (shaft, head), (shaft, foot), (-shaft, foot), (-shaft, head), (-half, head)]
    corners = [(x_in + across, y_in + down) for across, down in arrow]
    for edge, colour, opacity in ((0.9, "#000000", 0.6), (0.1, "#ffffff", 1.0)):
        canvas.draw_area(corners, corner, edge=edge, colour=colour, opacity=opacity)
    canvas.write_over((x, y + 0.55 * DPI), "**N", size=11, colour="#ffffff", edge="#000000", opacity=0.6)


def _write_words(canvas: Canvas, layout: _Layout, caption: Caption, picture: Picture) -> None:
    across, down = layout.sheet
    left = round(layout.side * DPI)
    place = format_position(*compute_center(picture.grid))
    facts = [caption.when, place, *([f"model {caption.model}"] if caption.model else [])]
    # A product's name has 60 letters: a narrow picture needs smaller ones.
    name = f"**{caption.name}"
    size = min(13.0, 13.0 * (across - 2 * left) / canvas.measure(name, size=13.0))
    canvas.write((left, 0.18 * DPI), name, size=size, colour="#111111", anchor="la")
    canvas.write((left, 0.45 * DPI), "  ·  ".join(facts), size=9.5, colour="#444444", anchor="la")
    for number, title in enumerate((f"{picture.title}, with the coastline", "Probability of water")):
        x, y = layout.panel(number)
        canvas.write((x, y - 0.1 * DPI), title, size=9.5, colour="#111111")
    canvas.write((across - left, down - 0.17 * DPI), caption.attribution, size=8, colour="#444444", anchor="rs")


def _draw_legend(canvas: Canvas, layout: _Layout, kinds: list[str], picture: Picture) -> None:
    """Of the lines, the cloud and what is missing, in two columns under the picture."""
    entries = [(LINE_COLOURS[kind], LINE_LABELS[kind], True) for kind in kinds]
    if picture.obscured.any():
        entries.append((_OBSCURED_COLOUR, "obscured (cloud)", False))
    if (np.isnan(picture.probability) & ~picture.obscured).any():
        entries.append((_NODATA_COLOUR, "no data", False))
    rows = (len(entries) + 1) // 2
    left, top, line, swatch = round(layout.side * DPI), layout.sheet[1] - round(0.95 * DPI), 23, 31
    for number, (colour, label, is_line) in enumerate(entries):
        if number == rows:  # the second column begins
            left += swatch + 50 + round(max(canvas.measure(words, size=8.5) for _, words, _ in entries[:rows]))
        middle = top + line * (number % rows) + 8
        if is_line:
            box = (left, middle - 4, left + swatch, middle + 4)
            path = np.array([(0, 4), (swatch, 4)], np.float64)
            canvas.draw_paths([path], box, width=3.4, colour=_CASING, opacity=_CASING_OPACITY)
            canvas.draw_paths([path], box, width=1.8, colour=colour)
        else:
            box = (left, middle - 5, left + swatch, middle + 6)
            canvas.fill(box, colour)
            canvas.frame(box, "#777777")
        canvas.write((left + swatch + 12, middle), label, size=8.5, colour="#000000", anchor="lm")


def _draw_colour_bar(canvas: Canvas, layout: _Layout) -> None:
    width = round(min(3.4, layout.width * 0.65) * DPI)
    left = layout.sheet[0] - round((layout.side + 0.3) * DPI) - width
    top = layout.sheet[1] - round((layout.bottom - 0.17) * DPI)
    box = (left, top, left + width, top + round(0.13 * DPI))
    canvas.paste(_RAMP[None, np.linspace(0, 255, width).round().astype(int)], box)
    canvas.frame(box, _EDGE_COLOUR)
    for share, words in ((0.0, "0 land"), (0.25, "0.25"), (0.5, "0.5"), (0.75, "0.75"), (1.0, "1 water")):
        x = left + round(share * (width - 1))
        canvas.fill((x, box[3], x + 1, box[3] + 5), _EDGE_COLOUR)
        canvas.write((x, box[3] + 9), words, size=8, colour="#333333", anchor="ma")
    middle = left + round(0.5 * (width - 1))
    canvas.fill((middle, box[1], middle + 1, box[3]), "#333333")
