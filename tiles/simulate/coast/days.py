"""Draws the coast that the tiles share, and the days on which they see it."""

from __future__ import annotations

import random
from itertools import combinations, islice
from math import ceil

import numpy as np
from numpy.typing import NDArray

from tiles.errors import SceneError
from tiles.grid import Window
from tiles.simulate.coast.tiles import PIXEL_M
from tiles.simulate.coast.view import Day
from tiles.simulate.product.swath import draw_swath
from tiles.simulate.world.clouds import compute_cloud_view
from tiles.simulate.world.landscape import compute_shoreline
from tiles.simulate.world.relief import Kind, Relief
from tiles.simulate.world.waterline import trace_lines
from tiles.simulate.world.world import World, WorldOptions

__all__ = ["compute_clear", "draw_coast", "draw_days"]

Points = NDArray[np.float64]
Mask = NDArray[np.bool_]

_MOST_WORLDS = 400
_MOST_DAYS = 20
_MOST_CHOICES = 200
_SHORE_POINTS = 4_000
_TICKS = 200
_LEAST_PART = 0.25  # of the extent: how much of the one shoreline must lie in each quarter
_CLEAR = (0.3, 0.4, 0.35)  # most cloud, shadow and cirrus of clear ground, as the scene classification has it
_OUTLINE_PX = 6
_CLOUD_RANGE = (0.25, 2.0)  # a day's cloud cover over the area relative to what was asked for


def draw_coast(seed: int, *, kind: Kind, extent_px: int, works: bool, faults: bool) -> tuple[World, Points]:
    """Draw worlds until one shoreline runs through all four quarters of the area.

    Args:
        seed: The same seed gives the same coast.
        kind: Landscape.
        extent_px: Side of the area.
        works: Whether people may have built or dug on the shore; else such worlds are passed over.
        faults: Whether the scene classification errs as the real one does.

    Returns:
        The world, and all vertices (n, 2) of its shorelines in the area: column and row in pixels.

    Raises:
        SceneError: No such coast was found.
    """
    rng = random.Random(f"coast {seed}")  # noqa: S311  (a simulation, no secret)
    for _ in range(_MOST_WORLDS):
        world = World(WorldOptions(
            seed=rng.randrange(2**31), kind=kind, extent_px=extent_px, scene_class_faults=faults
        ))  # fmt: skip
        # The tiles meet at 27 degrees of latitude, where no sea freezes.
        if world.freezes or (not works and _has_works(world.terrain.relief)):
            continue
        # The outline alone, coarsely, tells most worlds apart in a hundredth of the time.
        ticks = np.linspace(0, extent_px, 1 + extent_px // _OUTLINE_PX)
        outlines = [line * ticks[1] for line in trace_lines(world.terrain.compute_outline(ticks, ticks))]
        if not _crosses_all_quarters(outlines, extent_px):
            continue
        lines = compute_shoreline(world, Window(0, 0, extent_px, extent_px))
        if _crosses_all_quarters(lines, extent_px):
            return world, np.concatenate(lines)
    raise SceneError(
        f"None of {_MOST_WORLDS} worlds of kind {kind} has a shoreline through all four tiles (seed {seed}). "
        "Choose another seed, a larger extent, or open_coast."
    )


def _has_works(relief: Relief) -> bool:
    lattices = (relief.ponds, relief.piers, relief.basins, relief.pools, relief.marinas)
    return bool(relief.causeways) or any(works is not None for works in lattices)


def _crosses_all_quarters(lines: list[Points], extent_px: int) -> bool:
    """Whether one of the lines has a good part in each quarter of the area."""
    for line in lines:
        middle, length = (line[1:] + line[:-1]) / 2, np.hypot(*np.diff(line, axis=0).T)
        quarter = 2 * (middle[:, 1] > extent_px / 2) + (middle[:, 0] > extent_px / 2)
        shares = np.bincount(quarter.astype(np.intp), weights=length, minlength=4)
        if (shares > _LEAST_PART * extent_px).all():
            return True
    return False


def compute_clear(day: Day, rows: Points, cols: Points) -> Mask:
    """Whether a day shows the ground: no cloud, shadow or cirrus, and inside the swath.

    Args:
        day: The overpass.
        rows: Positions (R,) down the plane in 10 m pixels.
        cols: Positions (C,) across it.

    Returns:
        True where the ground is clear, (R, C).
    """
    clear = np.ones((len(rows), len(cols)), dtype=np.bool_)
    if day.world.clouds is not None:
        view = compute_cloud_view(day.world.clouds, rows, cols)
        clear &= (view.opacity <= _CLEAR[0]) & (view.shadow <= _CLEAR[1])
        if view.veil is not None:
            clear &= view.veil <= _CLEAR[2]
    if day.swath is not None:
        east, south = np.meshgrid(cols * PIXEL_M, rows * PIXEL_M)
        clear &= day.swath.compute_depth(np.stack([east, south], axis=-1)) > 0
    return clear


def draw_days(
    world: World, shore: Points, *, seed: int, dates: int, cloud_cover: float, hidden: tuple[float, float], swaths: int
) -> list[Day]:
    """Draw days of other weather until as much of the shore is hidden on all of them as was asked for.

    Args:
        world: The coast.
        shore: Points (n, 2) of its shoreline: column and row in pixels.
        seed: The same seed gives the same days.
        dates: How many days.
        cloud_cover: Share of the area under cloud, roughly, on each.
        hidden: Least and most share of the shore that no day shows.
        swaths: On how many days, the last ones, the swath's edge crosses the area.

    Raises:
        SceneError: No choice of days does that.
    """
    extent = world.options.extent_px
    full = _draw_pool(world, seed=2 * seed, cloud_cover=cloud_cover, edged=False) if swaths < dates else []
    edged = _draw_pool(world, seed=2 * seed + 1, cloud_cover=cloud_cover, edged=True) if swaths else []
    ticks, step = _make_ticks(extent)
    some_shore = shore[:: 1 + len(shore) // _SHORE_POINTS]
    place = tuple(np.clip(some_shore[:, axis] // step, 0, len(ticks) - 1).astype(np.intp) for axis in (1, 0))
    seen = {id(day): compute_clear(day, ticks, ticks)[place] for day in (*full, *edged)}
    wholes = list(islice(combinations(full, dates - swaths), _MOST_CHOICES))
    for choice in (
        (*some, *others) for others in islice(combinations(edged, swaths), _MOST_CHOICES) for some in wholes
    ):
        share = 1 - float(np.any([seen[id(day)] for day in choice], axis=0).mean())
        if hidden[0] <= share <= hidden[1]:
            return [
                Day(number=number, world=day.world, quiet=day.quiet, swath=day.swath)
                for number, day in enumerate(choice)
            ]
    raise SceneError(
        f"No {dates} days with {cloud_cover:.0%} of cloud hide {hidden[0]:.1%} to {hidden[1]:.1%} of the shore "
        f"(seed {seed}). Ask for another cloud cover, other bounds, or more dates."
    )


def _make_ticks(extent_px: int) -> tuple[Points, int]:
    """Positions along one side of the area at which weather is judged, and their distance in pixels."""
    step = ceil(extent_px / _TICKS)
    return np.arange(0.5, extent_px, step), step


def _draw_pool(world: World, *, seed: int, cloud_cover: float, edged: bool) -> list[Day]:
    """Days to choose from, each with about the cloud cover asked for."""
    extent = world.options.extent_px
    ticks, _ = _make_ticks(extent)
    days = []
    for number in range(_MOST_DAYS):
        drawn = world.with_day(_MOST_DAYS * seed + number, cloud_cover=cloud_cover)
        cover = 0.0
        if drawn.clouds is not None:
            cover = float((compute_cloud_view(drawn.clouds, ticks, ticks).opacity > _CLEAR[0]).mean())
        if _CLOUD_RANGE[0] * cloud_cover <= cover <= _CLOUD_RANGE[1] * cloud_cover:
            swath = draw_swath(seed=seed * _MOST_DAYS + number, size_m=extent * PIXEL_M) if edged else None
            days.append(Day(number=number, world=drawn, quiet=drawn.without_noise(), swath=swath))
    return days
