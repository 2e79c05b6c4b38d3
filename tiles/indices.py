"""Water indices: what a network has to beat, computed on the same reflectance.

Each is positive over water and negative over land, so that 0 is its threshold; Otsu's method finds another one for a
scene of its own.

Source: NDWI: McFeeters 1996, doi:10.1080/01431169608948714; MNDWI: Xu 2006, doi:10.1080/01431160600589179;
AWEI: Feyisa et al. 2014, doi:10.1016/j.rse.2013.08.029; threshold: Otsu 1979, doi:10.1109/TSMC.1979.4310076.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiles.bands import L2A_STACK
from tiles.errors import BandError

__all__ = ["INDICES", "IndexHistogram", "WaterIndex", "compute_index", "compute_otsu_threshold"]

Floats = NDArray[np.floating[Any]]

_NEAR_INFRARED = ("B08", "B8A")
"""The second stands in where a product has no B08, as those of 60 m have not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterIndex:
    """A formula over bands that is positive over water.

    Attributes:
        name: As in the literature.
        bands: What it is made of, in the order of the formula; ``NIR`` is B08 or, without it, B8A.
        formula: From the bands, (row, col) each, to the index.
        low: Values below this count as this, when a threshold is sought.
        high: Values above this, likewise.
    """

    name: str
    bands: tuple[str, ...]
    formula: Callable[..., Floats]
    low: float
    high: float


def _compute_normalised_difference(a: Floats, b: Floats) -> Floats:
    """(a − b) / (a + b), kept within ±1: negative reflectance is legal over dark water, and would throw it out."""
    total = np.maximum(a + b, 1e-6)
    return np.asarray(np.clip((a - b) / total, -1, 1), np.float32)


def _compute_awei_nsh(green: Floats, nir: Floats, swir1: Floats, swir2: Floats) -> Floats:
    return np.asarray(4 * (green - swir1) - (0.25 * nir + 2.75 * swir2), np.float32)


def _compute_awei_sh(blue: Floats, green: Floats, nir: Floats, swir1: Floats, swir2: Floats) -> Floats:
    return np.asarray(blue + 2.5 * green - 1.5 * (nir + swir1) - 0.25 * swir2, np.float32)


_TABLE = (
    WaterIndex(name="NDWI", bands=("B03", "NIR"), formula=_compute_normalised_difference, low=-1, high=1),
    WaterIndex(name="MNDWI", bands=("B03", "B11"), formula=_compute_normalised_difference, low=-1, high=1),
    WaterIndex(name="AWEI_nsh", bands=("B03", "NIR", "B11", "B12"), formula=_compute_awei_nsh, low=-3, high=2),
    WaterIndex(name="AWEI_sh", bands=("B02", "B03", "NIR", "B11", "B12"), formula=_compute_awei_sh, low=-2, high=2),
)

INDICES: MappingProxyType[str, WaterIndex] = MappingProxyType({index.name: index for index in _TABLE})
"""The indices by name."""


def compute_index(name: str, reflectance: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """A water index of a stack.

    Args:
        name: One of ``INDICES``.
        reflectance: (12, row, col) in the order of ``L2A_STACK``, offset removed; NaN where not known.

    Returns:
        (row, col), NaN where a band is; ``None`` where a band that it needs is absent altogether.

    Raises:
        BandError: There is no such index.
    """
    if name not in INDICES:
        raise BandError(f"Expected an index of {', '.join(INDICES)}; found {name!r}.")
    index = INDICES[name]
    bands = [_find_band(band, reflectance) for band in index.bands]
    if any(band is None for band in bands):
        return None
    return np.asarray(index.formula(*bands), np.float32)


def _find_band(band: str, reflectance: NDArray[np.float32]) -> NDArray[np.float32] | None:
    for name in _NEAR_INFRARED if band == "NIR" else (band,):
        plane = reflectance[L2A_STACK.index(name)]
        if np.isfinite(plane).any():
            return np.asarray(plane)
    return None


class IndexHistogram:
    """How often each value of an index occurs in a scene; tiles are added one by one, in constant memory.

    Args:
        index: Which index.
        bins: How finely its range is divided.
    """

    def __init__(self, index: WaterIndex, *, bins: int = 512) -> None:
        self.edges: NDArray[np.float64] = np.linspace(index.low, index.high, bins + 1)
        self.counts: NDArray[np.int64] = np.zeros(bins, np.int64)

    def add(self, values: Floats) -> None:
        """Count values, any shape; what is not finite does not count, what is beyond the range counts at its end."""
        kept = np.clip(values[np.isfinite(values)], self.edges[0], self.edges[-1])
        self.counts += np.histogram(kept, self.edges)[0]

    @property
    def threshold(self) -> float:
        """Otsu's threshold of what was added; 0 where nothing was, or all of it is alike."""
        return compute_otsu_threshold(self.counts, self.edges)


def compute_otsu_threshold(counts: NDArray[np.int64], edges: Floats) -> float:
    """The value that parts a histogram into the two most distant classes.

    Args:
        counts: (bins,), how often.
        edges: (bins + 1,), rising.

    Returns:
        The edge with the greatest variance between the classes, the middle one of several; 0 where all values fall
        into one bin.
    """
    if np.count_nonzero(counts) < 2:
        return 0.0
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1].astype(np.float64)  # how many lie below each inner edge
    total, weighted = float(counts.sum()), np.cumsum(counts * centres)
    mean_gap = total * weighted[:-1] - below * weighted[-1]  # (total − below) · below · gap of the means
    between = mean_gap**2 / np.maximum(below * (total - below), 1e-12)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-12))
    return float(edges[1 + best].mean())
