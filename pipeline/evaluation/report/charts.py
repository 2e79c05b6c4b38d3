"""What the drawings of the report show; how they look is said by ``pipeline/data/report/charts.svg``."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.evaluate import Evaluation, MethodResult
from pipeline.evaluation.tally import compute_figures, get_reliability

__all__ = [
    "ErrorChart",
    "ReliabilityBar",
    "ReliabilityChart",
    "ReliabilityDot",
    "SceneError",
    "compute_error_chart",
    "compute_reliability_chart",
]

_MOST_SCENES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityDot:
    """A bin that was used: what it promises, what is true, and its share of the pixels; each 0 to 1."""

    said: float
    true: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBar:
    """How many pixels a bin holds, and how high that is on a logarithmic scale, 0 to 1."""

    pixels: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityChart:
    """What a network's probabilities promise, and what is true; ``error``: its calibration error."""

    name: str
    error: float
    dots: tuple[ReliabilityDot, ...]
    bars: tuple[ReliabilityBar, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneError:
    """The share of wrong pixels of the first method, and of the index that was best; ``None`` where none answered."""

    place: str
    network: float
    index: float | None
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorChart:
    """Scenes, the worst first, and the largest error of all."""

    scenes: tuple[SceneError, ...]
    largest: float


def compute_reliability_chart(network: MethodResult) -> ReliabilityChart:
    """The reliability diagram: what a probability promises, and what is true; below it, how often it is said.

    Args:
        network: What was counted of it.
    """
    bins = get_reliability(network.pooled)  # (3, bins): pixels, sum of probabilities, pixels of water
    pixels, promised, true = bins[:, bins[0] > 0]
    tallest = math.log10(max(float(bins[0].max()), 10))
    return ReliabilityChart(
        name=network.name,
        error=float(compute_figures(network.pooled)["calibration_error"]),
        dots=tuple(
            ReliabilityDot(said=float(said), true=float(share), share=float(part))
            for said, share, part in zip(promised / pixels, true / pixels, pixels / pixels.sum(), strict=True)
        ),
        bars=tuple(
            ReliabilityBar(pixels=float(count), height=math.log10(max(float(count), 1)) / tallest) for count in bins[0]
        ),
    )


def compute_error_chart(evaluation: Evaluation) -> ErrorChart | None:
    """The share of wrong pixels a scene: of the first network, and of the index that was best there.

    Args:
        evaluation: What was measured.

    Returns:
        What to draw; ``None`` where the first method answered nowhere.
    """
    first, *others = evaluation.methods
    scenes = []
    for place, tally in first.by_place.items():
        indices = [
            (_compute_error(other.by_place[place]), other.name)
            for other in others
            if other.kind == "index" and place in other.by_place
        ]
        error, name = min(indices, default=(None, ""))
        scenes.append(SceneError(place=place, network=_compute_error(tally), index=error, name=name))
    scenes.sort(key=lambda scene: -scene.network)
    scenes = scenes[:_MOST_SCENES]
    largest = max((max(scene.network, scene.index or 0.0) for scene in scenes), default=0.0)
    return ErrorChart(scenes=tuple(scenes), largest=largest or 0.01) if scenes else None


def _compute_error(tally: NDArray[np.floating[Any]]) -> float:
    return 1 - float(compute_figures(tally)["accuracy"])
