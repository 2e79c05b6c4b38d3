"""A labelled rectangle held in memory, from which samples are cut.

Reflectance is kept as whole ten-thousandths, as the products have it: half the memory of float32, and what is lost is
a hundredth of the sensor's noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tiles.bands import L2A_STACK
from tiles.errors import SampleError
from tiles.grid import Window
from tiles.samples.sample import Sample

__all__ = ["LAND", "UNKNOWN_SHARE", "UNLABELLED", "WATER", "WHOLE_SHARE", "Patch", "compute_shore", "draw_start"]

LAND, WATER, UNLABELLED = 0, 1, 255
"""Values of a mask."""

WHOLE_SHARE, UNKNOWN_SHARE = 200, UNLABELLED
"""A pixel that is all water, and one of which the share is not known, where shares stand in bytes."""

_MISSING = np.iinfo(np.int16).min
_LARGEST = np.iinfo(np.int16).max
_STEP = np.float32(1e-4)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Patch:
    """A labelled rectangle of one scene.

    Attributes:
        stored: int16 (12, row, col), reflectance in ten-thousandths; the smallest number where there is none.
        label: uint8 (row, col): ``LAND``, ``WATER``, or ``UNLABELLED`` where doubtful or without data.
        place: Where it lies, for splits.
        source: Which source gave it.
        resolution_m: Size of a pixel in metres.
        share: uint8 (row, col), share of water in steps of 1 / ``WHOLE_SHARE``, ``UNKNOWN_SHARE`` where it does not
            count; ``None``: the labels alone say what is water.

    Raises:
        SampleError: Shapes disagree, or the label has other values.
    """

    stored: NDArray[np.int16]
    label: NDArray[np.uint8]
    place: str
    source: str
    resolution_m: float = 10.0
    share: NDArray[np.uint8] | None = None

    def __post_init__(self) -> None:
        if self.stored.shape != (len(L2A_STACK), *self.label.shape):
            raise SampleError(
                f"Expected 12 bands of {self.label.shape} pixels, found {self.stored.shape} from {self.source}."
            )
        odd = sorted({int(value) for value in np.unique(self.label)} - {LAND, WATER, UNLABELLED})
        if odd:
            raise SampleError(f"Expected labels 0 (land), 1 (water) and 255 (left out), found {odd} in {self.source}.")

    @classmethod
    def pack(
        cls, reflectance: NDArray[np.float32], label: NDArray[np.uint8], *, place: str, source: str, resolution_m: float
    ) -> Self:
        """Pack reflectance, and leave out labels of pixels that have none.

        Args:
            reflectance: float32 (12, row, col), NaN where missing.
            label: uint8 (row, col), 0, 1 or 255.
            place: Where it lies.
            source: Which source gave it.
            resolution_m: Size of a pixel in metres.
        """
        known = np.isfinite(reflectance)
        whole = np.rint(np.where(known, reflectance, 0) / _STEP)
        stored = np.where(known, np.clip(whole, _MISSING + 1, _LARGEST), _MISSING).astype(np.int16)
        label = np.where(known.any(axis=0), label, np.uint8(UNLABELLED))
        return cls(stored=stored, label=label, place=place, source=source, resolution_m=resolution_m)

    @property
    def labelled(self) -> int:
        """How many pixels have a label."""
        return int(np.count_nonzero(self.label != UNLABELLED))

    @property
    def shore(self) -> int:
        """How many pixels touch the other class."""
        return int(np.count_nonzero(compute_shore(self.label)))

    def cut(self, *, row_off: int, col_off: int, size: int) -> Sample:
        """Cut a square; what lies beyond the rectangle is not valid, and NaN.

        Args:
            row_off: First row, may be negative.
            col_off: First column, may be negative.
            size: Rows and columns.
        """
        height, width = self.label.shape
        reflectance = np.full((len(L2A_STACK), size, size), np.nan, dtype=np.float32)
        told, whole = (self.label, WATER) if self.share is None else (self.share, WHOLE_SHARE)
        share = np.full((size, size), UNKNOWN_SHARE, dtype=np.uint8)
        wanted = Window(col_off, row_off, size, size)
        inner = wanted.intersection(Window(0, 0, width, height))
        if inner is not None:
            src, dst = inner.slices(), inner.slices(within=wanted)
            stored = self.stored[:, *src]
            reflectance[:, *dst] = np.where(stored == _MISSING, np.float32(np.nan), stored * _STEP)
            share[dst] = told[src]
        return Sample(
            reflectance=reflectance,
            fraction=np.where(share == UNKNOWN_SHARE, 0, share / np.float32(whole)).astype(np.float32),
            valid=share != UNKNOWN_SHARE,
            place=self.place,
            source=self.source,
            resolution_m=self.resolution_m,
        )

    def draw(self, rng: np.random.Generator, *, size: int, on_shore: bool) -> Sample:
        """Cut a square at random that holds a labelled pixel.

        Args:
            rng: Source of chance.
            size: Rows and columns.
            on_shore: Whether it shall hold a pixel of the shore, where there is one.
        """
        candidates = np.flatnonzero(compute_shore(self.label)) if on_shore else np.empty(0, dtype=np.intp)
        if not candidates.size:
            candidates = np.flatnonzero(self.label != UNLABELLED)
        row, col = divmod(int(candidates[rng.integers(candidates.size)]), self.label.shape[1])
        row_off = draw_start(rng, inside=row, length=self.label.shape[0], size=size)
        col_off = draw_start(rng, inside=col, length=self.label.shape[1], size=size)
        return self.cut(row_off=row_off, col_off=col_off, size=size)


def compute_shore(label: NDArray[Any]) -> NDArray[np.bool_]:
    """Find the pixels that touch the other class, above, below, left or right.

    Args:
        label: (row, col), 0 land, 1 water, anything else left out.

    Returns:
        Bool (row, col).
    """
    shore = np.zeros(label.shape, dtype=bool)
    for one, other in ((np.s_[1:, :], np.s_[:-1, :]), (np.s_[:, 1:], np.s_[:, :-1])):
        low, high = np.minimum(label[one], label[other]), np.maximum(label[one], label[other])
        differs = (low == LAND) & (high == WATER)
        shore[one] |= differs
        shore[other] |= differs
    return shore


def draw_start(rng: np.random.Generator, *, inside: int, length: int, size: int) -> int:
    """Draw where a window starts along one axis, so that it holds a pixel and reaches no further out than it must.

    Args:
        rng: Source of chance.
        inside: The pixel, 0 to ``length - 1``.
        length: Pixels along the axis.
        size: Pixels of the window. Where the axis is shorter, the window holds all of it.

    Returns:
        The first pixel, negative only where the axis is shorter than the window.
    """
    if length < size:
        return int(rng.integers(length - size, 1))
    return int(rng.integers(max(0, inside - size + 1), min(inside, length - size) + 1))
