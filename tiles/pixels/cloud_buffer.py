"""Let what hides the ground grow by a distance: the rim of a cloud is thinner than what is classified as cloud.

Only patches grow that hold a square of 60 m: surf, bright quays and single roofs are taken for cloud in threads and
specks, and would take a beach away if they grew. They stay hidden themselves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tiles.errors import OptionError
from tiles.grid import Grid
from tiles.pixel_size import compute_pixel_m

__all__ = ["CORE_M", "NO_BUFFER", "CloudBuffer"]

CORE_M = 60.0
"""Side of the square that a patch of cloud must hold to grow: three pixels of a scene classification of 20 m."""

_ROUNDING = 5e-4
"""As much farther still counts: a metre of UTM is that much longer on the ground, and three pixels of 20 m are 60 m."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudBuffer:
    """How far around clouds the ground is hidden too, from the centre of a pixel to that of another.

    Attributes:
        radius_m: The distance in metres; 0: nothing grows.
        width_m: Width of a pixel on the ground.
        height_m: Its height.

    Raises:
        OptionError: The distance is negative, or a pixel has no size.
    """

    radius_m: float = 0.0
    width_m: float = 10.0
    height_m: float = 10.0

    @classmethod
    def measure(cls, grid: Grid, radius_m: float) -> CloudBuffer:
        """A buffer for a scene, by the size of the pixels in its middle.

        Args:
            grid: The scene's finest grid, whole: the size of a pixel must not depend on what part of it is mapped.
            radius_m: Metres.
        """
        width_m, height_m = compute_pixel_m(grid)
        return cls(radius_m=radius_m, width_m=width_m, height_m=height_m)

    def __post_init__(self) -> None:
        if not (0 <= self.radius_m < math.inf and self.width_m > 0 and self.height_m > 0):
            raise OptionError(
                f"Expected a cloud buffer of 0 m or more, found {self.radius_m} m for pixels of {self.width_m} x "
                f"{self.height_m} m."
            )

    def scale(self, src: Grid, dst: Grid) -> CloudBuffer:
        """The same distance for a band of another resolution.

        Args:
            src: The finest grid.
            dst: The band's; of the same CRS.
        """
        (src_x, src_y), (dst_x, dst_y) = src.resolution, dst.resolution
        return replace(self, width_m=self.width_m * dst_x / src_x, height_m=self.height_m * dst_y / src_y)

    @property
    def _core(self) -> tuple[int, int]:
        """Rows and columns that a patch must hold to grow."""
        return max(1, round(CORE_M / self.height_m)), max(1, round(CORE_M / self.width_m))

    @property
    def _reach_m(self) -> float:
        return self.radius_m * (1 + _ROUNDING)

    @property
    def margin(self) -> tuple[int, int]:
        """Rows and columns beyond a window that decide what is hidden within."""
        if not self.radius_m:
            return 0, 0
        (rows, cols), reach_m = self._core, self._reach_m
        return math.ceil(reach_m / self.height_m) + rows - 1, math.ceil(reach_m / self.width_m) + cols - 1

    def grow(self, hidden: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Hide what lies within the distance of a patch of cloud.

        What is hidden depends on the pixels within the margin alone, so that windows that have it agree.

        Args:
            hidden: (row, col), in pixels of the buffer's size.
        """
        if not self.radius_m or not hidden.any():
            return hidden
        core = _open(hidden, self._core)
        return hidden | self._spread(core) if core.any() else hidden

    def _spread(self, core: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """What lies within the distance, column by column: a tenth of the time of a distance transform."""
        apart, grown, width = _count_rows(core), np.zeros_like(core), core.shape[1]
        for step in range(min(math.floor(self._reach_m / self.width_m) + 1, width)):
            rows = math.floor(math.sqrt(self._reach_m**2 - (step * self.width_m) ** 2) / self.height_m)
            near = apart <= rows
            grown[:, step:] |= near[:, : width - step]
            grown[:, : width - step] |= near[:, step:]
        return grown


def _open(mask: NDArray[np.bool_], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The parts of a mask that hold a rectangle of a size."""
    rows, cols = (length - side + 1 for length, side in zip(mask.shape, size, strict=True))
    opened = np.zeros_like(mask)
    if rows > 0 and cols > 0:
        held = np.logical_and.reduce([mask[step : step + rows] for step in range(size[0])])
        corners = np.logical_and.reduce([held[:, step : step + cols] for step in range(size[1])])
        wide = np.zeros((rows, mask.shape[1]), dtype=bool)
        for step in range(size[1]):
            wide[:, step : step + cols] |= corners
        for step in range(size[0]):
            opened[step : step + rows] |= wide
    return opened


def _count_rows(mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """How many rows each pixel is away from the nearest one in its column that is true."""
    far = np.int32(1 << 30)
    row = np.arange(len(mask), dtype=np.int32)[:, None]
    above = np.maximum.accumulate(np.where(mask, row, -far), axis=0)
    below = np.minimum.accumulate(np.where(mask, row, far)[::-1], axis=0)[::-1]
    return np.minimum(row - above, below - row)


NO_BUFFER = CloudBuffer()
"""Nothing grows."""
