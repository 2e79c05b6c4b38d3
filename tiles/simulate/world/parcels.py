"""How people divide a simulated land: fields with hedges and tracks between them, streets, houses and halls.

All are patterns of position alone: a turned grid, and a hash that says what lies in each of its cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiles.simulate.world.noise import compute_uniform

__all__ = ["Fields", "Town", "lay_fields", "lay_town"]

Field = NDArray[np.float32]
Surfaces = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Farmland of one world.

    Attributes:
        seed: Which cells hold what.
        surfaces: Palette indices that parcels take.
        edge: Palette index of what stands between parcels: hedge, track or ditch bank; -1 for nothing.
        edge_px: Its width in pixels.
        size_px: Parcels along and across, in pixels.
        contrast: Deviation of the logarithm of a parcel's brightness.
        irrigated: Share of the parcels that are wet.
    """

    seed: int
    surfaces: tuple[int, ...]
    edge: int
    edge_px: float
    size_px: tuple[float, float]
    contrast: float
    irrigated: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """Towns of one world.

    Attributes:
        seed: Which cells hold what.
        houses: Palette indices of houses, gardens and yards.
        halls: Palette indices of large roofs and the ground around them.
        street: Palette index of streets.
        block_px: Distance of the streets, in pixels.
        hall_px: Size of the halls' lots, in pixels.
        industry: Share of the quarters that hold halls.
        darkest: Factor on the brightness of the darkest halls; of the brightest it is 1.3.
    """

    seed: int
    houses: tuple[int, ...]
    halls: tuple[int, ...]
    street: int
    block_px: float
    hall_px: float
    industry: float
    darkest: float = 0.7


def _draw_surfaces(seed: int, surfaces: tuple[int, ...], down: Field, across: Field) -> Surfaces:
    kind = (compute_uniform(seed, down, across) * len(surfaces)).astype(np.intp)
    return np.asarray(surfaces, dtype=np.uint8)[kind]


def lay_fields(fields: Fields, along: Field, across: Field) -> tuple[Surfaces, Field, Field]:
    """Lay out farmland everywhere: strips cut into parcels.

    Args:
        fields: The farmland.
        along: Coordinate (R, C) along the strips' normal, in pixels.
        across: Coordinate (R, C) along the strips, in pixels.

    Returns:
        Surface (R, C), factor of its brightness (R, C), and its wetness (R, C), 0 to 1.
    """
    strip = np.floor(along / fields.size_px[0])
    shift = compute_uniform(fields.seed, strip, 0 * strip)
    place = across / fields.size_px[1] * (0.4 + 1.2 * shift) + 7 * shift
    cut = np.floor(place)
    surfaces = _draw_surfaces(fields.seed + 1, fields.surfaces, strip, cut)
    chance = compute_uniform(fields.seed + 2, strip, cut)
    gain = np.exp(fields.contrast * (2 * chance - 1) * np.float32(1.7))
    wet = np.clip(1 - compute_uniform(fields.seed + 3, strip, cut) / max(fields.irrigated, 1e-6), 0, 1)
    if fields.edge >= 0:
        from_strip = np.minimum(along - strip * fields.size_px[0], (strip + 1) * fields.size_px[0] - along)
        scale = fields.size_px[1] / (0.4 + 1.2 * shift)
        from_cut = np.minimum(place - cut, cut + 1 - place) * scale
        between = np.minimum(from_strip, from_cut) < fields.edge_px / 2
        surfaces[between] = fields.edge
        gain[between], wet[between] = 1.0, 0.0
    return surfaces, gain.astype(np.float32), wet.astype(np.float32)


def lay_town(town: Town, along: Field, across: Field) -> tuple[Surfaces, Field]:
    """Lay out towns everywhere: streets around blocks of houses and yards, and quarters of large halls.

    Args:
        town: The towns.
        along: Coordinate (R, C) along one set of streets, in pixels.
        across: Coordinate (R, C) along the other, in pixels.

    Returns:
        Surface (R, C) and factor of its brightness (R, C).
    """
    lot = np.floor(along / np.float32(1.7)), np.floor(across / np.float32(2.3))
    surfaces = _draw_surfaces(town.seed, town.houses, *lot)
    gain = 0.65 + np.float32(0.7) * compute_uniform(town.seed + 1, *lot)
    quarter = compute_uniform(town.seed + 2, np.floor(along / 45), np.floor(across / 37))
    works = quarter < town.industry
    if works.any():
        hall = np.floor(along / town.hall_px), np.floor(across / (0.6 * town.hall_px))
        surfaces = np.where(works, _draw_surfaces(town.seed + 3, town.halls, *hall), surfaces)
        span = np.float32(1.3 - town.darkest)
        gain = np.where(works, town.darkest + span * compute_uniform(town.seed + 4, *hall), gain)
    street = ((along % town.block_px) < 1.0) | ((across % (town.block_px * 1.7)) < 1.0)
    surfaces[street] = town.street
    gain[street] = 1.0
    return surfaces, gain.astype(np.float32)
