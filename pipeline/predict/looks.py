"""What a pixel looks like, in two bits: enough to tell whether a small island may be a cloud or a ship.

Cloud, ships' decks and foam reflect alike from blue to the short-wave infrared. Land does not: plants are bright in the
near infrared alone, sand and rock rise from blue to red and on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["GREEN", "GREY", "LookChannels", "compute_look"]

GREY, GREEN = 1, 2
"""Bits of a look."""

_FLOOR = np.float32(0.02)
"""Added to each reflectance: below it, noise and what the correction of the atmosphere leaves would decide."""

_FLAT, _REDDER, _PLANTS = np.float32(2.0), np.float32(1.25), np.float32(1.8)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookChannels:
    """Which of a network's channels say what a pixel looks like.

    Attributes:
        blue: B02.
        red: B04.
        infrared: B08 or B8A.
        shortwave: B11 or B12; ``None`` where a scene has neither, and the other three decide.
    """

    blue: int
    red: int
    infrared: int
    shortwave: int | None = None

    @classmethod
    def find(cls, names: Sequence[str]) -> LookChannels | None:
        """The channels among bands by name; ``None`` where blue, red or near infrared is missing.

        Args:
            names: Of the bands, in the order of the channels.
        """
        blue, red, infrared, shortwave = (
            next((names.index(name) for name in wanted if name in names), None)
            for wanted in (("B02",), ("B04",), ("B08", "B8A"), ("B11", "B12"))
        )
        if blue is None or red is None or infrared is None:
            return None
        return cls(blue=blue, red=red, infrared=infrared, shortwave=shortwave)

    @property
    def all(self) -> tuple[int, ...]:
        """All of them, in the order of the attributes."""
        return (self.blue, self.red, self.infrared, *(() if self.shortwave is None else (self.shortwave,)))


def compute_look(reflectance: Sequence[NDArray[np.float32]]) -> NDArray[np.uint8]:
    """What pixels look like.

    Args:
        reflectance: (row, col) of blue, red, near infrared and, where there is one, short-wave infrared.

    Returns:
        uint8 (row, col): ``GREY`` where no band is twice another, and red no more than 1.25 times blue; ``GREEN``
        where the near infrared is more than 1.8 times blue and red.
    """
    raised = [np.maximum(band, 0) + _FLOOR for band in reflectance]
    blue, red, infrared = raised[:3]
    visible = np.maximum(blue, red)
    least, most = np.minimum(blue, red), visible
    for band in raised[2:]:
        least, most = np.minimum(least, band), np.maximum(most, band)
    grey = (most <= _FLAT * least) & (red <= _REDDER * blue)
    look: NDArray[np.uint8] = grey * np.uint8(GREY) + (infrared > _PLANTS * visible) * np.uint8(GREEN)
    return look
