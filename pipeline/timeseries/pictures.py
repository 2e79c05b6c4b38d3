"""Draw a time series: a map of rates along the shore, and the positions of some transects with their fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_hex
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray
from scipy import stats

from pipeline.errors import output_errors
from pipeline.output.figures import encode_figure
from pipeline.output.map_furniture import draw_north_arrow, draw_scale_bar
from pipeline.timeseries.rates import DAYS_A_YEAR
from pipeline.timeseries.series import Series

__all__ = ["write_positions_plot", "write_rates_map"]

Floats = NDArray[np.float64]

_RETREAT, _ADVANCE, _GREY = "#b2182b", "#2166ac", "#8a8a8a"
_RAMP = LinearSegmentedColormap.from_list("rate", [_RETREAT, "#f4a582", "#e4e4e4", "#92c5de", _ADVANCE])
_KEEP = (_RETREAT, _ADVANCE, _GREY, "#ffffff", "#000000", *(to_hex(_RAMP(step / 15)) for step in range(16)))
_DPI: Final = 130
_LIMIT: Final = 1_000_000
_PANELS: Final = 6


def write_rates_map(path: Path, series: Series, reference: NDArray[Any], *, simulated: bool) -> None:
    """Draw the transects coloured by rate over the reference line.

    Args:
        path: File to write, a PNG of about 1250 pixels across.
        series: What was found; corrected rates are shown where there are any.
        reference: Lines in the CRS of the transects.
        simulated: The scenes show no place on Earth.

    Raises:
        OutputError: It cannot be written.
    """
    left, bottom, right, top = _find_extent(shapely.total_bounds(series.transects.build_lines()))
    width = 9.0
    height = width * (top - bottom) / (right - left)
    figure = Figure(figsize=(width + 0.6, height + 1.9), dpi=_DPI, facecolor="white")
    across, down = figure.get_size_inches()
    axes = figure.add_axes((0.3 / across, 1.05 / down, width / across, height / down))
    axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal", xticks=[], yticks=[], facecolor="#f6f6f3")
    axes.spines[:].set(color="#555555", linewidth=0.7)
    paths = [shapely.get_coordinates(line) for line in shapely.get_parts(reference)]
    axes.add_collection(LineCollection(paths, colors="#333333", linewidths=0.9), autolim=False)
    norm = _draw_rates(axes, series)
    draw_scale_bar(axes, 1.0)
    draw_north_arrow(axes)
    _write_words(figure, series, simulated=simulated)
    _draw_legend(figure, norm)
    with output_errors(path):
        path.write_bytes(encode_figure(figure, keep=_KEEP, limit=_LIMIT))


def _find_extent(bounds: Floats) -> tuple[float, float, float, float]:
    """With a margin, and never much narrower or flatter than a page."""
    middle, half = (bounds[:2] + bounds[2:]) / 2, (bounds[2:] - bounds[:2]) / 2 * 1.05 + 30
    half = np.maximum(half, half[::-1] * np.array([0.8, 0.45]))
    left, bottom, right, top = np.concatenate((middle - half, middle + half)).tolist()
    return left, bottom - 0.1 * (top - bottom), right, top  # the scale bar lies below the transects


def _draw_rates(axes: Axes, series: Series) -> Normalize:
    """Thick where the shore moves, thin where it is too slow to tell, grey where there is no rate."""
    fits = series.corrected_fits or series.fits
    rate = fits.get_column("rate_m")
    lines = shapely.get_coordinates(series.transects.build_lines()).reshape(-1, 2, 2)
    known = np.isfinite(rate)
    limit = max(float(np.percentile(np.abs(rate[known]), 95)) if known.any() else 1.0, 1.0)
    norm = Normalize(-limit, limit)
    sure = np.isin(fits.get_column("verdict"), ("retreat", "advance"))
    for rows, thick in ((known & ~sure, 1.3), (sure, 2.6)):
        for colours, wider in (("#00000070", 0.8), (_RAMP(norm(rate[rows])), 0.0)):
            axes.add_collection(LineCollection(list(lines[rows]), colors=colours, linewidths=thick + wider), False)
    axes.add_collection(LineCollection(list(lines[~known]), colors=_GREY, linewidths=0.7, linestyles="dotted"), False)
    return norm


def _write_words(figure: Figure, series: Series, *, simulated: bool) -> None:
    across, down = figure.get_size_inches()
    fits = series.corrected_fits or series.fits
    rate = fits.get_column("rate_m")
    known = np.isfinite(rate)
    corrected = ", corrected for the tide" if series.corrected_fits else ", not corrected for the tide"
    first, last = series.dates[0].acquired, series.dates[-1].acquired
    figure.text(
        0.3 / across,
        1 - 0.14 / down,
        f"Shore motion, {first:%d %B %Y} to {last:%d %B %Y}",
        va="top",
        fontsize=12,
        fontweight="bold",
        color="#111111",
    )
    facts = [f"{len(series.dates)} dates", f"{int(known.sum())} of {len(rate)} transects with a rate"]
    if known.any():
        facts.append(f"median {np.median(rate[known]):+.2f} m/year{corrected}")
    if fits.area is not None:
        facts.append(f"all together {fits.area.rate_m:+.2f} m/year ({fits.area.low_m:+.2f} to {fits.area.high_m:+.2f})")
    figure.text(0.3 / across, 1 - 0.42 / down, "  ·  ".join(facts), va="top", fontsize=8.5, color="#444444")
    words = "Simulated scenes: no place on Earth" if simulated else "Contains modified Copernicus Sentinel data"
    figure.text(1 - 0.3 / across, 0.12 / down, words, ha="right", fontsize=8, color="#444444")


def _draw_legend(figure: Figure, norm: Normalize) -> None:
    across, down = figure.get_size_inches()
    bar = figure.add_axes(((across - 3.9) / across, 0.72 / down, 3.4 / across, 0.13 / down))
    figure.colorbar(ScalarMappable(norm, _RAMP), cax=bar, orientation="horizontal", extend="both")
    bar.tick_params(labelsize=8, length=2.5, color="#555555", labelcolor="#333333")
    bar.set_xlabel("retreat   ←   m/year   →   advance", fontsize=8, color="#333333", labelpad=1)
    handles = [
        Line2D([], [], color=_RETREAT, lw=3, label="moves, beyond what the dates can tell"),
        Line2D([], [], color="#f4a582", lw=1.4, label="too slow to tell from standing still"),
        Line2D([], [], color=_GREY, lw=0.8, ls="dotted", label="no rate"),
        Line2D([], [], color="#333333", lw=0.9, label="reference line"),
    ]
    figure.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(0.3 / across, 0.95 / down),
        frameon=False,
        fontsize=8.5,
        ncols=2,
        borderaxespad=0,
        borderpad=0,
    )


def write_positions_plot(path: Path, series: Series, *, confidence: float) -> None:
    """Plot dates, fits and intervals of up to six transects, from the one that retreats most on.

    Args:
        path: File to write, a PNG.
        series: What was found; corrected positions where there are any.
        confidence: Of the band about the fit.

    Raises:
        OutputError: It cannot be written.
    """
    chosen = _choose_transects(series)
    rows = max(1, -(-len(chosen) // 2))
    figure = Figure(figsize=(10.4, 2.7 * rows + 0.8), dpi=_DPI, facecolor="white", layout="constrained")
    panels = figure.subplots(rows, 2, squeeze=False).ravel()
    for axes, number in zip(panels, chosen, strict=False):
        _plot_transect(axes, series, number, confidence=confidence)
    for axes in panels[len(chosen) :]:
        axes.set_axis_off()
    if not len(chosen):
        panels[0].text(0.5, 0.5, "No transect has a rate.", ha="center", va="center", color="#444444")
    unit = "at tide height 0" if series.corrected_m is not None else "as seen, tide not corrected"
    figure.supylabel(f"position of the shore, m seaward ({unit})", fontsize=9, color="#333333")
    handles = [
        Line2D([], [], color="#333333", marker="o", ms=4, lw=0.8, label="position ± stated uncertainty (1 σ)"),
        Line2D([], [], color=_RETREAT, marker="o", mfc="none", ms=5, lw=0, label="outlier"),
        Line2D([], [], color=_ADVANCE, lw=1.6, label=f"least squares, {100 * confidence:g}% band"),
        Line2D([], [], color="#444444", lw=1.0, ls="--", label="Theil–Sen"),
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, frameon=False, fontsize=8.5)
    with output_errors(path):
        path.write_bytes(encode_figure(figure, keep=_KEEP, limit=_LIMIT))


def _choose_transects(series: Series) -> NDArray[np.int64]:
    """Evenly through the ranks of the rates."""
    rate = (series.corrected_fits or series.fits).get_column("rate_m")
    known = np.flatnonzero(np.isfinite(rate))
    ranked = known[np.argsort(rate[known], kind="stable")]
    places = np.unique(np.linspace(0, len(ranked) - 1, min(_PANELS, len(ranked))).round().astype(np.int64))
    return np.asarray(ranked[places] if len(ranked) else ranked, dtype=np.int64)


def _plot_transect(axes: Axes, series: Series, number: int, *, confidence: float) -> None:
    shown = series.positions.position_m if series.corrected_m is None else series.corrected_m
    rate = (series.corrected_fits or series.fits).rates[number]
    position, sigma, outlier = shown[number], series.positions.sigma_m[number], series.outlier[number]
    days = np.array([date.acquired.replace(tzinfo=None) for date in series.dates], dtype="datetime64[s]")
    known = np.isfinite(position)
    axes.errorbar(days[known], position[known], sigma[known], fmt="o", ms=3.2, color="#333333", lw=0.7, capsize=1.5)
    axes.plot(days[outlier], position[outlier], "o", ms=7, mfc="none", color=_RETREAT)
    years = np.linspace(series.years[known].min(), series.years[known].max(), 60)
    when = days[0] + (years * DAYS_A_YEAR * 86_400).astype("timedelta64[s]")
    fit = rate.start_m + rate.rate_m * years
    used = series.years[known]
    spread = np.sqrt(1 / len(used) + (years - used.mean()) ** 2 / max(float(((used - used.mean()) ** 2).sum()), 1e-12))
    reach = float(stats.t.ppf((1 + confidence) / 2, max(len(used) - 2, 1))) * rate.scatter_m * spread
    axes.fill_between(when, fit - reach, fit + reach, color=_ADVANCE, alpha=0.16, lw=0)
    axes.plot(when, fit, color=_ADVANCE, lw=1.6)
    robust = rate.robust_m * years + np.median(position[known] - rate.robust_m * used)
    axes.plot(when, robust, color="#444444", lw=1.0, ls="--")
    words = f"{rate.rate_m:+.2f} m/year ({rate.low_m:+.2f} to {rate.high_m:+.2f}), {rate.dates} dates"
    axes.set_title(f"Transect {series.transects.ids[number]}: {words}", fontsize=8.5, color="#111111", loc="left")
    locator = AutoDateLocator(minticks=3, maxticks=7)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.tick_params(labelsize=8, color="#555555", labelcolor="#333333")
    axes.grid(color="#dddddd", lw=0.5)
    axes.spines[["top", "right"]].set_visible(False)
