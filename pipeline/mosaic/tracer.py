"""Trace the coastline within one cell of a mosaic, so that it meets its neighbours' at the same vertices.

The squares of marching squares lie between four pixel centres, so the one at a cell's edge needs a row and column of
its neighbours: they come from the store, and both neighbours read the same. A vertex is named by an integer, as in
``cells``, counted on the lattice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mosaic.chains import Chains, link
from pipeline.mosaic.lattice import CELL_PX, Cell, Lattice
from pipeline.mosaic.store import ERROR_SCALE, SURFACE_SCALE, Store
from pipeline.trace.cells import OUTSIDE, Block, compute_fraction, compute_segments
from pipeline.trace.ellipsoid import Ground
from pipeline.trace.traced import Bools, Floats, Ints
from tiles import masks
from tiles.grid import Window

__all__ = ["Nodes", "find_squares", "read_nodes", "trace_cell"]

_CODE_OF_STATE = np.array([0, 2, 1, 3], dtype=np.uint8)  # valid, nodata, obscured, outside as codes of REASONS
_ELSEWHERE = 9  # a square that the neighbouring zone owns, or the neighbouring cell


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Nodes:
    """A window of pixel centres.

    Attributes:
        window: Which, counted from the lattice's origin.
        surface: (row, col) float32.
        error: (row, col) float32, its standard deviation; nothing of use where the ground was not seen.
        code: (row, col) uint8, codes of ``traced.REASONS``: 0 where the ground was seen.
        source: (row, col) uint32, number of a set of scenes.
        observations: (row, col) uint16.
    """

    window: Window
    surface: NDArray[np.float32]
    error: NDArray[np.float32]
    code: NDArray[np.uint8]
    source: NDArray[np.uint32]
    observations: NDArray[np.uint16]


def read_nodes(store: Store, window: Window) -> Nodes:
    """Read a window of the store as nodes of the contour.

    Args:
        store: Where the mosaic is.
        window: Counted from the lattice's origin; may reach beyond the domain.
    """
    surface = store.read("surface", window)
    return Nodes(
        window=window,
        surface=(surface * np.float64(SURFACE_SCALE)).astype(np.float32),
        error=store.read("error", window) * np.float32(ERROR_SCALE),
        code=_CODE_OF_STATE[store.read("state", window)],
        source=store.read("sources", window),
        observations=store.read("observations", window),
    )


def trace_cell(store: Store, cell: Cell, *, level: float) -> Chains:
    """Trace the coastline within a cell.

    Args:
        store: Holds the cell and its neighbours.
        cell: Which.
        level: Value of the surface at the coastline.

    Returns:
        Chains that end at the cell's edge, at the meridian where another zone begins, or where data end.
    """
    first = cell.window
    window = Window(first.col_off - 1, first.row_off - 1, CELL_PX + 3, CELL_PX + 3)
    if not _may_hold_shore(store, window, level):
        return _make_empty()
    nodes = read_nodes(store, window)
    squares = find_squares(nodes.code)
    block = _make_block(nodes, squares, store.lattice, level)
    (head, tail), gradient = compute_segments(block)  # water on the left there, land on the left here
    if len(tail) == 0:
        return _make_empty()
    piece, is_last, start = link(np.stack((tail, head), axis=1)).unroll()
    vertex = np.where(is_last, head[piece], tail[piece])
    inner = _crop(nodes)
    xy, error, nearest = _place_vertices(vertex, inner, level)
    is_own = (nearest[0] < CELL_PX) & (nearest[1] < CELL_PX)  # a neighbour numbers its sources by itself
    steepness = np.hypot(*gradient.view(np.float32).reshape(-1, 2).T) / np.float32(
        _measure_pixel_m(store.lattice, cell)
    )
    names = _name_vertices(vertex, inner.window, store.domain)
    ends = np.stack((names[start[:-1]], names[start[1:] - 1]), axis=1)
    tips = np.stack((vertex[start[:-1]], vertex[start[1:] - 1]), axis=1)
    size = store.lattice.resolution
    return Chains(
        xy=xy * (size, -size),
        slope=_average_along(steepness[piece], is_last, start),
        error=error,
        source=np.where(is_own, inner.source[nearest], 0).astype(np.uint32),
        observations=inner.observations[nearest],
        start=start,
        ends=ends,
        reasons=_find_reasons(tips, squares, inner.window.width),
    )


def _may_hold_shore(store: Store, window: Window, level: float) -> bool:
    """Whether land and water are both in a window: most cells hold one of them alone, and are done with."""
    seen = store.read("state", window) == masks.VALID
    if not seen.any():
        return False
    wet = store.read("surface", window)[seen] >= round(level / SURFACE_SCALE)
    return bool(wet.any() and not wet.all())


def _make_empty() -> Chains:
    return Chains(
        xy=np.zeros((0, 2)),
        slope=np.zeros(0, np.float32),
        error=np.zeros(0, np.float32),
        source=np.zeros(0, np.uint32),
        observations=np.zeros(0, np.uint16),
        start=np.zeros(1, np.int64),
        ends=np.zeros((0, 2), np.int64),
        reasons=np.zeros((0, 2), np.uint8),
    )


def find_squares(code: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Code of the square below and right of each node: 0 where all four corners were seen, else the worst.

    Args:
        code: (rows, cols) of the nodes.

    Returns:
        (rows - 1, cols - 1).
    """
    rows = np.maximum(code[:-1], code[1:])
    return np.maximum(rows[:, :-1], rows[:, 1:])


def _crop(nodes: Nodes) -> Nodes:
    """Without the margin that only tells why lines end."""
    inner = (slice(1, -1), slice(1, -1))
    outer = nodes.window
    return Nodes(
        window=Window(outer.col_off + 1, outer.row_off + 1, outer.width - 2, outer.height - 2),
        surface=nodes.surface[inner],
        error=nodes.error[inner],
        code=nodes.code[inner],
        source=nodes.source[inner],
        observations=nodes.observations[inner],
    )


def _make_block(nodes: Nodes, squares: NDArray[np.uint8], lattice: Lattice, level: float) -> Block:
    """The cell's squares as marching squares want them; those of another zone count as not valid."""
    inner = _crop(nodes)
    count = CELL_PX
    cells = np.full((count + 1, count + 2), OUTSIDE, dtype=np.uint8)
    cells[1:, 1:-1] = np.where(_find_owned(lattice, inner.window), squares[1:-1, 1:-1], _ELSEWHERE)
    return Block(row=0, threshold=level, probability=inner.surface, wet=inner.surface >= np.float32(level), cells=cells)


def _find_owned(lattice: Lattice, window: Window) -> Bools:
    """(rows - 1, cols - 1) True for the squares of a window of nodes that the lattice owns."""
    first, last = lattice.compute_limits(range(window.row_off, window.row_stop - 1))
    left = np.arange(window.col_off, window.col_stop - 1)
    return np.asarray((left >= first[:, None]) & (left + 1 <= last[:, None]))


def _place_vertices(vertex: Ints, nodes: Nodes, level: float) -> tuple[Floats, NDArray[np.float32], tuple[Ints, Ints]]:
    """(n, 2) places in pixels from the lattice's origin, x and y down; error there; row and column of the next node."""
    row, col = np.divmod(vertex >> 2, nodes.window.width)
    across = (vertex & 3) == 1
    after = row + ~across, col + across
    share = compute_fraction(nodes.surface[row, col], nodes.surface[after], level)
    x = nodes.window.col_off + col + 0.5 + np.where(across, share, 0)
    y = nodes.window.row_off + row + 0.5 + np.where(across, 0, share)
    nearer = share < 0.5
    error = (1 - share) * nodes.error[row, col] + share * nodes.error[after]
    return (
        np.stack((x, y), axis=1),
        error.astype(np.float32),
        (np.where(nearer, row, after[0]), np.where(nearer, col, after[1])),
    )


def _name_vertices(vertex: Ints, window: Window, domain: Window) -> NDArray[np.int64]:
    """Names of vertices by which neighbours know them.

    Args:
        vertex: Integers of ``cells``, counted in a window of nodes.
        window: That window.
        domain: That of the store.
    """
    row, col = np.divmod(np.asarray(vertex, np.int64) >> 2, window.width)
    row, col = row + window.row_off - domain.row_off, col + window.col_off - domain.col_off
    return np.asarray(4 * (row * domain.width + col) + (np.asarray(vertex, np.int64) & 3))


def _average_along(values: NDArray[np.float32], is_last: Bools, start: Ints) -> NDArray[np.float32]:
    """At each vertex the mean of the two edges that meet there; at an end that of the one."""
    before = np.concatenate((values[:1], values[:-1]))
    before[start[:-1]] = values[start[:-1]]
    mean = (before + values) / 2
    mean[is_last] = before[is_last]
    return mean.astype(np.float32)


def _find_reasons(tips: Ints, squares: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """(chains, 2) what lies beyond the grid edges on which chains end; 0 where both their squares are valid."""
    row, col = np.divmod(tips >> 2, width)
    across = (tips & 3) == 1
    row, col = row + 1, col + 1  # the squares have a margin
    beside = squares[row - across, col - ~across]
    worst: NDArray[np.uint8] = np.maximum(squares[row, col], beside).astype(np.uint8)
    return worst


def _measure_pixel_m(lattice: Lattice, cell: Cell) -> float:
    width, height = Ground(lattice.compute_grid(cell.window)).pixel_m
    return (width + height) / 2
