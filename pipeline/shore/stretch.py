"""A threshold other than one half: the probability is stretched so that water begins at one half, and back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["centre_probability", "spread_share"]

_HALF = np.float32(0.5)


def centre_probability(probability: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """The probability, stretched on either side so that the threshold comes to lie at one half.

    Args:
        probability: Any shape, 0 to 1; NaN stays.
        threshold: Probability from which on a pixel is water, more than 0 and less than 1.
    """
    if threshold == _HALF:
        return probability
    below = probability * np.float32(0.5 / threshold)
    above = 1 - (1 - probability) * np.float32(0.5 / (1 - threshold))
    # Rounding takes nothing across: a pixel is on the side on which it was.
    stretched = np.where(probability < threshold, np.minimum(below, np.nextafter(_HALF, 0)), np.maximum(above, _HALF))
    return np.where(np.isnan(probability), probability, stretched).astype(np.float32)


def spread_share(share: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """The other way: a share of one half comes to lie at the threshold.

    Args:
        share: Any shape, 0 to 1; NaN stays.
        threshold: As above.
    """
    if threshold == _HALF:
        return share
    level = np.float32(threshold)
    below = share * np.float32(2 * threshold)
    above = 1 - (1 - share) * np.float32(2 * (1 - threshold))
    spread = np.where(share < _HALF, np.minimum(below, np.nextafter(level, 0)), np.maximum(above, level))
    return np.where(np.isnan(share), share, spread).astype(np.float32)
