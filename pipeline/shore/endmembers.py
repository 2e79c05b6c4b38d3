"""What water and land look like around here: local means of the near infrared over pixels that are surely one of them.

Sums are taken over square cells of the scene's grid and smoothed over the cells around, so that looking 500 m far costs
next to nothing. They are sums of integers: exact, whatever the order, so no answer depends on how a scene is cut.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["SURE", "CellSums", "EndmemberGrid", "compute_sure", "erode"]

SURE: Final = 0.9
"""Probability from which on a pixel, and the four beside it, are surely water; 1 less this and below: surely land."""

_CELL_M: Final = 80.0
_SIGMA_M: Final = 200.0
_LEAST_SIGMA_PX: Final = 2.0
_TRUNCATE: Final = 2.5

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


def compute_sure(probability: NDArray[np.float32]) -> tuple[Bools, Bools]:
    """Pixels that are surely water, and those that are surely land, with all four pixels beside them.

    Args:
        probability: (rows, cols), NaN where there is none; beyond its edge all is like the edge.

    Returns:
        Two masks of the same shape, right for all rows whose neighbours above and below are there.
    """
    with np.errstate(invalid="ignore"):
        water, land = probability >= SURE, probability <= 1 - SURE
    return erode(water), erode(land)


def erode(mask: Bools) -> Bools:
    """True where a pixel and the four beside it are; beyond the edge all is like the edge.

    Args:
        mask: (rows, cols).
    """
    kept = mask.copy()
    kept[1:] &= mask[:-1]
    kept[:-1] &= mask[1:]
    kept[:, 1:] &= mask[:, :-1]
    kept[:, :-1] &= mask[:, 1:]
    return kept


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellSums:
    """Sums over rows of cells, for surely water and surely land.

    Attributes:
        values: int64 (6, cell rows, cell columns): pixels of water, the sum of their infrared, that of its squares; the
            same of land.
    """

    values: NDArray[np.int64]

    @classmethod
    def add_up(cls, infrared: NDArray[np.int16], water: Bools, land: Bools, *, size: int) -> CellSums:
        """Sum over cells.

        Args:
            infrared: (rows, cols) of whole rows of cells, but for those that the scene's edge cuts.
            water: Surely water, of the same shape.
            land: Surely land.
            size: Edge of a cell in pixels.
        """
        values = infrared.astype(np.int32)  # whose squares fit it, too
        planes = [(mask, values * mask) for mask in (water, land)]
        fields = [field for mask, masked in planes for field in (mask, masked, masked * masked)]
        return cls(values=np.stack([_sum_cells(field, size) for field in fields]))


def _sum_cells(field: NDArray[Any], size: int) -> NDArray[np.int64]:
    rows, cols = field.shape
    whole = rows // size * size
    down = field[:whole].reshape(-1, size, cols).sum(axis=1, dtype=np.int64)  # along memory first: a third of the time
    if whole < rows:
        down = np.concatenate((down, field[whole:].sum(axis=0, dtype=np.int64, keepdims=True)))
    across: NDArray[np.int64] = np.add.reduceat(down, np.arange(0, cols, size), axis=1)
    return across


@dataclass(frozen=True, slots=True, kw_only=True)
class EndmemberGrid:
    """How large cells are, and how far one looks.

    Attributes:
        cell_px: Edge of a cell in pixels.
        kernel: Weight of a cell by its distance in cells, from 0 on; the first is 1.
    """

    cell_px: int
    kernel: tuple[float, ...]

    @classmethod
    def resolve(cls, pixel_m: float) -> EndmemberGrid:
        """Cells of about 80 m, weighed by a Gaussian of 200 m, and of two pixels at least.

        Args:
            pixel_m: Edge of a pixel in metres.
        """
        cell_px = max(1, round(_CELL_M / pixel_m))
        sigma = max(_SIGMA_M / pixel_m, _LEAST_SIGMA_PX) / cell_px
        reach = math.ceil(_TRUNCATE * sigma)
        return cls(cell_px=cell_px, kernel=tuple(math.exp(-0.5 * (step / sigma) ** 2) for step in range(reach + 1)))

    @property
    def reach(self) -> int:
        """How many cells away one looks."""
        return len(self.kernel) - 1

    def smooth(self, sums: NDArray[np.int64], *, first: int, last: int) -> Floats:
        """Weighted sums over the cells around.

        Args:
            sums: (fields, cell rows, cell columns); what lies beyond counts as empty.
            first: First row of cells that is wanted.
            last: One past the last.

        Returns:
            (fields, last - first, cell columns); each depends on the cells within its reach alone.
        """
        fields, rows, cols = sums.shape
        reach, wanted = self.reach, last - first
        padded = np.zeros((fields, wanted + 2 * reach, cols + 2 * reach))
        top, bottom = max(0, first - reach), min(rows, last + reach)
        padded[:, top - (first - reach) : bottom - (first - reach), reach : reach + cols] = sums[:, top:bottom]
        down = sum(
            self.kernel[abs(step)] * padded[:, reach + step : reach + step + wanted]
            for step in range(-reach, reach + 1)
        )
        assert isinstance(down, np.ndarray)  # noqa: S101 (for the type checker)
        across: Floats = np.asarray(
            sum(
                self.kernel[abs(step)] * down[:, :, reach + step : reach + step + cols]
                for step in range(-reach, reach + 1)
            )
        )
        return across
