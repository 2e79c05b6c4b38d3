"""Whether a probability of 0.8 is right eight times in ten.

The truth is the share of water in a pixel: 0 or 1 where labels are hard, anything between where they are not.

Source: Naeini et al. 2015, doi:10.1609/aaai.v29i1.9602; Guo et al. 2017, arXiv:1706.04599 (expected calibration error).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.measures.scores import compute_ratio

__all__ = ["RELIABILITY_BINS", "compute_calibration_error", "compute_reliability"]

Floats = NDArray[np.floating[Any]]
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
