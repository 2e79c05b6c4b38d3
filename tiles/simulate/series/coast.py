"""Draws the one coast that a series of scenes shows: by default a beach, long and smooth."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np

from tiles.errors import SceneError
from tiles.simulate.coast.days import draw_coast
from tiles.simulate.product.simulate import resolve_kind
from tiles.simulate.world.cover import Cover
from tiles.simulate.world.noise import Fractal
from tiles.simulate.world.relief import KINDS, Relief
from tiles.simulate.world.terrain import Terrain
from tiles.simulate.world.work_draws import Dice
from tiles.simulate.world.world import World, WorldOptions

__all__ = ["BEACH", "WET_BEACH", "draw_series_coast"]

BEACH = "beach"
"""The default kind: one open shore of dry sand without rivers or islets, whose bends are wider than 200 m."""

WET_BEACH = "wet_beach"
"""The same with a strip of wet sand or mud at the water, and wet hollows behind: what is taken for water varies."""

_MOST_WORLDS = 400
_SLOPE = 10.0  # metres a pixel: the field grows by a metre a metre
_LEAST_BEACH_M = 100.0
_RISE = 0.05  # a beach is no cliff, which would lie in its own shadow
_SWELL = ((32, 6.0), (64, 18.0), (128, 40.0))  # lattice in pixels, deviation in metres: bays and headlands
_RIPPLE = ((4, 0.15), (8, 0.4), (16, 1.0))


def draw_series_coast(seed: int, *, kind: str, extent_px: int, block_px: int, works: bool) -> World:
    """Draw the coast.

    Args:
        seed: The same seed gives the same coast.
        kind: ``beach``, ``wet_beach``, or a kind of landscape that has a shore.
        extent_px: Side of the scenes.
        block_px: Side of the blocks in which they are rendered.
        works: Whether people may have built on the shore; never on a beach.

    Raises:
        SceneError: No such coast was found.
    """
    if kind in (BEACH, WET_BEACH):
        return _draw_beach(seed, extent_px=extent_px, block_px=block_px, wet=kind == WET_BEACH)
    known = resolve_kind(kind, (*KINDS, "random"))
    drawn, _ = draw_coast(seed, kind=known, extent_px=extent_px, works=works, faults=False)
    return World(replace(drawn.options, block_px=block_px))


def _draw_beach(seed: int, *, extent_px: int, block_px: int, wet: bool) -> World:
    """The land, sea and air of an open coast that has a beach somewhere; the beach everywhere."""
    rng = random.Random(f"series {seed}")  # noqa: S311  (a simulation, no secret)
    for _ in range(_MOST_WORLDS):
        options = WorldOptions(
            seed=rng.randrange(2**31),
            kind="open_coast",
            extent_px=extent_px,
            block_px=block_px,
            scene_class_faults=False,
        )
        world = World(options)
        sandy = [band for band in world.cover.shores if band[1] >= 0 and world.cover.palette.names[band[1]] == "beach"]
        if world.freezes or not sandy:
            continue
        cover = _lay_sand(world.cover, sandy[0], wet=wet)
        terrain = Terrain(_draw_beach_relief(options.seed, extent_px), extent_px=extent_px)
        return world.with_ground(terrain, cover=cover, rise=_RISE)
    raise SceneError(f"None of {_MOST_WORLDS} worlds has a beach (seed {seed}). Choose another seed.")


def _lay_sand(cover: Cover, band: tuple[int, int, float], *, wet: bool) -> Cover:
    """Land with one band of beach along all of its shore."""
    inner, outer, width = band
    bands = ((inner if wet else outer, outer, max(width, _LEAST_BEACH_M)),) * 3
    if wet:
        return replace(cover, shores=bands)
    return replace(cover, shores=bands, damp=(0.0, cover.damp[1]), hollows=None)


def _draw_beach_relief(seed: int, extent_px: int) -> Relief:
    """A slope of a metre a metre towards the sea, which bays bend by some tens of metres and ripples by one."""
    dice = Dice(np.random.default_rng([seed, 0xBEAC]), extent_px)
    x, y = dice.heading()
    return Relief(
        kind="open_coast",
        water_share=float(dice.rng.uniform(0.4, 0.6)),
        coarse=_make_noise(dice.seed(), _SWELL),
        fine=_make_noise(dice.seed(), _RIPPLE),
        ruggedness=Fractal.build(dice.seed(), finest_px=32, coarsest_px=64, hurst=0.5, amplitude=0.6),
        # Multiples of 1/1024, so that sums are exact and windows agree.
        trend=(float(np.round(x * _SLOPE * 1024) / 1024), float(np.round(y * _SLOPE * 1024) / 1024)),
    )


def _make_noise(seed: int, octaves: tuple[tuple[int, float], ...]) -> Fractal:
    spacings, amplitudes = zip(*octaves, strict=True)
    return Fractal(seed=seed, spacings_px=spacings, amplitudes=amplitudes)
