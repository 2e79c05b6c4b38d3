"""Overlap along the outline alone: what the many easy pixels far from any shore cannot hide.

Source: Cheng et al. 2021, Boundary IoU, arXiv:2103.16562.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter

__all__ = ["BOUNDARY_PX", "compute_boundary", "compute_boundary_overlap"]

Mask = NDArray[np.bool_]

BOUNDARY_PX = 3
"""How wide the strip along the outline is; the paper takes 2% of the diagonal, which would depend on the tile."""


def compute_boundary(mask: Mask, valid: Mask, *, width_px: int = BOUNDARY_PX) -> Mask:
    """The pixels of a mask that lie within ``width_px`` rows and columns of what is not in it.

    Neither the image's edge nor a pixel that does not count is an outline.

    Args:
        mask: (row, col), True inside.
        valid: (row, col), True where a pixel counts.
        width_px: Width of the strip.
    """
    inner = minimum_filter(mask | ~valid, 2 * width_px + 1, mode="nearest")
    return np.asarray(mask & valid & ~inner)


def compute_boundary_overlap(
    water: Mask, truth: Mask, valid: Mask, *, width_px: int = BOUNDARY_PX
) -> NDArray[np.int64]:
    """Pixels in both strips, and in either; add them up over tiles, then divide.

    Args:
        water: (row, col), True where water was found.
        truth: (row, col), True where water is.
        valid: (row, col), True where a pixel counts.
        width_px: Width of the strips.

    Returns:
        (2,): intersection, union.
    """
    drawn, true = (compute_boundary(mask, valid, width_px=width_px) for mask in (water, truth))
    counts: NDArray[Any] = np.array([(drawn & true).sum(), (drawn | true).sum()], np.int64)
    return counts
