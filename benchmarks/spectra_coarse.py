"""Pixels that mix surfaces only because some bands are coarser than others: found, dropped or mended.

B01 and B09 have 60 m pixels: beside a shore they see the land. The simulator adds that by itself, so a measured
spectrum must not hold it. Such values are filled from the bands beside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from benchmarks.spectra_crops import Crop
from tiles.bands import L2A_STACK
from tiles.simulate.world.spectra import to_soft_log

__all__ = ["Sample", "fill_coarse_bands", "find_unmixed", "mark_coarse_bands"]

Rows = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_WITNESS = {"B01": "B02", "B09": "B8A"}
_FROM = {"B01": ("B02", "B03", "B04"), "B09": ("B07", "B8A", "B11", "B12")}
_REACH_PX, _EVEN, _UNMIXED = 13, 0.12, 0.25
_COARSE_SCENES = ("ammersee", "chiemsee", "stac/")
_PER_SAMPLE = 200


@dataclass(frozen=True, slots=True)
class Sample:
    """Pixels of one class in one crop: ``(n, 12)`` in soft logarithm."""

    crop: str
    name: str
    pixels: Rows


def mark_coarse_bands(crop: Crop) -> Rows:
    """The crop in soft logarithm, with NaN where a 60 m band saw more than the pixel.

    Args:
        crop: A crop of reflectance.

    Returns:
        ``(12, row, col)``.
    """
    values = to_soft_log(crop.reflectance)
    if crop.name.startswith(_COARSE_SCENES):
        return values
    for name, witness in _WITNESS.items():
        near = np.nan_to_num(values[L2A_STACK.index(witness)])
        uneven = np.abs(near - ndimage.uniform_filter(near, _REACH_PX)) > _EVEN
        values[L2A_STACK.index(name)][uneven] = np.nan
    # Water absorbs more at 945 nm than at 865 nm: where dark pixels say otherwise, B09 saw the shore.
    b8a, b09 = crop.reflectance[L2A_STACK.index("B8A")], crop.reflectance[L2A_STACK.index("B09")]
    values[L2A_STACK.index("B09")][(b8a < 0.1) & (b09 > 1.2 * b8a + 0.002)] = np.nan
    return values


def find_unmixed(crop: Crop) -> Mask:
    """Where B08 (10 m) lies near B07 and B8A (20 m), as it does on every pure surface."""
    values = to_soft_log(np.nan_to_num(crop.reflectance))
    b07, b08, b8a = (values[L2A_STACK.index(name)] for name in ("B07", "B08", "B8A"))
    return np.asarray(np.abs(b08 - (b07 + b8a) / 2) < _UNMIXED)


def fill_coarse_bands(samples: list[Sample]) -> Iterator[Sample]:
    """Fill B01 and B09 where they are NaN, by least squares on the bands beside them.

    Args:
        samples: Samples that are alike (all water, or all land): the fit is theirs.

    Yields:
        Each sample, whole.
    """
    few = np.concatenate([sample.pixels[:: max(1, len(sample.pixels) // _PER_SAMPLE)] for sample in samples])
    fits = {name: _fit(few, name) for name in _FROM}
    for sample in samples:
        pixels = sample.pixels.copy()
        for name, fit in fits.items():
            missing = np.isnan(pixels[:, L2A_STACK.index(name)])
            pixels[missing, L2A_STACK.index(name)] = _design(pixels[missing], name) @ fit
        yield replace(sample, pixels=pixels[np.isfinite(pixels).all(axis=1)])


def _fit(pixels: Rows, name: str) -> Rows:
    known = pixels[np.isfinite(pixels).all(axis=1)]
    return np.asarray(np.linalg.lstsq(_design(known, name), known[:, L2A_STACK.index(name)], rcond=None)[0])


def _design(pixels: Rows, name: str) -> Rows:
    columns = [pixels[:, L2A_STACK.index(source)] for source in _FROM[name]]
    return np.stack([*columns, np.ones(len(pixels))], axis=1)
