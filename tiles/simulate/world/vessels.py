"""Ships on a simulated sea, at anchor or under way with their wakes: bright things that float on water.

Source: the arms of a wake open at 19.5 degrees at most, and at less for fast ships, Rabaud and Moisy, 2013,
doi:10.1103/PhysRevLett.110.214503.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiles.simulate.world.noise import compute_hash, compute_uniform

__all__ = ["Vessels", "compute_vessels"]

Field = NDArray[np.float32]

_CELL_PX = 60
_REACH_PX = 90  # of the longest wake
_SHIP_M, _WAKE_M = 40.0, 25.0  # distance from any shore


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vessels:
    """What floats in a window.

    Attributes:
        hull: Share of each pixel (R, C) under a ship.
        dark: Whether (R, C) the ship's deck is dark rather than bright.
        wake: Share of each pixel (R, C) that is churned to foam.
    """

    hull: Field
    dark: NDArray[np.bool_]
    wake: Field


def compute_vessels(
    seed: int, density: float, rows: NDArray[np.float64], cols: NDArray[np.float64], shore_m: Field
) -> Vessels | None:
    """Place at most one ship in each cell of 600 m, away from any shore.

    Args:
        seed: Which ships.
        density: Share of the cells that hold one, 0 to 1.
        rows: Pixel centres (R,) down the absolute plane, in pixels.
        cols: Pixel centres (C,) across it.
        shore_m: Distance from any shore (R, C), roughly, negative on land.

    Returns:
        The ships, or ``None`` where there are none.
    """
    spans = [(int((v[0] - _REACH_PX) // _CELL_PX), int((v[-1] + _REACH_PX) // _CELL_PX) + 1) for v in (rows, cols)]
    grid = np.meshgrid(np.arange(*spans[0]), np.arange(*spans[1]), indexing="ij")
    sailing = compute_uniform(seed, *grid) < density
    hull = np.zeros((len(rows), len(cols)), dtype=np.float32)
    wake, dark = np.zeros_like(hull), np.zeros(hull.shape, dtype=np.bool_)
    for row, col in zip(grid[0][sailing], grid[1][sailing], strict=True):
        chance = compute_hash(seed + 1, int(row) * 16 + np.arange(10), np.full(10, int(col))) / 2.0**32
        centre = ((row + 0.3 + 0.4 * chance[0]) * _CELL_PX, (col + 0.3 + 0.4 * chance[1]) * _CELL_PX)
        place = tuple(
            slice(*np.searchsorted(positions, (middle - _REACH_PX, middle + _REACH_PX)))
            for positions, middle in zip((rows, cols), centre, strict=True)
        )
        down, across = rows[place[0], None] - centre[0], cols[None, place[1]] - centre[1]
        x, y = np.cos(2 * np.pi * chance[2]), np.sin(2 * np.pi * chance[2])
        ahead, aside = across * x + down * y, across * y - down * x
        ship = _compute_hull(ahead, aside, chance)
        dark[place] |= (ship > 0) & (chance[5] < 0.3)
        hull[place] = np.maximum(hull[place], ship)
        if chance[6] < 0.6:
            wake[place] = np.maximum(wake[place], _compute_wake(ahead, aside, chance))
    hull, wake = hull * (shore_m > _SHIP_M), wake * (shore_m > _WAKE_M)
    return Vessels(hull=hull, dark=dark, wake=wake) if hull.any() or wake.any() else None


def _compute_half_size(chance: NDArray[np.float64]) -> tuple[float, float]:
    """Half the beam and half the length, in pixels: from boats of 6 m to ships of 300 m."""
    return 0.3 + 1.6 * float(chance[3]), 0.6 + 14.0 * float(chance[3] * chance[4])


def _compute_hull(ahead: NDArray[np.float64], aside: NDArray[np.float64], chance: NDArray[np.float64]) -> Field:
    beam, length = _compute_half_size(chance)
    parts = [
        np.clip(half + 0.5 - np.abs(off), 0, min(2 * half, 1))
        for half, off in zip((length, beam), (ahead, aside), strict=True)
    ]
    return np.asarray(parts[0] * parts[1], dtype=np.float32)


def _compute_wake(ahead: NDArray[np.float64], aside: NDArray[np.float64], chance: NDArray[np.float64]) -> Field:
    """A streak of foam astern that fades, and two fainter arms that open to either side."""
    beam, length = _compute_half_size(chance)
    astern = -ahead - 0.8 * length
    fading = 4 + 40 * chance[7] ** 2
    width = 0.5 + 0.6 * beam + 0.01 * np.maximum(astern, 0)
    streak = 0.8 * np.exp(-((aside / width) ** 2)) * np.exp(-astern / fading)
    opening = np.tan(np.radians(4 + 15 * chance[8]))
    off = np.abs(aside) - opening * (astern + 2 * length)
    arms = 0.35 * chance[9] * np.exp(-(off**2)) * np.exp(-astern / (1.5 * fading))
    inside = np.clip(astern, 0, 1) * np.clip((_REACH_PX - 5 - np.hypot(ahead, aside)) / 20, 0, 1)
    return np.asarray(np.maximum(streak, arms) * inside, dtype=np.float32)
