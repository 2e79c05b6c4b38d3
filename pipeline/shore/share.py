"""The share of water in the pixels of a shore, from what lies on either side of it here.

A pixel of the shore is a mixture: its near infrared lies between that of the water and that of the land around, in
proportion to their areas. Averaging pixels averages their shares, so the line where the share is one half stays where
it is whatever the resolution; an index, which is a ratio, does not keep it.

The network is believed about which shore there is: the share moves its line by two pixels at most, and where water and
land do not differ enough, one of them is missing or too narrow to survive that (creeks, spits), or what lies next to
the shore is like the other side (wet mud that is as dark as water, surf that is as bright as land), the network's
probability stays.

Source: linear spectral unmixing with two endmembers, Settle and Drake 1993, doi:10.1080/01431169308904402.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.shore.endmembers import SURE, erode

__all__ = ["CONTEXT_PX", "MOVE_PX", "NEAR_PX", "ShareInputs", "compute_share", "find_shore"]

_CORE_PX = 5
MOVE_PX: Final = 2
"""How far the share may move the network's line."""
NEAR_PX: Final = 3
"""What lies within this is next to a pixel."""
CONTEXT_PX: Final = 2 * NEAR_PX + 2
"""Rows above and below on which the share of a pixel depends."""

_NEAR_SIGMA_PX = 2.0
_LEAST_NEAR = 0.05
_LEAST_PIXELS = 3.0
_LEAST_CONTRAST = 0.03
_UNLIKE, _LIKE = 0.25, 0.5
"""How far what lies next to the shore may be on the way to the other side: doubted from here on; not believed here."""
_WHITE, _FOAM = 0.3, 0.6
"""How much less water a pixel may show than the network sees in it: surf is as bright as land, and lies at sea."""
_DARK, _MUD = 0.5, 0.8
"""How much more: wet mud is as dark as water. Under glint the network's line lies too far inland, hence not less."""
_SCALE = 1e-4
_FLOOR, _SPREAD, _UNBELIEVED = 0.02, 0.25, 3.0
"""Error of any share; its part of how much water and land vary, in units of how far they differ; and that of a share
that is not believed, in units of the probability's error. Chosen between real crops against their averages and
simulated truth (docs/line.md)."""

Floats = NDArray[np.float64]


def _disc(radius: int) -> list[tuple[int, int]]:
    steps = range(-radius, radius + 1)
    return [(row, col) for row in steps for col in steps if row * row + col * col <= radius * radius]


_MOVES, _NEARBY = _disc(MOVE_PX), _disc(NEAR_PX)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShareInputs:
    """Rows of a scene, with ``CONTEXT_PX`` more above and below where the scene has them.

    Attributes:
        probability: float32 (rows, cols), 0.5 where water begins; NaN where there is none.
        infrared: int16 (rows, cols), reflectance in steps of 0.0001.
    """

    probability: NDArray[np.float32]
    infrared: NDArray[np.int16]


def find_shore(probability: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of the pixels with both land and water within ``MOVE_PX`` rows and columns.

    Args:
        probability: (rows, cols), NaN where there is none.
    """
    known = ~np.isnan(probability)
    with np.errstate(invalid="ignore"):
        wet = probability >= 0.5
    near = _dilate(wet, MOVE_PX)
    near &= _dilate(known & ~wet, MOVE_PX)
    near &= known
    row, col = np.divmod(np.flatnonzero(near), near.shape[1])
    return row, col


def _dilate(mask: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    """True within some rows and columns of what is."""
    for axis in (0, 1):
        grown = mask.copy()
        for step in range(1, reach + 1):
            before, after = (slice(None),) * axis + (slice(step, None),), (slice(None),) * axis + (slice(None, -step),)
            grown[before] |= mask[after]
            grown[after] |= mask[before]
        mask = grown
    return mask


def compute_share(
    inputs: ShareInputs, row: NDArray[np.intp], col: NDArray[np.intp], around: Floats, *, probability_rmse: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The share of water of some pixels, and how far it may be wrong.

    Args:
        inputs: The pixels and those about them.
        row: Rows of the pixels.
        col: Their columns.
        around: (6, pixels): weighted sums around each, as ``endmembers.CellSums`` has them.
        probability_rmse: Error of the network's probability near the shore; it holds where the share is not believed.

    Returns:
        (pixels,) share, 0 to 1; and (pixels,) its standard deviation, likewise.
    """
    probability = inputs.probability[row, col].astype(np.float64)
    ends = [_compute_end(around[first : first + 3]) for first in (0, 3)]
    water, land = ends
    contrast = land.mean - water.mean
    divisor = np.where(np.abs(contrast) < _SCALE, _SCALE, contrast)
    share = ((land.mean - inputs.infrared[row, col] * _SCALE) / divisor).clip(0, 1)
    belief = ((contrast - _LEAST_CONTRAST) / _LEAST_CONTRAST).clip(0, 1)
    belief *= (water.pixels >= _LEAST_PIXELS) & (land.pixels >= _LEAST_PIXELS)
    belief *= ((_LIKE - _compute_doubt(inputs, row, col, land.mean, divisor)) / (_LIKE - _UNLIKE)).clip(0, 1)
    belief *= ((_FOAM - (probability - share)) / (_FOAM - _WHITE)).clip(0, 1)
    belief *= ((_MUD - (share - probability)) / (_MUD - _DARK)).clip(0, 1)
    low, high = _compute_bounds(inputs.probability, row, col)
    belief *= _find_cores(inputs.probability)[row, col]
    mixed = (belief * share + (1 - belief) * probability).clip(low, high)
    spread = np.hypot(water.spread * share, land.spread * (1 - share)) / np.maximum(np.abs(divisor), _LEAST_CONTRAST)
    known = (_FLOOR**2 + (_SPREAD * spread) ** 2) * belief
    error = np.sqrt(known + (_UNBELIEVED * probability_rmse) ** 2 * (1 - belief))
    return mixed.astype(np.float32), error.clip(0, 1).astype(np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _End:
    """Water, or land, around some pixels: how many pixels, their mean reflectance and its standard deviation."""

    pixels: Floats
    mean: Floats
    spread: Floats


def _compute_end(sums: Floats) -> _End:
    pixels, total, squares = sums
    count = np.maximum(pixels, 1e-9)
    mean = total / count
    spread = np.sqrt(np.maximum(squares / count - mean * mean, 0))
    return _End(pixels=pixels, mean=mean * _SCALE, spread=spread * _SCALE)


def _compute_doubt(
    inputs: ShareInputs, row: NDArray[np.intp], col: NDArray[np.intp], land: Floats, contrast: Floats
) -> Floats:
    """How far what the network is sure of next to a pixel is from looking so: 0 not at all, 1 like the other side."""
    weight, total = np.zeros((2, 2, len(row)))
    *sides, infrared = (_flatten(array) for array in (*_find_sides(inputs.probability), inputs.infrared))
    for at, step_row, step_col in _step(inputs.probability.shape, row, col, _NEARBY):
        value = infrared.take(at) * _SCALE
        kernel = np.exp(-0.5 * (step_row**2 + step_col**2) / _NEAR_SIGMA_PX**2)
        for number, side in enumerate(sides):
            counted = side.take(at) * kernel
            weight[number] += counted
            total[number] += counted * value
    share = (land - total / np.maximum(weight, 1e-9)) / contrast
    there = weight >= _LEAST_NEAR
    doubt: Floats = np.maximum(np.where(there[0], 1 - share[0], 0), np.where(there[1], share[1], 0))
    return doubt


def _find_sides(probability: NDArray[np.float32]) -> Iterator[NDArray[np.bool_]]:
    """What stands for water and for land next to a shore, (rows, cols) each.

    What surely is, with the pixels beside it; where there is none of that near, since it is narrow, what is likely.
    """
    with np.errstate(invalid="ignore"):
        likely = probability >= SURE, probability <= 1 - SURE
    for side in likely:
        sure = erode(side)
        yield sure | (side & ~_dilate(sure, NEAR_PX))


def _find_cores(probability: NDArray[np.float32]) -> NDArray[np.bool_]:
    """True within ``_CORE_PX`` rows and columns of both a core of water and a core of land, (rows, cols).

    A core is a pixel that the four beside it are like. A creek or a spit so narrow that it has none would be wiped out
    where it looks like the other side: there the network's line stays.
    """
    with np.errstate(invalid="ignore"):
        sides = probability >= 0.5, probability < 0.5
    water, land = (_dilate(erode(side), _CORE_PX) for side in sides)
    return water & land


def _compute_bounds(
    probability: NDArray[np.float32], row: NDArray[np.intp], col: NDArray[np.intp]
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Least and greatest probability within ``MOVE_PX`` of each pixel."""
    flat, low, high = _flatten(probability), probability[row, col], probability[row, col]
    for at, _, _ in _step(probability.shape, row, col, _MOVES):
        beside = flat.take(at)
        np.fmin(low, beside, out=low)
        np.fmax(high, beside, out=high)
    return low, high


def _flatten(array: NDArray[Any]) -> NDArray[Any]:
    """In one dimension, its outermost pixels repeated ``NEAR_PX`` times on each side."""
    return np.pad(array, NEAR_PX, mode="edge").reshape(-1)


def _step(
    shape: tuple[int, ...], row: NDArray[np.intp], col: NDArray[np.intp], steps: list[tuple[int, int]]
) -> Iterator[tuple[NDArray[np.intp], int, int]]:
    """Where the pixels at some steps from others lie in a flat array; numbers taken one by one so cost a third."""
    stride = shape[1] + 2 * NEAR_PX
    base = (row + NEAR_PX) * stride + col + NEAR_PX
    for step_row, step_col in steps:
        yield base + (step_row * stride + step_col), step_row, step_col
