"""Real crops whose shore pixels carry shares of water: what a network learns from where in a pixel the water ends.

Labels made by hand say water or land and leave out what is neither. Where a pixel between the two is a plain mixture
of the water and the land beside it, its near infrared says how much of it is water (``pipeline.shore``); the other
doubtful pixels stay out. Averaging such pixels to larger ones averages the shares too, so a draw is coarsened more
often than not: its truth is then known to a fraction of its pixels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from pipeline.samples.augmentation import coarsen
from pipeline.samples.chips import Chip
from pipeline.shore.locate_shore import ShoreLocator
from tiles.bands import L2A_STACK
from tiles.samples.crops import LabelledCrops
from tiles.samples.patch import LAND, UNKNOWN_SHARE, UNLABELLED, WATER, WHOLE_SHARE, Patch
from tiles.samples.patch_choice import PatchChoice
from tiles.samples.sample import Sample

__all__ = ["SharedCrops", "compute_label_shares"]

_FACTORS = (1, 1, 2, 2, 3)
"""How many pixels become one in a draw: less than half of the time one."""

_RING_PX = 4.0
"""A pixel without a label is between water and land where both are this near."""

_MOST_ERROR = 0.3
"""Shares of a larger error are left out; that of a share that is not believed is 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedCrops:
    """Labelled crops with a shore, whose doubtful rims are filled with shares of water.

    Attributes:
        crops: The crops with their labels.
        factors: How much coarser a draw may be; chosen at random.
    """

    crops: LabelledCrops
    factors: tuple[int, ...] = _FACTORS

    @property
    def name(self) -> str:
        """Short name of the source."""
        return f"shares of {self.crops.name}"

    @property
    def places(self) -> tuple[str, ...]:
        """All places that it has samples of, sorted."""
        return tuple(sorted({patch.place for patch in _choose(self.crops).patches}))

    def restrict(self, places: frozenset[str]) -> SharedCrops:
        """The same crops, of these places alone.

        Raises:
            SampleError: None of them is there.
        """
        return replace(self, crops=self.crops.restrict(places))

    def draw(self, rng: np.random.Generator, *, size: int) -> Sample:
        """A random square with a shore, coarsened by one of the factors."""
        while True:
            factor = int(rng.choice(self.factors))
            sample = _choose(self.crops).draw(rng, size=size * factor)
            if factor > 1:
                sample = _coarsen(sample, factor, size)
            if sample.valid.any():
                return sample

    def tiles(self, *, size: int) -> Iterator[Sample]:
        """Every pixel with a share once, as it is."""
        return _choose(self.crops).tiles(size=size)


def compute_label_shares(patch: Patch) -> NDArray[np.uint8]:
    """The share of water of each pixel of a labelled patch.

    Args:
        patch: Labels of both kinds, with gaps along the shore.

    Returns:
        uint8 (row, col), in steps of 1 / ``WHOLE_SHARE``; ``UNKNOWN_SHARE`` where it is doubtful.
    """
    shares = np.where(patch.label == UNLABELLED, UNKNOWN_SHARE, patch.label * np.uint8(WHOLE_SHARE)).astype(np.uint8)
    infrared = patch.stored[L2A_STACK.index("B08")]
    to_water, to_land = (distance_transform_edt(patch.label != value) for value in (WATER, LAND))
    known = infrared > np.iinfo(np.int16).min
    known &= (patch.label != UNLABELLED) | (np.maximum(to_water, to_land) <= _RING_PX)
    level = to_land / np.maximum(to_water + to_land, 1e-9)  # 1 in water, 0 on land, a slope between
    weight = gaussian_filter(known.astype(np.float64), 1)
    level = gaussian_filter(np.where(known, level, 0), 1) / np.maximum(weight, 1e-9)
    height, width = known.shape
    # an error of 1 where the share is not believed: the locator multiplies by three
    locator = ShoreLocator(width=width, height=height, pixel_m=patch.resolution_m, probability_rmse=1 / 3)
    state = (~known).astype(np.uint8)
    rows = list(locator.add_rows(level.astype(np.float32), state, np.where(known, infrared, np.int16(0))))
    share, error = (np.concatenate([getattr(part, name) for part in rows]) for name in ("share", "error"))
    near = known & (error > 0)
    believed = near & (error <= _MOST_ERROR)
    shares[near] = UNKNOWN_SHARE
    shares[believed] = np.rint(share[believed] * WHOLE_SHARE).astype(np.uint8)
    return shares


@lru_cache(maxsize=8)
def _choose(crops: LabelledCrops) -> PatchChoice:
    mixed = tuple(patch for patch in crops.patches if {LAND, WATER} <= set(np.unique(patch.label).tolist()))
    patches = tuple(replace(patch, share=compute_label_shares(patch)) for patch in mixed)
    return PatchChoice(patches=patches, shore_share=1.0)


def _coarsen(sample: Sample, factor: int, size: int) -> Sample:
    chip = Chip(reflectance=sample.reflectance, fraction=sample.fraction, valid=sample.valid)
    coarse = coarsen(chip, factor, size)
    return replace(
        sample,
        reflectance=coarse.reflectance,
        fraction=coarse.fraction,
        valid=coarse.valid,
        resolution_m=sample.resolution_m * factor,
    )
