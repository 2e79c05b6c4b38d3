"""The drawings of the report: plain SVG within the page, coloured by its style sheet, so they follow light and dark."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.evaluate import Evaluation, MethodResult
from pipeline.evaluation.report.words import escape
from pipeline.evaluation.tally import compute_figures, get_reliability

__all__ = ["draw_errors_by_scene", "draw_reliability"]

_SIDE, _LEFT, _TOP = 300, 46, 12
_BARS = 60
_MOST_SCENES = 40
_NAMES, _REACH, _STEP, _HEAD = 150, 330, 22, 30


def draw_reliability(network: MethodResult) -> str:
    """The reliability diagram: what a probability promises, and what is true; below it, how often it is said.

    Args:
        network: What was counted of it.
    """
    bins = get_reliability(network.pooled)  # (3, bins)
    pixels, promised, true = bins[:, bins[0] > 0]
    said, share = promised / pixels, pixels / pixels.sum()
    x, y = _LEFT + _SIDE * said, _TOP + _SIDE * (1 - true / pixels)
    dots = "".join(
        f'<circle class="dot" cx="{a:.1f}" cy="{b:.1f}" r="{3 + 9 * math.sqrt(s):.1f}"><title>says {p:.2f}, '
        f"true {t:.2f}, {s:.2%} of the pixels</title></circle>"
        for a, b, s, p, t in zip(x, y, share, said, true / pixels, strict=True)
    )
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    error = float(compute_figures(network.pooled)["calibration_error"])
    label = f"Reliability of {escape(network.name)}, calibration error {100 * error:.2f}%"
    height = _TOP + _SIDE + 44 + _BARS + 34
    return (
        f'<svg class="square" viewBox="0 0 {_LEFT + _SIDE + 12} {height}" role="img" aria-label="{label}">{_axes()}'
        f'<line class="ideal" x1="{_LEFT}" y1="{_TOP + _SIDE}" x2="{_LEFT + _SIDE}" y2="{_TOP}"/>'
        f'<polyline class="curve" points="{path}"/>{dots}{_bars(bins[0])}</svg>'
    )


def _axes() -> str:
    ticks = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        x, y = _LEFT + _SIDE * tick, _TOP + _SIDE * (1 - tick)
        ticks.append(f'<line class="grid" x1="{x:g}" y1="{_TOP}" x2="{x:g}" y2="{_TOP + _SIDE}"/>')
        ticks.append(f'<line class="grid" x1="{_LEFT}" y1="{y:g}" x2="{_LEFT + _SIDE}" y2="{y:g}"/>')
        ticks.append(f'<text x="{x:g}" y="{_TOP + _SIDE + 14}" text-anchor="middle">{tick:g}</text>')
        ticks.append(f'<text x="{_LEFT - 6}" y="{y + 4:g}" text-anchor="end">{tick:g}</text>')
    middle = _TOP + _SIDE / 2
    return (
        "".join(ticks)
        + f'<text x="{_LEFT + _SIDE / 2}" y="{_TOP + _SIDE + 29}" text-anchor="middle">probability of water</text>'
        + f'<text x="12" y="{middle:g}" text-anchor="middle" transform="rotate(-90 12 {middle:g})">'
        "share of water</text>"
    )


def _bars(pixels: NDArray[np.floating[Any]]) -> str:
    """How many pixels there are a bin, on a logarithmic scale."""
    bottom = _TOP + _SIDE + 44 + _BARS
    width = _SIDE / len(pixels)
    tallest = math.log10(max(float(pixels.max()), 10))
    parts = []
    for index, count in enumerate(pixels):
        height = _BARS * math.log10(max(float(count), 1)) / tallest
        parts.append(
            f'<rect class="bar" x="{_LEFT + index * width + 1:.1f}" y="{bottom - height:.1f}" width="{width - 2:.1f}" '
            f'height="{height:.1f}"><title>{count:,.0f} pixels</title></rect>'
        )
    return (
        "".join(parts)
        + f'<text x="{_LEFT + _SIDE / 2}" y="{bottom + 16}" text-anchor="middle">pixels (logarithmic)</text>'
    )


def draw_errors_by_scene(evaluation: Evaluation) -> str:
    """The share of wrong pixels a scene: of the first network, and of the index that was best there.

    Args:
        evaluation: What was measured.
    """
    errors = _collect_errors(evaluation)[:_MOST_SCENES]
    if not errors:
        return ""
    largest = max(max(entry.network, np.nan_to_num(entry.index)) for entry in errors) or 0.01
    rows = "".join(_draw_scene(entry, _HEAD + _STEP * (row + 0.5), largest) for row, entry in enumerate(errors))
    ticks = "".join(
        f'<text x="{_NAMES + _REACH * part:g}" y="{_HEAD - 12}" text-anchor="middle">{100 * largest * part:.3g}%</text>'
        for part in (0, 0.5, 1)
    )
    height = _HEAD + _STEP * len(errors) + 8
    return (
        f'<svg viewBox="0 0 {_NAMES + _REACH + 30} {height}" role="img" aria-label="Wrong pixels by scene">'
        f"{ticks}{rows}</svg>"
    )


def _draw_scene(entry: _SceneError, y: float, largest: float) -> str:
    place = entry.place
    label = escape(place if len(place) <= 22 else f"…{place[-21:]}")
    x, z = (_NAMES + _REACH * np.nan_to_num(error) / largest for error in (entry.network, entry.index))
    parts = [
        f'<text x="{_NAMES - 8}" y="{y + 4:g}" text-anchor="end">{label}<title>{escape(place)}</title></text>',
        f'<line class="grid" x1="{_NAMES}" y1="{y:g}" x2="{_NAMES + _REACH}" y2="{y:g}"/>',
    ]
    if math.isfinite(entry.index):
        kind = "loss" if entry.network > entry.index else "gain"
        hint = f"<title>{escape(entry.name)}: {entry.index:.2%} wrong</title>"
        parts.append(f'<line class="{kind}" x1="{x:.1f}" y1="{y:g}" x2="{z:.1f}" y2="{y:g}"/>')
        parts.append(f'<rect class="index" x="{z - 4:.1f}" y="{y - 4:g}" width="8" height="8">{hint}</rect>')
    hint = f"<title>{entry.network:.2%} wrong</title>"
    return "".join([*parts, f'<circle class="dot" cx="{x:.1f}" cy="{y:g}" r="5">{hint}</circle>'])


@dataclass(frozen=True, slots=True, kw_only=True)
class _SceneError:
    """The share of wrong pixels of the first method, and of the index that was best; NaN where none answered."""

    place: str
    network: float
    index: float
    name: str


def _collect_errors(evaluation: Evaluation) -> list[_SceneError]:
    """The scenes, the worst first."""
    first, *others = evaluation.methods
    found = []
    for place, tally in first.by_place.items():
        indices = [
            (_compute_error(other.by_place[place]), other.name)
            for other in others
            if other.kind == "index" and place in other.by_place
        ]
        error, name = min(indices, default=(math.nan, ""))
        found.append(_SceneError(place=place, network=_compute_error(tally), index=error, name=name))
    return sorted(found, key=lambda entry: -entry.network)


def _compute_error(tally: NDArray[np.floating[Any]]) -> float:
    return 1 - float(compute_figures(tally)["accuracy"])
