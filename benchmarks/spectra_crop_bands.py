"""Bands and indices of one crop by name, for the rules that label its pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from tiles.bands import L2A_STACK

__all__ = ["Array", "CropBands", "Mask", "compute_texture"]

Array = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


class CropBands:
    """Bands by name, and normalised differences of two."""

    def __init__(self, reflectance: Array) -> None:
        """Name the bands.

        Args:
            reflectance: ``(12, row, col)``; NaN becomes 0.
        """
        self._bands: dict[str, Array] = dict(zip(L2A_STACK, np.nan_to_num(reflectance), strict=True))

    def __getitem__(self, name: str) -> Array:
        """One band ``(row, col)``."""
        return self._bands[name]

    def index(self, first: str, second: str) -> Array:
        """``(first - second) / (first + second)``, both at least 0.0001."""
        a, b = np.maximum(self[first], 1e-4), np.maximum(self[second], 1e-4)
        return np.asarray((a - b) / (a + b), dtype=np.float32)


def compute_texture(band: Array) -> Array:
    """Local coefficient of variation over 5 x 5 pixels."""
    mean = ndimage.uniform_filter(band, 5)
    square = ndimage.uniform_filter(band * band, 5)
    return np.asarray(np.sqrt(np.maximum(square - mean * mean, 0)) / np.maximum(mean, 1e-3))
