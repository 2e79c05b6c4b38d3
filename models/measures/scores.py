"""Figures of a class map from counts of pixels: for one tile, for many scenes, or for a thousand resamples at once.

torchmetrics computes the same and is what the tests compare with. Counts are kept here since they can be added up over
tiles, shown a scene at a time and resampled, which running means cannot.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "RELIABILITY_BINS",
    "SCORES",
    "compute_calibration_error",
    "compute_ratio",
    "compute_reliability",
    "compute_scores",
]

Floats = NDArray[np.floating[Any]]

SCORES = (
    "accuracy",
    "precision",
    "recall",
    "f1",
    "iou",
    "land_precision",
    "land_recall",
    "land_f1",
    "land_iou",
)
"""What ``compute_scores`` gives; where no class is named, it is water."""


def compute_ratio(part: ArrayLike, whole: ArrayLike) -> Floats:
    """Shares, NaN of nothing: what was not there to be found is neither right nor wrong.

    Args:
        part: Counts, any shape.
        whole: Counts, the same shape.
    """
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.asarray(np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=whole > 0))


def compute_scores(*, hit: ArrayLike, miss: ArrayLike, false: ArrayLike, rest: ArrayLike) -> dict[str, Floats]:
    """Accuracy, and precision, recall, F1 and intersection over union of either class.

    Args:
        hit: Pixels that are water and were called water; any shape.
        miss: Water called land.
        false: Land called water.
        rest: Land called land.

    Returns:
        Each of ``SCORES``, in the shape of the counts; NaN where it is not defined.
    """
    hit, miss, false, rest = (np.asarray(count, np.float64) for count in (hit, miss, false, rest))
    scores = {"accuracy": compute_ratio(hit + rest, hit + miss + false + rest)}
    scores |= _compute_class_scores(hit, miss, false)
    return scores | {f"land_{name}": score for name, score in _compute_class_scores(rest, false, miss).items()}


def _compute_class_scores(hit: Floats, miss: Floats, false: Floats) -> dict[str, Floats]:
    return {
        "precision": compute_ratio(hit, hit + false),
        "recall": compute_ratio(hit, hit + miss),
        "f1": compute_ratio(2 * hit, 2 * hit + miss + false),
        "iou": compute_ratio(hit, hit + miss + false),
    }


Mask = NDArray[np.bool_]


RELIABILITY_BINS = 15
"""Bins of equal width from 0 to 1, as in the literature."""


def compute_reliability(
    probability: Floats, fraction: Floats, valid: Mask, *, bins: int = RELIABILITY_BINS
) -> NDArray[np.float64]:
    """What a reliability diagram is drawn from; add it up over tiles.

    Args:
        probability: Of water, 0 to 1, any shape.
        fraction: True share of water, the same shape.
        valid: True where a pixel counts.
        bins: How many.

    Returns:
        (3, bins): how many pixels, the sum of their probabilities, the sum of their fractions.
    """
    p, t = probability[valid].astype(np.float64), fraction[valid].astype(np.float64)
    index = np.minimum((p * bins).astype(np.int64), bins - 1)
    return np.stack([np.bincount(index, weights, bins) for weights in (np.ones_like(p), p, t)])


def compute_calibration_error(reliability: Floats) -> Floats:
    """Expected calibration error: how far probability and truth lie apart in a bin, weighted by its pixels.

    Args:
        reliability: (..., 3, bins), as ``compute_reliability`` gives it.

    Returns:
        (...), 0 (honest) to 1; NaN where there are no pixels.
    """
    pixels, probability, fraction = np.moveaxis(np.asarray(reliability, np.float64), -2, 0)
    return compute_ratio(np.abs(probability - fraction).sum(axis=-1), pixels.sum(axis=-1))
