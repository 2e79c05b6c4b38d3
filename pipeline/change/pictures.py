"""Draw a comparison: a map of where the shore moved, and a plot of by how much."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from affine import Affine
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT

from pipeline.change.bodies import SHORE
from pipeline.change.plane import Plane
from pipeline.change.source import DatedCoast
from pipeline.change.summary import ChangeSummary
from pipeline.errors import output_errors
from pipeline.output.classes import LAND, NODATA, OBSCURED, PROBABILITY_SCALE, WATER
from pipeline.output.figures import encode_figure
from pipeline.output.map_furniture import draw_north_arrow, draw_scale_bar
from pipeline.output.map_scale import format_position
from tiles.times import format_moment

__all__ = ["ChangePicture", "write_change_map", "write_change_plot"]

_GAIN, _LOSS, _STEADY, _BODY = "#1b7837", "#b2182b", "#555555", "#7b3294"
_RAMP = LinearSegmentedColormap.from_list("retreat to advance", [_LOSS, "#f4a582", "#f7f7f7", "#a6dba0", _GAIN])
_PAPER: Final = {LAND: (243, 239, 228), WATER: (205, 222, 235), OBSCURED: (200, 200, 200), NODATA: (255, 255, 255)}
_KEEP = (_GAIN, _LOSS, _STEADY, _BODY, "#ffffff", "#000000", *(to_hex(_RAMP(step / 15)) for step in range(16)))
_SIDE_PX: Final = 1100
_DPI: Final = 130
_LIMIT: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChangePicture:
    """What is drawn.

    Attributes:
        plane: Of the features.
        gained: Land gained.
        lost: Land lost.
        shift: Pieces of the old shore.
        old: The earlier date.
        new: The later date, whose land and water are the map's ground.
    """

    plane: Plane
    gained: gpd.GeoDataFrame
    lost: gpd.GeoDataFrame
    shift: gpd.GeoDataFrame
    old: DatedCoast
    new: DatedCoast


def write_change_map(path: Path, picture: ChangePicture, summary: ChangeSummary) -> None:
    """Draw the map as a PNG of about 1300 pixels across and at most some 1 MB.

    Args:
        path: File to write.
        picture: What is drawn.
        summary: Words and numbers.

    Raises:
        OutputError: The file cannot be written.
    """
    left, bottom, right, top = _find_extent(picture)
    aspect = (right - left) / (top - bottom)
    width, height = 9.0, 9.0 / aspect
    figure = Figure(figsize=(width + 0.6, height + 2.0), dpi=_DPI, facecolor="white")
    across, down = figure.get_size_inches()
    axes = figure.add_axes((0.3 / across, 1.15 / down, width / across, height / down))
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set(color="#555555", linewidth=0.7)
    _draw_ground(axes, picture, (left, bottom, right, top))
    norm = _draw_shore(axes, picture.shift)
    _draw_polygons(axes, picture)
    draw_scale_bar(axes, 1.0)
    draw_north_arrow(axes)
    _write_words(figure, picture, summary)
    _draw_legend(figure, picture, norm)
    with output_errors(path):
        path.write_bytes(encode_figure(figure, keep=_KEEP, limit=_LIMIT))


def write_change_plot(path: Path, picture: ChangePicture, summary: ChangeSummary) -> None:
    """Plot how much shore has shifted by how much, and the areas gained and lost.

    Args:
        path: File to write.
        picture: What was found.
        summary: In numbers.

    Raises:
        OutputError: The file cannot be written.
    """
    figure = Figure(figsize=(10.0, 4.2), dpi=_DPI, facecolor="white")
    sides = {"left": 0.07, "right": 0.98, "bottom": 0.13, "top": 0.85, "wspace": 0.18}
    first, second = figure.subplots(1, 2, width_ratios=(2.2, 1), gridspec_kw=sides)
    _plot_shifts(first, _choose(picture.shift, summary), summary)
    _plot_areas(second, picture, summary)
    figure.suptitle(f"{_format_date(picture.old)}  →  {_format_date(picture.new)}", fontsize=10, color="#111111")
    with output_errors(path):
        path.write_bytes(encode_figure(figure, keep=_KEEP, limit=_LIMIT))


def _find_extent(picture: ChangePicture) -> tuple[float, float, float, float]:
    """Bounds of what was compared, with a margin."""
    frames = [frame for frame in (picture.shift, picture.gained, picture.lost) if len(frame)]
    if not frames:
        part = picture.new.parts or picture.old.parts
        corners = shapely.get_coordinates(shapely.box(*part[0].grid.bounds)) if part else np.zeros((1, 2))
        xy = picture.plane.project(corners, part[0].grid.crs) if part else corners
        bounds = np.concatenate((xy.min(axis=0), xy.max(axis=0)))
    else:
        boxes = np.array([frame.total_bounds for frame in frames])
        bounds = np.concatenate((boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)))
    middle, half = (bounds[:2] + bounds[2:]) / 2, (bounds[2:] - bounds[:2]) / 2 * 1.05 + 50
    half = np.maximum(half, half.max() * np.array([0.8, 0.5]))  # a straight coast still wants a map about it
    return (*(middle - half).tolist(), *(middle + half).tolist())


def _draw_ground(axes: Axes, picture: ChangePicture, extent: tuple[float, float, float, float]) -> None:
    """Land and water of the new date, in pale colours."""
    left, bottom, right, top = extent
    scale = max(right - left, top - bottom) / _SIDE_PX
    shape = max(1, round((top - bottom) / scale)), max(1, round((right - left) / scale))
    transform = Affine((right - left) / shape[1], 0, left, 0, -(top - bottom) / shape[0], top)
    classes = np.full(shape, NODATA, dtype=np.uint8)
    for part in picture.new.parts:
        source = part.water or part.probability
        if source is None:
            continue
        try:
            seen = _warp(source, picture.plane, transform, shape)
        except RasterioError:
            continue  # the ground is decoration: a map without it is still a map
        if part.water is None:
            seen = np.where(seen == NODATA, NODATA, np.where(seen * PROBABILITY_SCALE >= 0.5, WATER, LAND))
        classes = np.where(classes == NODATA, seen, classes).astype(np.uint8)
    colours = np.full((256, 3), 255, dtype=np.uint8)
    for value, colour in _PAPER.items():
        colours[value] = colour
    axes.imshow(colours[classes], extent=(left, right, bottom, top), interpolation="nearest", zorder=0)


def _warp(path: Path, plane: Plane, transform: Affine, shape: tuple[int, int]) -> NDArray[np.uint8]:
    with (
        rasterio.open(path) as src,
        WarpedVRT(
            src,
            crs=plane.crs.to_wkt(),
            transform=transform,
            width=shape[1],
            height=shape[0],
            resampling=Resampling.nearest,
            nodata=NODATA,
        ) as warped,
    ):
        values: NDArray[np.uint8] = warped.read(1)
    return values


def _draw_shore(axes: Axes, shift: gpd.GeoDataFrame) -> Normalize:
    """The old shore: thin where it is steady, in colours where it moved."""
    state = shift["state"].to_numpy()
    lines = shapely.get_coordinates(np.asarray(shift.geometry)).reshape(-1, 3, 2)
    local = shift["local_shift_m"].to_numpy()
    moved = state == "moved"
    limit = float(np.percentile(np.abs(local[moved]), 95)) if moved.any() else 10.0
    norm = Normalize(-max(limit, 10.0), max(limit, 10.0))
    axes.add_collection(LineCollection(list(lines[state == "steady"]), colors=_STEADY, linewidths=0.6), autolim=False)
    gone = np.isin(state, ("no shore", "body"))
    axes.add_collection(LineCollection(list(lines[gone]), colors=_BODY, linewidths=0.6), autolim=False)
    for colours, width in (("#00000080", 3.4), (_RAMP(norm(local[moved])), 2.4)):
        axes.add_collection(LineCollection(list(lines[moved]), colors=colours, linewidths=width), autolim=False)
    return norm


def _draw_polygons(axes: Axes, picture: ChangePicture) -> None:
    for frame, colour in ((picture.gained, _GAIN), (picture.lost, _LOSS)):
        for is_shore in (True, False):
            rows = frame[(frame["kind"] == SHORE) == is_shore]
            rings = [shapely.get_coordinates(shapely.get_exterior_ring(p)) for p in np.asarray(rows.geometry)]
            edge = colour if is_shore else _BODY
            axes.add_collection(
                PolyCollection(rings, facecolors=f"{colour}90", edgecolors=edge, linewidths=0.5), autolim=False
            )


def _format_date(coast: DatedCoast) -> str:
    return format_moment(coast.acquired) if coast.acquired else f"{coast.id} (date unknown)"


def _write_words(figure: Figure, picture: ChangePicture, summary: ChangeSummary) -> None:
    across, down = figure.get_size_inches()
    title = f"{_format_date(picture.old)}  →  {_format_date(picture.new)}"
    figure.text(0.3 / across, 1 - 0.2 / down, title, va="top", fontsize=12, fontweight="bold", color="#111111")
    mean = "no shore was seen on both dates" if summary.mean_shift_m is None else f"mean {summary.mean_shift_m:+.1f} m"
    facts = [
        f"{summary.clear_km:.1f} of {summary.shore_km:.1f} km clear on both",
        f"{summary.moved_km:.1f} km moved",
        mean,
        f"land +{summary.gained_m2 / 1e4:,.2f} ha, −{summary.lost_m2 / 1e4:,.2f} ha",
    ]
    figure.text(0.3 / across, 1 - 0.5 / down, "  ·  ".join(facts), va="top", fontsize=9, color="#444444")
    simulated = picture.old.simulated or picture.new.simulated
    year = f" {picture.new.acquired:%Y}" if picture.new.acquired else ""
    credit = (
        "Simulated scenes: no place on Earth looks like this"
        if simulated
        else f"Contains modified Copernicus Sentinel data{year}"
    )
    if len(picture.shift):
        place = picture.shift[["lon", "lat"]].mean()
        credit = f"{format_position(float(place['lon']), float(place['lat']))}  ·  {credit}"
    figure.text(1 - 0.3 / across, 0.12 / down, credit, ha="right", fontsize=8, color="#444444")


def _draw_legend(figure: Figure, picture: ChangePicture, norm: Normalize) -> None:
    across, down = figure.get_size_inches()
    handles: list[Any] = [
        Line2D([], [], color=_STEADY, lw=1, label="shore within its uncertainty"),
        Patch(facecolor=f"{_GAIN}90", edgecolor=_GAIN, label="land gained"),
        Patch(facecolor=f"{_LOSS}90", edgecolor=_LOSS, label="land lost"),
    ]
    if any((frame["kind"] != SHORE).any() for frame in (picture.gained, picture.lost)):
        handles.append(Patch(facecolor="none", edgecolor=_BODY, label="body that appeared or vanished"))
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.3 / across, 1.0 / down),
        ncols=2,
        frameon=False,
        fontsize=8.5,
        borderaxespad=0,
        borderpad=0,
    )
    bar = figure.add_axes(((across - 3.0) / across, 0.78 / down, 2.7 / across, 0.13 / down))
    figure.colorbar(ScalarMappable(norm=norm, cmap=_RAMP), cax=bar, orientation="horizontal")
    bar.tick_params(labelsize=8, length=2.5, color="#555555", labelcolor="#333333")
    figure.text((across - 1.65) / across, 0.95 / down, "retreat  ·  shift in m  ·  advance", ha="center", fontsize=8)


def _plot_shifts(axes: Axes, shift: gpd.GeoDataFrame, summary: ChangeSummary) -> None:
    values, state = shift["shift_m"].to_numpy(), shift["state"].to_numpy()
    known = np.isfinite(values) & (state != "body")
    reach = max(10.0, float(np.percentile(np.abs(values[known]), 99.5))) if known.any() else 10.0
    bins = np.linspace(-reach, reach, 61)
    step_km = summary.clear_km / max(1, len(shift))
    groups = [np.clip(values[known & (state == name)], -reach, reach) for name in ("steady", "moved")]
    axes.hist(
        groups,
        bins=bins.tolist(),
        weights=[np.full(len(group), step_km) for group in groups],
        stacked=True,
        color=["#bbbbbb", "#4393c3"],
        label=["within its uncertainty", "moved"],
    )
    axes.axvline(0, color="#555555", linewidth=0.8)
    if summary.mean_shift_m is not None:
        axes.axvline(summary.mean_shift_m, color="#000000", linewidth=1, linestyle="--")
        axes.set_title(
            f"mean {summary.mean_shift_m:+.2f} m, median {summary.median_shift_m:+.2f} m", fontsize=9, color="#333333"
        )
    axes.set_xlabel("shift in m: retreat negative, advance positive", fontsize=9)
    axes.set_ylabel("km of shore", fontsize=9)
    axes.legend(frameon=False, fontsize=8.5)
    axes.tick_params(labelsize=8)


def _choose(frame: gpd.GeoDataFrame, summary: ChangeSummary) -> gpd.GeoDataFrame:
    """What counts: without the shores of enclosed waters, unless they do."""
    return frame if summary.counts_inland else frame[frame["waters"] != "inland"]


def _plot_areas(axes: Axes, picture: ChangePicture, summary: ChangeSummary) -> None:
    names = ("shore", "appeared", "vanished")
    for frame, colour, sign, label in (
        (_choose(picture.gained, summary), _GAIN, 1, "land gained"),
        (_choose(picture.lost, summary), _LOSS, -1, "land lost"),
    ):
        areas = [sign * float(frame.loc[frame["kind"] == name, "area_m2"].sum()) / 1e4 for name in names]
        axes.bar(names, areas, color=colour, label=label)
    axes.axhline(0, color="#555555", linewidth=0.8)
    axes.set_ylabel("ha", fontsize=9)
    axes.legend(frameon=False, fontsize=8.5)
    axes.tick_params(labelsize=8)
