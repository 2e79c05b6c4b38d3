"""All that is counted of one method on some pixels, in one vector: tiles add up, scenes compare, resamples resample.

A vector has the same length whatever it was counted on, so measuring needs constant memory: distances are kept as a
histogram, fine where shorelines are good and coarse where they are not.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.measures.boundary_iou import compute_boundary_overlap
from models.measures.metrics import compute_confusion
from models.measures.scores import (
    RELIABILITY_BINS,
    SCORES,
    compute_calibration_error,
    compute_ratio,
    compute_reliability,
    compute_scores,
)
from pipeline.evaluation.shoreline_error import compute_shoreline_error
from tiles.samples.sample import Sample

__all__ = [
    "CAP_M",
    "FIGURES",
    "TALLY_LENGTH",
    "Bootstrap",
    "compute_figures",
    "compute_tally",
    "get_confusion",
    "get_reliability",
]

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]

CAP_M: Final = 1000.0
"""Greater distances, and those to a shore that is not there, count as this many metres."""

_EDGES_M = np.concatenate((np.arange(0, 50, 0.25), np.geomspace(50, CAP_M, 61)))
_CONFUSION = slice(0, 4)
_BOUNDARY = slice(4, 6)
_RELIABILITY = slice(6, 6 + 3 * RELIABILITY_BINS)
_DISTANCES = len(_EDGES_M) + 1  # the histogram, the sum, the sum of squares
_MAPPED = slice(_RELIABILITY.stop, _RELIABILITY.stop + _DISTANCES)
_TRUE = slice(_MAPPED.stop, _MAPPED.stop + _DISTANCES)

TALLY_LENGTH: Final = _TRUE.stop
"""How many numbers a tally has."""

_DISTANCE_FIGURES = ("median_m", "mean_m", "rmse_m", "p95_m")
FIGURES: tuple[str, ...] = (
    *SCORES,
    "boundary_iou",
    "calibration_error",
    *(f"mapped_to_true_{name}" for name in _DISTANCE_FIGURES),
    *(f"true_to_mapped_{name}" for name in _DISTANCE_FIGURES),
)
"""What ``compute_figures`` gives."""


def compute_tally(surface: Floats, sample: Sample, counted: Mask, *, level: float, calibrated: bool) -> Floats:
    """Count one answer on one tile.

    Args:
        surface: (row, col), higher over water; finite where counted.
        sample: The truth.
        counted: (row, col), True where a pixel counts.
        level: A pixel is water from here on.
        calibrated: Whether the surface is a probability.

    Returns:
        (TALLY_LENGTH,).
    """
    tally = np.zeros(TALLY_LENGTH)
    water, truth = surface > level, sample.fraction > 0.5
    confusion = compute_confusion(water, truth, counted)
    tally[_CONFUSION] = confusion.hit, confusion.miss, confusion.false, confusion.rest
    tally[_BOUNDARY] = compute_boundary_overlap(water, truth, counted)
    if calibrated:
        tally[_RELIABILITY] = compute_reliability(surface, sample.fraction, counted).ravel()
    error = compute_shoreline_error(surface, sample.fraction, counted, level=level, resolution_m=sample.resolution_m)
    tally[_MAPPED] = _count_distances(error.mapped_to_true)
    tally[_TRUE] = _count_distances(error.true_to_mapped)
    return tally


def _count_distances(distances: Floats) -> Floats:
    capped = np.minimum(distances, CAP_M)
    return np.concatenate((np.histogram(capped, _EDGES_M)[0], [capped.sum(), np.square(capped).sum()]))


def get_confusion(tally: Floats) -> dict[str, Floats]:
    """The counts of pixels in tallies (..., TALLY_LENGTH): ``hit``, ``miss``, ``false`` and ``rest``, (...) each."""
    return dict(zip(("hit", "miss", "false", "rest"), np.moveaxis(tally[..., _CONFUSION], -1, 0), strict=True))


def get_reliability(tally: Floats) -> Floats:
    """What a reliability diagram is drawn from: (..., 3, bins), see ``models.measures.scores``."""
    return tally[..., _RELIABILITY].reshape(*tally.shape[:-1], 3, RELIABILITY_BINS)


def compute_figures(tally: Floats) -> dict[str, Floats]:
    """The figures of one tally, or of many at once.

    Args:
        tally: (..., TALLY_LENGTH), sums of what ``compute_tally`` gave.

    Returns:
        Each of ``FIGURES``, (...); NaN where it is not defined.
    """
    boundary = tally[..., _BOUNDARY]
    return (
        compute_scores(**get_confusion(tally))
        | {"boundary_iou": compute_ratio(boundary[..., 0], boundary[..., 1])}
        | {"calibration_error": compute_calibration_error(get_reliability(tally))}
        | {f"mapped_to_true_{name}": value for name, value in _summarise(tally[..., _MAPPED]).items()}
        | {f"true_to_mapped_{name}": value for name, value in _summarise(tally[..., _TRUE]).items()}
    )


def _summarise(distances: Floats) -> dict[str, Floats]:
    counts, total, squares = distances[..., :-2], distances[..., -2], distances[..., -1]
    number = counts.sum(axis=-1)
    return {
        "median_m": _compute_quantile(counts, 0.5),
        "mean_m": compute_ratio(total, number),
        "rmse_m": np.sqrt(compute_ratio(squares, number)),
        "p95_m": _compute_quantile(counts, 0.95),
    }


def _compute_quantile(counts: Floats, share: float) -> Floats:
    """A quantile of histograms (..., bins), as if the distances of a bin were spread evenly over it."""
    reached = np.cumsum(counts, axis=-1)
    target = share * reached[..., -1:]
    index = np.argmax(reached >= target, axis=-1)[..., None]  # the first bin that reaches it
    inside = np.take_along_axis(counts, index, axis=-1)
    before = np.take_along_axis(reached, index, axis=-1) - inside
    width = np.diff(_EDGES_M)[index]
    value = _EDGES_M[index] + width * np.nan_to_num(compute_ratio(target - before, inside))
    return np.asarray(np.where(reached[..., -1] > 0, value[..., 0], np.nan))


class Bootstrap:
    """Sums of tallies as they would be in other draws of the same scenes.

    Args:
        length: Numbers a tally.
        resamples: How many draws.
    """

    def __init__(self, length: int, *, resamples: int = 500) -> None:
        self.sums: NDArray[np.float64] = np.zeros((resamples, length))

    def add(self, unit: str, tally: Floats) -> None:
        """Add what was counted of a unit that is drawn as a whole; it may come in parts.

        Args:
            unit: Its name.
            tally: (length,).
        """
        weights = _seed(unit).poisson(1.0, len(self.sums))
        filled = np.flatnonzero(tally)
        self.sums[:, filled] += weights[:, None] * tally[filled]

    def compute_intervals(
        self, compute: Callable[[Floats], dict[str, Floats]], *, share: float = 0.95
    ) -> dict[str, tuple[float, float]]:
        """The interval in which a share of the resamples lies.

        Args:
            compute: From sums (resamples, length) to figures (resamples,).
            share: How many of them, 0 to 1.

        Returns:
            Lower and upper end of each figure; NaN where no resample defines it.
        """
        tails = [50 * (1 - share), 50 * (1 + share)]
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "All-NaN slice")
            ends = {name: np.nanpercentile(values, tails) for name, values in compute(self.sums).items()}
        return {name: (float(low), float(high)) for name, (low, high) in ends.items()}


def _seed(unit: str) -> np.random.Generator:
    return np.random.default_rng(int.from_bytes(hashlib.sha256(unit.encode()).digest()[:8], "big"))
