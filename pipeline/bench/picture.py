"""Draw a benchmark: who did what when, and the time that was needed beside the least that it could be."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from pipeline.atomic import open_draft
from pipeline.bench.report import BenchReport
from pipeline.clock import Span
from pipeline.output.figures import encode_figure

__all__ = ["write_picture"]

_DECODING, _NETWORK, _OTHERS, _WALL = "#0072b2", "#d55e00", "#b9b9b9", "#333333"
_COLOURS: Final = {
    "decode": _DECODING,
    "network": _NETWORK,
    "reflectance": "#e69f00",
    "wait for decoding": "#e8e8e8",
    "write rasters": "#009e73",
    "trace": "#56b4e9",
    "finish rasters": "#117733",
    "coastline": "#cc79a7",
    "vectors": "#882255",
    "preview": "#f0e442",
}
"""Colours that people with any colour vision can tell apart. Source: Okabe and Ito, Color Universal Design, 2008."""

_SPARE: Final = ("#44aa99", "#999933", "#6699cc", "#aa4466", "#777777")
_DPI: Final = 130
_LIMIT: Final = 600_000


def write_picture(path: Path, report: BenchReport) -> None:
    """Draw the threads of the typical round over time, and below them the limit by part and the time of the map.

    Args:
        path: File to write, a PNG of 1300 pixels across; replaced where it exists.
        report: What was found.

    Raises:
        OutputError: It cannot be written.
    """
    spans = report.typical.mapping.spans
    threads = _sort_threads(spans)
    colours = _choose_colours(spans)
    above, below = 0.26 * len(threads) + 0.6, 1.5
    legend_rows = -(-len(colours) // 6)
    figure = Figure(
        figsize=(10.0, above + below + 1.5 + 0.22 * legend_rows), dpi=_DPI, facecolor="white", layout="constrained"
    )
    top, bottom = figure.subplots(2, 1, height_ratios=(above, below))
    _draw_threads(top, spans, threads, colours)
    _draw_bars(bottom, report)
    handles = [Patch(color=colour, label=stage) for stage, colour in colours.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=6, frameon=False, fontsize=8)
    scene, choices = report.scene, report.choices
    words = f"{scene.id}, {scene.width} x {scene.height} px" + (" (simulated)" if scene.simulated else "")
    figure.suptitle(
        f"{words}\n{choices.description}; {report.machine['processor']}, {report.cores} cores",
        fontsize=9,
        color="#111111",
    )
    with open_draft(path) as draft:
        draft.write_bytes(encode_figure(figure, keep=("#ffffff", "#000000", *colours.values()), limit=_LIMIT))


def _sort_threads(spans: tuple[Span, ...]) -> list[str]:
    """The main thread first, then each pool in the order in which they began, numbers as numbers."""
    began: dict[str, float] = {"MainThread": -1.0}
    for span in spans:
        pool = span.thread.rstrip("0123456789")
        began[pool] = min(began.get(pool, span.begin_s), span.begin_s)

    def rank(name: str) -> tuple[float, str, int]:
        pool = name.rstrip("0123456789")
        return began[pool], pool, int(name[len(pool) :] or -1)

    return sorted({span.thread for span in spans}, key=rank)


def _choose_colours(spans: tuple[Span, ...]) -> dict[str, str]:
    """A colour a stage, in the order of their time; what has none of its own gets a spare one."""
    seconds: dict[str, float] = {}
    for span in spans:
        seconds[span.stage] = seconds.get(span.stage, 0.0) + span.end_s - span.begin_s
    stages = sorted(seconds, key=lambda stage: -seconds[stage])
    unknown = [stage for stage in stages if stage not in _COLOURS]
    spare = {stage: _SPARE[number % len(_SPARE)] for number, stage in enumerate(unknown)}
    return {stage: _COLOURS.get(stage) or spare[stage] for stage in stages}


def _draw_threads(axes: Axes, spans: tuple[Span, ...], threads: list[str], colours: dict[str, str]) -> None:
    for row, thread in enumerate(threads):
        for stage, colour in colours.items():
            bars = [(s.begin_s, s.end_s - s.begin_s) for s in spans if s.thread == thread and s.stage == stage]
            axes.broken_barh(bars, (row - 0.42, 0.84), facecolors=colour, linewidth=0)
    axes.set_yticks(range(len(threads)), threads)
    axes.set_ylim(len(threads) - 0.5, -0.5)
    axes.set_xlim(0, max((span.end_s for span in spans), default=1.0))
    axes.set_xlabel("seconds since mapping began", fontsize=8)
    _tidy(axes)


def _draw_bars(axes: Axes, report: BenchReport) -> None:
    """Three bars: the limit, the map's processor time over the cores, and its wall time."""
    medians, cores = report.compute_medians(), report.cores
    on_gpu = report.choices.device == "cuda"
    decoding_s = medians["decoding_cpu_s"] / cores
    network_s = medians["network_wall_s"] if on_gpu else medians["network_cpu_s"] / cores
    busy_s = medians["map_cpu_s"] / cores
    known_s = decoding_s + (0.0 if on_gpu else network_s)
    axes.barh(0, decoding_s, color=_DECODING)
    axes.barh(0, network_s, left=0.0 if on_gpu else decoding_s, height=0.4 if on_gpu else 0.8, color=_NETWORK)
    axes.barh(1, min(busy_s, known_s), color=_DECODING if on_gpu else "#8a7f8d")
    axes.barh(1, max(busy_s - known_s, 0.0), left=known_s, color=_OTHERS)
    axes.barh(2, medians["map_wall_s"], color=_WALL)
    for row, length, words in (
        (0, medians["limit_s"], f"{medians['limit_s']:.1f} s"),
        (1, busy_s, f"{busy_s:.1f} s, of which {max(busy_s - known_s, 0.0):.1f} s for all else"),
        (2, medians["map_wall_s"], f"{medians['map_wall_s']:.1f} s, {medians['ratio']:.2f} times the limit"),
    ):
        axes.text(length, row, f" {words}", va="center", fontsize=8, color="#111111")
    axes.axvline(medians["limit_s"], color="#111111", linewidth=0.8, linestyle="--")
    names = ["limit: decoding and network alone", "processor time of the map, over the cores", "wall time of the map"]
    axes.set_yticks(range(3), names)
    axes.set_ylim(2.6, -0.6)
    axes.set_xlim(0, 1.25 * max(medians["map_wall_s"], busy_s, medians["limit_s"]))
    axes.set_xlabel("seconds" if len(report.runs) == 1 else f"seconds, medians of {len(report.runs)} runs", fontsize=8)
    _tidy(axes)


def _tidy(axes: Axes) -> None:
    axes.tick_params(labelsize=8, color="#555555", labelcolor="#333333")
    axes.grid(axis="x", color="#dddddd", lw=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
