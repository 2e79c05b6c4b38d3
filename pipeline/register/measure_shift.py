"""Measure how far one date lies beside another, by phase correlation of squares of stable land.

Each square says how far; their median counts, where most of them agree. A square is correlated, moved back by what came
of it and correlated again, for the edges of what is compared stand still and draw the answer towards none.

Source: Guizar-Sicairos, Thurman & Fienup 2008, doi:10.1364/OL.33.000156, as scikit-image has it.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import shift as shift_image
from scipy.ndimage import uniform_filter
from skimage.registration import phase_cross_correlation

from pipeline.register.chips import ChipPair, DatedImage, read_chip_pairs
from pipeline.register.registration import BAND_PX, Registration
from pipeline.trace.ellipsoid import Ground
from tiles.chips import CHIP_PX

__all__ = ["compute_offset", "measure_shift"]

Floats = NDArray[np.float64]

_LEAST_CHIPS: Final = 5
"""Fewer squares are no measurement."""

_TURNS: Final = 3
_FINENESS: Final = 50
"""Parts of a pixel that the correlation tells apart."""

_FARTHEST_PX: Final = 4.0
"""Dates lie up to a pixel apart, old ones up to two: what says more saw other ground."""

_LEAST_ALIKE: Final = 0.5
"""Correlation of a square with itself on the other date, moved back: below, the ground has changed its face."""

_LEAST_CONTRAST: Final = 4
"""Steps of brightness between the darkest and the brightest pixel: less is noise."""

_AGREED_PX: Final = 0.3
_AGREED_SIGMAS: Final = 3.0
_TAPER = np.outer(np.hanning(CHIP_PX + 2)[1:-1], np.hanning(CHIP_PX + 2)[1:-1])
_FEATHER_PX = 9


def measure_shift(reference: DatedImage, moving: DatedImage, *, assumed_m: float) -> Registration:
    """Measure how far a date lies beside the reference date.

    Args:
        reference: Where all is to lie.
        moving: The other date; grid and CRS may differ.
        assumed_m: Standard deviation of a date's place where it cannot be measured.
    """
    offsets = np.array([offset for pair in read_chip_pairs(reference, moving) if (offset := compute_offset(pair))])
    agreed = _find_agreed(offsets.reshape(-1, 2))
    if len(agreed) < max(_LEAST_CHIPS, len(offsets) / 2):
        reason = f"{len(agreed)} squares of stable land agree, of {len(offsets)}; {_LEAST_CHIPS} and half are asked for"
        return Registration(offset=None, offset_m=None, sigma_m=assumed_m, reason=reason)
    down, right = np.median(agreed, axis=0).tolist()
    spread = math.sqrt(math.pi / 2) * float(agreed.std(axis=0, ddof=1).max()) / math.sqrt(len(agreed))
    width, height = reference.grid.resolution
    width_m, height_m = Ground(reference.grid).pixel_m
    return Registration(
        offset=(right * width, -down * height),
        offset_m=(right * width_m, -down * height_m),
        sigma_m=math.hypot(BAND_PX, spread) * max(width_m, height_m),
        chips=len(agreed),
        crs=reference.grid.crs.to_wkt(),
    )


def compute_offset(pair: ChipPair) -> tuple[float, float] | None:
    """How far the ground in a square lies off on the second date.

    Args:
        pair: The square on both dates.

    Returns:
        Rows down and columns right, in pixels; ``None`` where the two are not alike, or farther than four pixels off.
    """
    weight = _TAPER * uniform_filter(pair.stable.astype(np.float64), _FEATHER_PX) * pair.stable
    first, second = (np.where(pair.stable, image, image[pair.stable].mean()) for image in (pair.reference, pair.moving))
    if min(np.ptp(image) for image in (first, second)) < _LEAST_CONTRAST:
        return None
    back = np.zeros(2)
    for _ in range(_TURNS):
        moved = shift_image(second, back, order=3, mode="nearest")
        step, _, _ = phase_cross_correlation(  # type: ignore[no-untyped-call]
            _weigh(first, weight), _weigh(moved, weight), upsample_factor=_FINENESS, normalization=None
        )
        back = back + step
        if np.abs(back).max() > _FARTHEST_PX:
            return None
    one, other = (_weigh(image, weight) for image in (first, shift_image(second, back, order=3, mode="nearest")))
    power = math.sqrt(float((one**2).sum()) * float((other**2).sum()))
    if not power or float((one * other).sum()) / power < _LEAST_ALIKE:
        return None
    return -float(back[0]), -float(back[1])


def _weigh(image: Floats, weight: Floats) -> Floats:
    """Less its mean, and fading to nothing where it does not count."""
    return np.asarray((image - np.average(image, weights=weight)) * weight)


def _find_agreed(offsets: Floats) -> Floats:
    """Those near the median of all: within three robust standard deviations, or a third of a pixel."""
    if not len(offsets):
        return offsets
    apart = np.hypot(*(offsets - np.median(offsets, axis=0)).T)
    return np.asarray(offsets[apart <= max(_AGREED_SIGMAS * float(np.median(apart)) / 1.1774, _AGREED_PX)])
