"""The slanted edge of the swath, beyond which a product holds no data.

Coordinates here are metres from the tile's upper left corner: x to the east, y to the south.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tiles.bands import L2A_STACK
from tiles.grid import Window

__all__ = ["Swath", "draw_swath"]

_SLANT_DEGREES = (10.0, 16.0)  # a descending track leans from north-north-east to south-south-west
_BAND_SHIFT_M = 15.0
_VALID_SHARE = (0.3, 0.85)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swath:
    """A half plane of data.

    A point has data in a band where ``side * (x - edge_m - slope * y - shift) > 0``.

    Attributes:
        edge_m: Where the edge crosses the tile's upper side.
        slope: Metres to the east for one metre to the south; negative on a descending track.
        side: 1 where data lies to the east of the edge, -1 to the west.
        shifts_m: How far east of the common edge each band's own edge lies: the bands look down at slightly
            different angles.
    """

    edge_m: float
    slope: float
    side: int
    shifts_m: Mapping[str, float]

    def compute_valid(self, window: Window, *, band: str | None, resolution_m: int) -> npt.NDArray[np.bool_]:
        """Which pixels hold data, decided at their centres.

        Args:
            window: In pixels of ``resolution_m``, from the tile's corner.
            band: Its footprint, or ``None`` for the ground that every band sees.
            resolution_m: Pixel size.

        Returns:
            True where there is data, shape ``(rows, cols)``.
        """
        x = (np.arange(window.col_off, window.col_stop) + 0.5) * resolution_m
        y = (np.arange(window.row_off, window.row_stop) + 0.5) * resolution_m
        shift = self.shifts_m[band] if band else self.common_shift_m
        return np.asarray(self.side * (x[None, :] - (self.edge_m + shift + self.slope * y)[:, None]) > 0)

    @property
    def common_shift_m(self) -> float:
        """Shift of the ground that every band sees."""
        return self.side * max(self.side * shift for shift in self.shifts_m.values())

    def clip_polygon(self, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """Cut a convex polygon to the ground that every band sees.

        Args:
            points: Corners in metres from the tile's corner, not closed.

        Returns:
            Corners of what remains, not closed; empty where nothing does.

        Source: Sutherland and Hodgman (1974), doi:10.1145/360767.360802, for one edge.
        """
        kept: list[tuple[float, float]] = []
        for start, stop in zip(points, points[1:] + points[:1], strict=True):
            a, b = self.compute_depth(np.array([start, stop])).tolist()
            if a > 0:
                kept.append(start)
            if (a > 0) != (b > 0):
                share = a / (a - b)
                kept.append((start[0] + share * (stop[0] - start[0]), start[1] + share * (stop[1] - start[1])))
        return kept

    def compute_depth(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """How far inside the ground that every band sees points lie, in metres along x; negative outside.

        Args:
            points: ``(point, 2)``, x and y in metres from the tile's corner.
        """
        return self.side * (points[..., 0] - self.edge_m - self.common_shift_m - self.slope * points[..., 1])


def draw_swath(*, seed: int, size_m: float) -> Swath:
    """Draw a swath edge that crosses the tile and leaves between 30 and 85% of it.

    Args:
        seed: Any integer; the same seed gives the same edge.
        size_m: Edge of the tile.
    """
    rng = random.Random(f"swath {seed}")  # noqa: S311  (a simulation, no secret)
    slope = -math.tan(math.radians(rng.uniform(*_SLANT_DEGREES)))
    side = rng.choice((-1, 1))
    share = rng.uniform(*_VALID_SHARE)
    middle_m = size_m * (share if side < 0 else 1 - share)
    return Swath(
        edge_m=middle_m - slope * size_m / 2,
        slope=slope,
        side=side,
        shifts_m={band: rng.uniform(-_BAND_SHIFT_M, _BAND_SHIFT_M) for band in L2A_STACK},
    )
