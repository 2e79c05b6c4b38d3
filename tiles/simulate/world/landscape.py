"""The simulated landscape: worlds to render, their exact shoreline, and tiles to train on.

A world is drawn from a seed and can be evaluated in any window of an endless plane of 10 m pixels; windows agree to
the last bit, so a full product is made strip by strip. The truth is exact: the shoreline is the zero contour of a
field, and the water fraction of each pixel is the area that this very contour cuts off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tiles.bands import BANDS, L2A_STACK
from tiles.errors import GridError
from tiles.grid import Window
from tiles.simulate.world.rendered import Rendered
from tiles.simulate.world.single_thread import single_threaded
from tiles.simulate.world.terrain import CELL_PX
from tiles.simulate.world.waterline import join_lines
from tiles.simulate.world.world import World, WorldOptions

__all__ = [
    "Rendered",
    "SimulatedTile",
    "World",
    "WorldOptions",
    "compute_shoreline",
    "compute_stack",
    "simulate_chip",
]

Field = NDArray[np.float32]
Line = NDArray[np.float64]

_TRACE_PX = 240
_CLOUDY_SHARE = 0.3
"""Of chips."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SimulatedTile:
    """A tile to train on.

    Attributes:
        reflectance: (12, rows, cols) in the order of ``L2A_STACK``, all on the finest grid, as the reader brings it.
        water_fraction: Share of each pixel (rows, cols) that is water, 0 to 1.
        clear: Whether (rows, cols) the ground is seen; false under cloud.
        kind: What world it was cut from.
    """

    reflectance: Field
    water_fraction: Field
    clear: NDArray[np.bool_]
    kind: str


@single_threaded()
def compute_shoreline(world: World, window: Window) -> list[Line]:
    """Trace the exact shoreline of a window.

    Args:
        world: Where.
        window: 10 m pixels of the absolute plane; any whole offsets and sizes.

    Returns:
        Lines (N, 2) of x (right) and y (down) in pixels, pixel edges at integers. Land is on the left of travel as a
        north-up map shows it. A closed line ends at its first point; an open one begins and ends at the window's edge.
    """
    pieces: list[Line] = []
    for row in range(window.row_off // _TRACE_PX, -(-window.row_stop // _TRACE_PX)):
        for col in range(window.col_off // _TRACE_PX, -(-window.col_stop // _TRACE_PX)):
            place = Window(col * _TRACE_PX, row * _TRACE_PX, _TRACE_PX, _TRACE_PX)
            part = window.intersection(place)
            if part is not None:
                kept = world.take_shoreline(part)
                pieces += _trace_part(world, part) if kept is None else kept
    return join_lines(pieces)


def _trace_part(world: World, part: Window) -> list[Line]:
    """Lines of a part of the plane, from the cells that it touches."""
    col_off, row_off = (off // CELL_PX * CELL_PX for off in (part.col_off, part.row_off))
    cells = Window(
        col_off,
        row_off,
        -(-part.col_stop // CELL_PX) * CELL_PX - col_off,
        -(-part.row_stop // CELL_PX) * CELL_PX - row_off,
    )
    return world.terrain.compute_block(cells).trace(part)


def _interpolate_axis(pixels: Field, fine: int, axis: int) -> Field:
    """Linear interpolation onto ``fine`` times as many pixels, centre to centre, edges held."""
    count = pixels.shape[axis]
    position = np.clip((np.arange(count * fine) + 0.5) / fine - 0.5, 0, count - 1)
    lower = np.minimum(position.astype(np.intp), max(count - 2, 0))
    weight = (position - lower).astype(np.float32)
    weight = weight[:, None] if axis == 0 else weight
    below = np.take(pixels, lower, axis=axis)
    above = np.take(pixels, np.minimum(lower + 1, count - 1), axis=axis)
    return np.asarray(below + weight * (above - below))


def compute_stack(rendered: Rendered, *, resolution_m: int = 10) -> Field:
    """Bring all bands onto one grid, as the reader does: coarse bands by interpolation, pixel centres honoured.

    Args:
        rendered: What the instrument saw.
        resolution_m: 10, 20 or 60: finer bands are averaged, as in a product of that resolution.

    Returns:
        Reflectance (12, rows, cols).
    """
    bands = []
    for name in L2A_STACK:
        pixels = rendered.reflectance[name]
        native = BANDS[name].resolution_m
        if native < resolution_m:
            pixels = _average_blocks(pixels, resolution_m // native)
        elif native > resolution_m:
            for axis in (0, 1):
                pixels = _interpolate_axis(pixels, native // resolution_m, axis)
        bands.append(pixels)
    return np.stack(bands)


def _average_blocks(pixels: Field, step: int) -> Field:
    rows, cols = pixels.shape
    return np.asarray(pixels.reshape(rows // step, step, cols // step, step).mean(axis=(1, 3), dtype=np.float32))


def simulate_chip(
    seed: int, *, size: int = 384, resolution_m: int = 10, options: WorldOptions | None = None
) -> SimulatedTile:
    """Simulate one chip of a world of its own, to cut training tiles from; cheaper than a tile at a time.

    Args:
        seed: Decides everything: kind of world, surfaces, sky, clouds (three chips in ten have some).
        size: Side in pixels of ``resolution_m``.
        resolution_m: 10, 20 or 60, as a product of that resolution.
        options: Overrides what the seed would choose; its ``seed``, ``extent_px`` and ``block_px`` are not used.

    Raises:
        GridError: There is no product of that resolution.
    """
    if resolution_m not in (10, 20, 60):
        raise GridError(f"Products come at 10, 20 and 60 m, found {resolution_m} m. Choose one of these.")
    step = resolution_m // 10
    # Whole cells and whole 60 m pixels, so that one block holds the chip.
    side = -(-size * step // CELL_PX) * CELL_PX
    rng = np.random.default_rng([seed & 0xFFFFFFFF, 0xC419])
    cover = float(rng.uniform(0.02, 0.6)) if rng.random() < _CLOUDY_SHARE else 0.0
    world = World(WorldOptions(
        seed=seed,
        kind=options.kind if options else "random",
        cloud_cover=options.cloud_cover if options else cover,
        extent_px=side,
        block_px=side,
    ))  # fmt: skip
    rendered = world.render(Window(0, 0, side, side))
    stack = compute_stack(rendered, resolution_m=resolution_m)
    fraction, cloud = (_average_blocks(field, step) for field in (rendered.water_fraction, rendered.cloud))
    return SimulatedTile(
        reflectance=np.ascontiguousarray(stack[:, :size, :size]),
        water_fraction=fraction[:size, :size],
        clear=cloud[:size, :size] <= 0.3,
        kind=world.kind,
    )
