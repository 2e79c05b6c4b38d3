"""Values that stand for missing pixels though no tag says so: the same in all bands, and such as no ground reflects.

Who subtracts ESA's offset from nodata leaves -1000, who warps without a marker -9999, -32768 or 65535. What tells these
from ground is that all bands of a pixel have the very same value, often, far beyond any reflectance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tiles.products.radiometry import QUANTIFICATION

__all__ = [
    "compute_repeated_values",
    "describe_fills",
    "find_beyond_reflectance",
    "is_beyond_reflectance",
    "resolve_fills",
]

_DARKEST, _BRIGHTEST = -0.09, 3.0
"""Reflectance of ground and cloud lies between: ESA clips at DN 1, which is -0.0999 where an offset of 1000 is in, but
never in all bands of a pixel at once; saturated cloud and glint stay under 3."""

_LEAST_PIXELS, _LEAST_SHARE = 10, 0.0005


def compute_repeated_values(groups: Iterable[Mapping[str, NDArray[Any]]]) -> dict[float, float]:
    """Find the values that all bands of many pixels have at once.

    Args:
        groups: Bands of one size each: DN at the same places, any shape, NaN where nothing is known.

    Returns:
        The share (0 to 1) of pixels that have it, by the value. A band that is alone in its group counts only where it
        is the only one.
    """
    listed = [[np.asarray(band).ravel() for band in group.values()] for group in groups]
    several = [bands for bands in listed if len(bands) > 1] or listed[:1]
    shares: dict[float, float] = {}
    for first, *others in (bands for bands in several if bands and bands[0].size):
        alike = np.logical_and.reduce([first == other for other in others]) if others else np.ones(first.shape, bool)
        if np.issubdtype(first.dtype, np.floating):
            alike &= np.isfinite(first)
        values, counts = np.unique(first[alike], return_counts=True)
        often = counts >= max(_LEAST_PIXELS, _LEAST_SHARE * first.size)
        for value, count in zip(values[often], counts[often], strict=True):
            shares[float(value)] = max(shares.get(float(value), 0.0), float(count) / first.size)
    return shares


def is_beyond_reflectance(value: float, quantification: float) -> bool:
    """Whether no ground can have a value.

    Args:
        value: DN.
        quantification: DN per unit of reflectance.
    """
    return bool(find_beyond_reflectance(np.float64(value), quantification))


def find_beyond_reflectance(values: NDArray[Any] | np.float64, quantification: float) -> NDArray[np.bool_]:
    """Where values are such as no ground can have; infinities among them, NaN not.

    Args:
        values: DN, any shape.
        quantification: DN per unit of reflectance.
    """
    return np.asarray((values <= _DARKEST * quantification) | (values >= _BRIGHTEST * quantification))


def resolve_fills(
    repeated: Mapping[float, float], *, quantifications: Iterable[float], markers: Iterable[float | None]
) -> dict[float, float]:
    """Decide which values stand for missing pixels, though nobody says so.

    Args:
        repeated: As ``compute_repeated_values`` has it.
        quantifications: DN per unit of reflectance of the bands.
        markers: What is known to be nodata.

    Returns:
        The share (0 to 1) of pixels, by the value.
    """
    units, known = tuple(quantifications) or (QUANTIFICATION,), set(markers)
    return {
        value: share
        for value, share in sorted(repeated.items())
        if value not in known and all(is_beyond_reflectance(value, unit) for unit in units)
    }


def describe_fills(fills: Mapping[float, float]) -> tuple[str, ...]:
    """What to tell of such values, a sentence each.

    Args:
        fills: The share (0 to 1) of pixels, by the value.
    """
    return tuple(
        f"The value {value:.10g} stands in all bands of {share:.1%} of the pixels that were looked at, and no ground "
        "reflects so: it is taken as nodata, though no tag says so. Confirm it with --nodata."
        for value, share in fills.items()
    )
