"""Figures of a class map from counts of pixels: for one tile, for many scenes, or for a thousand resamples at once.

torchmetrics computes the same and is what the tests compare with. Counts are kept here since they can be added up over
tiles, shown a scene at a time and resampled, which running means cannot.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["SCORES", "compute_ratio", "compute_scores"]

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
