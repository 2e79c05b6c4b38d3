"""Chips of the simulated landscape, for training and for measuring what was learned."""

from __future__ import annotations

from pipeline.chips import Chip
from tiles.landscape import simulate_chip

__all__ = ["CHIP_PX", "HELD_OUT_SEED", "simulate"]

CHIP_PX = 384
"""Rows and columns of a chip: nine tiles of 128, or four of 60 m pixels."""

HELD_OUT_SEED = 2_000_000_000
"""First seed of the chips that measure a model; training counts from ``seed * 1_000_000`` and never gets there."""


def simulate(seed: int) -> Chip:
    """Simulate the chip of a seed.

    Args:
        seed: Decides world, surfaces, sky and clouds.
    """
    tile = simulate_chip(seed, size=CHIP_PX)
    return Chip(reflectance=tile.reflectance, fraction=tile.water_fraction, valid=tile.clear)
