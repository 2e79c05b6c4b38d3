"""Chips of the simulated landscape, for training and for measuring what was learned."""

from __future__ import annotations

from typing import Literal

import numpy as np

from pipeline.samples.chips import Chip
from tiles.bands import L2A_STACK
from tiles.grid import Window
from tiles.simulate.series.coast import BEACH, draw_series_coast
from tiles.simulate.world.landscape import World, WorldOptions, compute_stack
from tiles.simulate.world.relief import KINDS, Kind

__all__ = ["CHIP_KINDS", "CHIP_PX", "HELD_OUT_SEED", "ChipKind", "simulate"]

ChipKind = Kind | Literal["beach"]
CHIP_KINDS: tuple[ChipKind, ...] = (*KINDS, "beach")
"""What a chip may show; ``beach``: an open shore of dry sand, often dark."""

CHIP_PX = 384
"""Rows and columns of a chip: nine tiles of 128, or four of 60 m pixels."""

HELD_OUT_SEED = 2_000_000_000
"""First seed of the chips that measure a model; training counts from ``seed * 1_000_000`` and never gets there."""

_EXTENTS_PX = (384, 384, 1024, 2048, 4096, 10980)  # bays and zones have the size of the scene that they are in
_CLOUDY = 0.3
_OPAQUE = 0.3
_TRIES = 6
_CENTRE_PX = 96
_BEACHES = 3


def simulate(seed: int, *, kind: ChipKind = "random") -> Chip:
    """Simulate the chip of a seed: a window of a scene of any size, more often than not with a shore in it.

    Args:
        seed: Decides the world, its surfaces, sky and clouds, and the window.
        kind: What the world is to be.
    """
    rng = np.random.default_rng([seed & 0xFFFFFFFF, 0xC41B])
    cover = float(rng.uniform(0.02, 0.6)) if rng.random() < _CLOUDY else 0.0
    extent = int(rng.choice(_EXTENTS_PX))
    if kind == "beach":
        extent = min(extent, 1024)  # beyond it most windows see no shore
        world = _draw_dark_beach(rng, extent)
    else:
        world = World(WorldOptions(seed=seed, kind=kind, cloud_cover=cover, extent_px=extent, block_px=CHIP_PX))
    rendered = world.render(_choose_window(world, rng, extent))
    return Chip(
        reflectance=compute_stack(rendered),
        fraction=rendered.water_fraction,
        valid=rendered.cloud <= _OPAQUE,
    )


def _draw_dark_beach(rng: np.random.Generator, extent_px: int) -> World:
    """The darkest of a few: which of two dark surfaces is water has to be learned, and a bright one tells itself."""
    beaches = [
        draw_series_coast(int(rng.integers(2**31)), kind=BEACH, extent_px=extent_px, block_px=CHIP_PX, works=False)
        for _ in range(_BEACHES)
    ]
    infrared = L2A_STACK.index("B08")
    return min(beaches, key=lambda world: world.cover.palette.mean[world.cover.shores[0][1], infrared])


def _choose_window(world: World, rng: np.random.Generator, extent_px: int) -> Window:
    """One block of the world, the first of a few whose middle has a shore."""
    blocks = max(1, extent_px // CHIP_PX)
    for _ in range(_TRIES):
        col, row = (int(index) * CHIP_PX for index in rng.integers(blocks, size=2))
        middle = (CHIP_PX - _CENTRE_PX) // 2
        centre = Window(col + middle, row + middle, _CENTRE_PX, _CENTRE_PX)
        if rng.random() < 1 / _TRIES or len(world.terrain.compute_block(centre).cells):
            break
    return Window(col, row, CHIP_PX, CHIP_PX)
