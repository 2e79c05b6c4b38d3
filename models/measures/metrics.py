"""How good a map of water is, pixel by pixel: overlap, error of the fraction, calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter
from scipy.optimize import minimize_scalar

__all__ = ["Confusion", "compute_confusion", "compute_near_shore", "compute_temperature"]

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Confusion:
    """Pixels by what they are and what they were called; add them up over tiles.

    Attributes:
        hit: Water called water.
        miss: Water called land.
        false: Land called water.
        rest: Land called land.
    """

    hit: int = 0
    miss: int = 0
    false: int = 0
    rest: int = 0

    def __add__(self, other: Confusion) -> Confusion:
        return Confusion(
            hit=self.hit + other.hit,
            miss=self.miss + other.miss,
            false=self.false + other.false,
            rest=self.rest + other.rest,
        )

    @property
    def iou(self) -> float:
        """Intersection over union of water; 1 where there is none and none was found."""
        union = self.hit + self.miss + self.false
        return self.hit / union if union else 1.0

    @property
    def accuracy(self) -> float:
        """Share of the pixels that are right; 1 where there are none."""
        total = self.hit + self.miss + self.false + self.rest
        return (self.hit + self.rest) / total if total else 1.0


def compute_confusion(water: Mask, truth: Mask, valid: Mask) -> Confusion:
    """Count the valid pixels by truth and answer.

    Args:
        water: True where water was found; any shape.
        truth: True where water is.
        valid: True where a pixel counts.
    """
    return Confusion(
        hit=int((water & truth & valid).sum()),
        miss=int((~water & truth & valid).sum()),
        false=int((water & ~truth & valid).sum()),
        rest=int((~water & ~truth & valid).sum()),
    )


def compute_near_shore(fraction: Floats, *, reach_px: int = 2) -> Mask:
    """Where a shoreline is within ``reach_px`` rows and columns.

    Args:
        fraction: (row, col), share of water, 0 to 1.
        reach_px: How near.
    """
    size = 2 * reach_px + 1
    near: Mask = (maximum_filter(fraction, size) > 0.5) & (minimum_filter(fraction, size) <= 0.5)
    return near


def compute_temperature(margin: Floats, fraction: Floats) -> float:
    """The number by which logits should be divided for the cross-entropy to be least.

    Args:
        margin: Logit of water less logit of land, any shape, of data that did not train the model.
        fraction: Share of water, same shape.

    Returns:
        The temperature, between 0.1 and 10: above 1 where the model was too sure.

    Source: Guo et al. 2017, On calibration of modern neural networks, arXiv:1706.04599.
    """

    def cost(log_temperature: float) -> float:
        scaled = margin / np.exp(log_temperature)
        return float(np.mean(np.logaddexp(0, scaled) - fraction * scaled))

    return float(np.exp(minimize_scalar(cost, bounds=(np.log(0.1), np.log(10)), method="bounded").x))
