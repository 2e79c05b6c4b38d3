"""How far one date lies beside another, as a value: what was measured, how sure it is, and whether it is taken out."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

from affine import Affine
from pyproj import CRS, Transformer

from tiles.grid import Grid

__all__ = ["BAND_PX", "Registration", "compute_translation", "move_grid"]

BAND_PX: Final = 0.1
"""Standard deviation of one band's place against another's, in pixels of 10 m: so well can an image's place be told.

Source: Sentinel-2 data quality reports: bands within 0.3 pixel of each other in 99.7% of cases."""

_CLEAR: Final = math.sqrt(-2 * math.log(0.05))
"""A shift beyond this many standard deviations a direction is taken out: of two normal errors the length (by Rayleigh)
is greater in 5% of cases."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Where a date's image lies against that of the reference date.

    Attributes:
        offset: East and north by which the date lies off, in units of the reference's CRS; ``None``: not measured.
        offset_m: The same in metres.
        sigma_m: Standard deviation a direction, in metres: of what was measured, or of what was assumed.
        chips: Squares of stable land that agree on it.
        crs: WKT of the reference's CRS; empty where nothing was measured.
        reason: Why it was not measured; empty where it was.
    """

    offset: tuple[float, float] | None
    offset_m: tuple[float, float] | None
    sigma_m: float
    chips: int = 0
    crs: str = ""
    reason: str = ""

    @property
    def is_clear(self) -> bool:
        """The date lies off by more than the uncertainty, and is moved back."""
        return self.offset_m is not None and math.hypot(*self.offset_m) > _CLEAR * self.sigma_m

    @property
    def left_m(self) -> float:
        """Standard deviation of the date's place once what is clear was taken out; what is left alone is in it."""
        if self.offset_m is None or self.is_clear:
            return self.sigma_m
        return math.hypot(self.sigma_m, math.hypot(*self.offset_m) / math.sqrt(2))

    def to_dict(self) -> dict[str, Any]:
        """For a record."""
        east, north = (None, None) if self.offset_m is None else (round(value, 3) for value in self.offset_m)
        return {
            "dx_m": east,
            "dy_m": north,
            "sigma_m": round(self.sigma_m, 3),
            "taken_out": self.is_clear,
            "squares": self.chips,
            "on": "stable land in texture.tif" if self.offset_m is not None else None,
            "why_not": self.reason or None,
        }


def compute_translation(registration: Registration, grid: Grid) -> tuple[float, float]:
    """What is to be added to the coordinates of a date so that it lies on the reference.

    Args:
        registration: Of the date.
        grid: Of the date, in any CRS.

    Returns:
        East and north, in units of the grid's CRS; 0 where nothing is clear.
    """
    if registration.offset is None or not registration.is_clear:
        return 0.0, 0.0
    left, bottom, right, top = grid.bounds
    there = Transformer.from_crs(grid.crs.to_wkt(), CRS.from_wkt(registration.crs), always_xy=True)
    x, y = (left + right) / 2, (bottom + top) / 2
    east, north = there.transform(x, y)
    # The transformer's own rounding is taken out by coming back from where nothing was moved.
    home = there.transform(east, north, direction="INVERSE")
    moved = there.transform(east - registration.offset[0], north - registration.offset[1], direction="INVERSE")
    return moved[0] - home[0], moved[1] - home[1]


def move_grid(grid: Grid, registration: Registration) -> Grid:
    """The grid of a date, moved so that it lies on the reference."""
    east, north = compute_translation(registration, grid)
    return replace(grid, transform=Affine.translation(east, north) @ grid.transform)
