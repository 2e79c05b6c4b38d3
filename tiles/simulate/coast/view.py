"""What a tile sees of the plane: pixels of the world brought onto the tile's own grid at native resolution.

The world is rendered without noise, resampled by cubic splines (as products are resampled from the sensor's lines),
and given the detector's noise on the tile's pixels, so that two tiles of one overpass share the ground and the sky
but not the noise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from tiles.bands import BANDS, L2A_STACK
from tiles.grid import Grid, Window
from tiles.simulate.coast.tiles import PIXEL_M, CoastPlane, CoastTile, get_transformer
from tiles.simulate.product.swath import Swath
from tiles.simulate.world.optics import apply_noise
from tiles.simulate.world.rendered import Rendered
from tiles.simulate.world.terrain import CELL_PX, Terrain
from tiles.simulate.world.world import World

__all__ = ["Day", "TileView", "compute_plane_positions", "compute_plane_window", "view_fraction", "view_tile"]

Field = NDArray[np.float32]
Points = NDArray[np.float64]

_NODE_PX = 16  # between nodes positions are interpolated: 960 m at most, which errs by 2 cm
_SPLINE_PX = 60  # ten pixels of 60 m: what lies beyond weighs less than 1e-5 in a cubic spline
_SNAP_PX = 6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Day:
    """One overpass.

    Attributes:
        number: 0 for the first.
        world: The world on that day.
        quiet: The same, seen without noise.
        swath: Where data ends, in metres to the east and south of the plane's corner; ``None``: nowhere.
    """

    number: int
    world: World
    quiet: World
    swath: Swath | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TileView:
    """A strip of rows of a tile on one day.

    Attributes:
        reflectance: By band at native resolution (rows, cols), rounded to 1e-4.
        classification: Scene classification at 20 m, 0 outside the swath.
        valid: By resolution in metres: whether pixels lie inside the swath.
    """

    reflectance: Mapping[str, Field]
    classification: NDArray[np.uint8]
    valid: Mapping[int, NDArray[np.bool_]]


def compute_plane_positions(grid: Grid, plane: CoastPlane) -> tuple[Points, Points]:
    """Where the pixel centres of a grid lie on the plane.

    Exact at nodes, bilinear between them: within 0.01 px of 10 m.

    Args:
        grid: Any grid near the area.
        plane: The plane.

    Returns:
        Rows and columns (height, width) in 10 m pixels of the plane, edges at integers.
    """
    to_plane = get_transformer(grid.crs.to_wkt(), plane.wkt)
    rows, cols = (np.append(np.arange(0, size - 1, _NODE_PX), size - 1) for size in grid.shape)
    x = grid.transform.c + grid.transform.a * (cols + 0.5)
    y = grid.transform.f + grid.transform.e * (rows + 0.5)
    at_cols, at_rows = plane.to_pixels(*to_plane.transform(*np.meshgrid(x, y)))
    return _fill_between(at_rows, rows, cols), _fill_between(at_cols, rows, cols)


def _fill_between(values: Points, rows: NDArray[np.int64], cols: NDArray[np.int64]) -> Points:
    for axis, nodes in ((0, rows), (1, cols)):
        if len(nodes) > 1:
            place = np.arange(nodes[-1] + 1)
            lower = np.minimum(np.searchsorted(nodes, place, side="right") - 1, len(nodes) - 2)
            share = (place - nodes[lower]) / (nodes[lower + 1] - nodes[lower])
            share = share[:, None] if axis == 0 else share
            below = np.take(values, lower, axis=axis)
            values = below + share * (np.take(values, lower + 1, axis=axis) - below)
    return values


def compute_plane_window(grid: Grid, plane: CoastPlane) -> Window:
    """The window of the plane, aligned to 60 m, that resampling onto a 10 m grid needs."""
    rows, cols = compute_plane_positions(grid, plane)
    (top, bottom), (left, right) = (_snap_range(float(axis.min()), float(axis.max())) for axis in (rows, cols))
    return Window(left, top, right - left, bottom - top)


def _snap_range(low: float, high: float) -> tuple[int, int]:
    first, last = int(np.floor(low)) - _SPLINE_PX, int(np.ceil(high)) + _SPLINE_PX
    return first // _SNAP_PX * _SNAP_PX, -(-last // _SNAP_PX) * _SNAP_PX


def view_tile(day: Day, tile: CoastTile, plane: CoastPlane, window: Window) -> TileView:
    """What a tile sees of a day, in a window of its crop.

    Args:
        day: The overpass.
        tile: Whose grid.
        plane: Where the world lies.
        window: 10 m pixels of the crop; offsets and sizes are multiples of 6.
    """
    grid = tile.grid.crop(window)
    source = compute_plane_window(grid, plane)
    seen = day.quiet.render(source)
    places = {step: _compute_place(grid, plane, source, step) for step in (1, 2, 6)}
    rng = np.random.default_rng([day.world.day_seed, tile.square.zone, tile.square.row, tile.square.column,
                                 window.row_off, window.col_off])  # fmt: skip
    reflectance = {}
    for index, name in enumerate(L2A_STACK):
        pixels = _resample(seen.reflectance[name], places[BANDS[name].resolution_m // PIXEL_M], order=3)
        reflectance[name] = apply_noise(day.world.sky, index, pixels, rng)
    valid = {step * PIXEL_M: _compute_valid(day.swath, source, place, step) for step, place in places.items()}
    return TileView(
        reflectance=reflectance,
        classification=np.where(valid[20], _take_nearest(seen, places[2]), 0).astype(np.uint8),
        valid=valid,
    )


def view_fraction(terrain: Terrain, tile: CoastTile, plane: CoastPlane, window: Window) -> Field:
    """The true share of water (rows, cols) of a tile's 10 m pixels, 0 to 1, in a window of its crop."""
    grid = tile.grid.crop(window)
    need = compute_plane_window(grid, plane)
    left, top = (off // CELL_PX * CELL_PX for off in (need.col_off, need.row_off))
    width, height = (-(-stop // CELL_PX) * CELL_PX - off for stop, off in ((need.col_stop, left), (need.row_stop, top)))
    source = Window(left, top, width, height)
    return _resample(terrain.compute_block(source).water_fraction, _compute_place(grid, plane, source, 1), order=1)


def _compute_place(grid: Grid, plane: CoastPlane, source: Window, step: int) -> NDArray[np.float64]:
    """Native pixels of a grid (2, rows, cols) in native pixels of the rendered window, centres at integers."""
    transform = grid.transform @ Affine.scale(step)
    native = Grid(crs=grid.crs, transform=transform, width=grid.width // step, height=grid.height // step)
    rows, cols = compute_plane_positions(native, plane)
    return np.stack([(rows - source.row_off) / step - 0.5, (cols - source.col_off) / step - 0.5])


def _resample(pixels: Field, place: NDArray[np.float64], *, order: Literal[1, 3]) -> Field:
    return np.asarray(map_coordinates(pixels, place, order=order, mode="nearest"), dtype=np.float32)


def _take_nearest(seen: Rendered, place: NDArray[np.float64]) -> NDArray[np.uint8]:
    rows, cols = np.floor(place + 0.5).astype(np.intp)
    return np.asarray(seen.classification[rows, cols])


def _compute_valid(swath: Swath | None, source: Window, place: Points, step: int) -> NDArray[np.bool_]:
    if swath is None:
        return np.ones(place.shape[1:], dtype=np.bool_)
    side = step * PIXEL_M
    south = (place[0] + 0.5) * side + source.row_off * PIXEL_M
    east = (place[1] + 0.5) * side + source.col_off * PIXEL_M
    return np.asarray(swath.compute_depth(np.stack([east, south], axis=-1)) > 0)
