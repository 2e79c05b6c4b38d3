"""How sure a pooled figure is: what it would have been, had other scenes been drawn.

Pixels of a scene are alike, so whole scenes are drawn again, not pixels. Each scene counts as often in a resample as a
Poisson number of mean 1 says, which its name decides: so resampling streams, in constant memory, in any order.

Source: Efron 1979, doi:10.1214/aos/1176344552; with Poisson weights: Hanley & MacGibbon 2006,
doi:10.1016/j.cmpb.2006.04.006.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Bootstrap"]

Floats = NDArray[np.floating[Any]]


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
