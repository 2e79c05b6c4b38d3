"""Ships on a simulated sea, at anchor, at a quay, or under way with their wakes: bright things that float on water.

Source: the arms of a wake open at 19.5 degrees at most, and at less for fast ships, Rabaud and Moisy, 2013,
doi:10.1103/PhysRevLett.110.214503.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiles.simulate.world.noise import compute_hash, compute_uniform

__all__ = ["Vessels", "compute_vessels", "moor_vessels"]

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


def moor_vessels(
    seed: int, share: float, rows: NDArray[np.float64], cols: NDArray[np.float64], shore_m: Field
) -> Vessels | None:
    """Lay ships along the shores: each cell of a turned grid may hold one, as far out as it is broad.

    Args:
        seed: Which ships, and how the grid lies.
        share: Share of the cells that hold one, 0 to 1.
        rows: Pixel centres (R,) down the absolute plane, in pixels.
        cols: Pixel centres (C,) across it.
        shore_m: Distance from any shore (R, C), roughly, negative on land.

    Returns:
        The ships, without wakes, or ``None`` where there are none.
    """
    chance = compute_hash(seed, np.arange(3), np.arange(3)) / 2.0**32
    x, y = np.cos(2 * np.pi * chance[0]), np.sin(2 * np.pi * chance[0])
    along, across = cols[None, :] * x + rows[:, None] * y, rows[:, None] * x - cols[None, :] * y
    side_px = 4 + 24 * chance[1]
    cell = np.floor(along / side_px), np.floor(across / side_px)
    taken = compute_uniform(seed + 1, *cell) < share
    beam_m = 8 + 32 * compute_uniform(seed + 2, *cell)
    off = np.maximum(abs(along / side_px - cell[0] - 0.5), abs(across / side_px - cell[1] - 0.5))
    inside_px = (0.5 - off) * side_px
    hull = np.clip((beam_m - shore_m) / 10 + 0.5, 0, 1) * np.clip(inside_px, 0, 1) * (taken & (shore_m > 0))
    if not hull.any():
        return None
    hull = hull.astype(np.float32)
    return Vessels(hull=hull, dark=compute_uniform(seed + 3, *cell) < 0.4, wake=np.zeros_like(hull))


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
