"""Sew two UTM zones together along the meridian between them, so that no line can come apart there.

Each zone traces its own squares up to a staircase of pixel centres near the meridian. Between the two staircases lies
a strip a pixel or three wide. It is filled with triangles whose corners are the pixel centres on both sides, and the
contour is drawn through them too. A side of a triangle that lies on a staircase is a grid edge of that zone, so its
crossing is the very vertex at which the zone's own line stops; every other side is shared by two triangles. Lines
therefore go on across the meridian wherever data do, whatever the two zones see.

Source: marching triangles on a strip between two monotone chains (Fuchs, Kedem and Uselton 1977,
doi:10.1145/359842.359846, for the triangulation).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.mosaic.chains import Chains, link
from pipeline.mosaic.lattice import CELL_PX, find_transformer
from pipeline.mosaic.lines import Lacking
from pipeline.mosaic.statistics import OUTSIDE as OUTSIDE_CODE
from pipeline.mosaic.store import Store
from pipeline.mosaic.tracer import find_squares, read_nodes
from pipeline.trace.cells import compute_fraction
from pipeline.trace.traced import Floats, Ints
from tiles.grid import Window

__all__ = ["Seam", "SewnSeam", "trace_seam"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seam:
    """Two zones that meet.

    Attributes:
        west: Store of the western zone.
        east: Store of the eastern zone.
        west_base: Added to the names of the western zone's vertices.
        east_base: Added to those of the eastern zone's.
        own_base: Added to the names of vertices within the strip.
    """

    west: Store
    east: Store
    west_base: int
    east_base: int
    own_base: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Staircase:
    """Pixel centres at the edge of a zone, from north to south, each a step of one pixel from the one before.

    Attributes:
        surface: (n,) value there.
        error: (n,) its standard deviation.
        code: (n,) code of ``traced.REASONS``, 0 where the ground was seen.
        observations: (n,) how often it was seen.
        xy: (n, 2) place in the western zone's CRS.
        names: (n - 1,) name of the vertex on the grid edge to the next one.
        beside: (n - 1,) worst code of the squares on both sides of that grid edge.
    """

    surface: NDArray[np.float32]
    error: NDArray[np.float32]
    code: NDArray[np.uint8]
    observations: NDArray[np.uint16]
    xy: Floats
    names: NDArray[np.int64]
    beside: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SewnSeam:
    """What was traced in a strip.

    Attributes:
        chains: In longitude and latitude; their sources are left open, for the strip is a pixel or three wide.
        lacking: Vertices of the strip, and of the zones beside it, beside which data are missing.
    """

    chains: Chains
    lacking: Lacking


def trace_seam(seam: Seam, *, level: float) -> SewnSeam:
    """Trace the coastline through the strip between two zones.

    Args:
        seam: The two zones.
        level: Value of the surface at the coastline.

    Returns:
        Chains whose ends are named as the zones name them, and where lines may have to end.
    """
    west, east = _read_staircase(seam, is_west=True), _read_staircase(seam, is_west=False)
    strip = _Strip.between(west, east, base=seam.own_base)
    surface, valid = strip.surface[strip.corner], strip.code[strip.corner].max(axis=0) == 0
    wet = surface >= np.float32(level)
    # A triangle holds a piece of the line where land and water are both among its three corners.
    number = np.flatnonzero(valid & wet.any(axis=0) & ~wet.all(axis=0))
    turns = wet[:, number].astype(np.int8)
    change = turns[[1, 2, 0]] - turns  # around each triangle clockwise: 1 where land turns to water
    # Water lies on the left from there to where water turns to land; land on the left the other way.
    sides = np.stack((change.argmin(axis=0), change.argmax(axis=0)))  # (tail or head, segments)
    ends = strip.name[sides, number].T
    linked = link(ends)
    # One segment a triangle; now its vertices, line after line.
    piece, is_last, start = linked.unroll()
    side = np.where(is_last, sides[1, piece], sides[0, piece])
    xy, error, observations = _place_vertices(strip, (side, number[piece]), level)
    slope = _compute_slopes(strip, number)[piece]
    tips = np.stack((ends[linked.order[linked.start[:-1]], 0], ends[linked.order[linked.start[1:] - 1], 1]), axis=1)
    to_degrees = find_transformer(seam.west.lattice.crs.to_wkt(), "OGC:CRS84")
    chains = Chains(
        xy=np.stack(to_degrees.transform(*xy.T), axis=1),
        slope=slope,
        error=error,
        source=np.zeros(len(xy), np.uint32),
        observations=observations,
        start=start,
        ends=tips,
        reasons=np.zeros(tips.shape, np.uint8),
    )
    return SewnSeam(chains=chains, lacking=_find_lacking(strip, west, east))


def _read_staircase(seam: Seam, *, is_west: bool) -> _Staircase:
    """The last pixel centres that a zone's squares reach, over all rows of its domain."""
    store, base = (seam.west, seam.west_base) if is_west else (seam.east, seam.east_base)
    domain, lattice = store.domain, store.lattice
    first, last = lattice.compute_limits(range(domain.row_off, domain.row_stop - 1))
    row, col = _walk_staircase(last if is_west else first, domain.row_off)
    surface, error, code, observations, squares = _read_values(store, row, col)
    x, y = (col + 0.5) * lattice.resolution, -(row + 0.5) * lattice.resolution
    if not is_west:
        to_west = find_transformer(lattice.crs.to_wkt(), seam.west.lattice.crs.to_wkt())
        x, y = to_west.transform(x, y)
    down = row[1:] > row[:-1]
    edge_col = np.where(down, col[:-1], np.minimum(col[:-1], col[1:]))
    names = 4 * ((row[:-1] - domain.row_off) * domain.width + edge_col - domain.col_off) + np.where(down, 2, 1)
    return _Staircase(
        surface=surface,
        error=error,
        code=code,
        observations=observations,
        xy=np.stack((x, y), axis=1),
        names=base + names,
        beside=_find_beside(squares, down, col),
    )


def _find_beside(squares: NDArray[np.uint8], down: NDArray[np.bool_], col: Ints) -> NDArray[np.uint8]:
    """Worst code of the squares on both sides of each step, given those around each pixel (above or below, sides)."""
    upper_left, upper_right, lower_left, lower_right = squares
    beside_down = np.maximum(lower_left, lower_right)[:-1]
    to_right = np.maximum(upper_right, lower_right)[:-1]
    to_left = np.maximum(upper_left, lower_left)[:-1]
    worst: NDArray[np.uint8] = np.where(down, beside_down, np.where(col[1:] > col[:-1], to_right, to_left))
    return worst


def _walk_staircase(limits: Ints, first_row: int) -> tuple[Ints, Ints]:
    """Rows and columns of a staircase, given the column at which each row of squares ends."""
    rows, cols = [np.array([first_row])], [limits[:1]]
    for number in np.flatnonzero(np.diff(limits)) + 1:  # where it steps sideways
        rows.append(np.arange(rows[-1][-1] + 1, first_row + number + 1))
        cols.append(np.full(len(rows[-1]), limits[number - 1]))
        step = 1 if limits[number] > limits[number - 1] else -1
        cols.append(np.arange(limits[number - 1] + step, limits[number] + step, step))
        rows.append(np.full(len(cols[-1]), first_row + number))
    rows.append(np.arange(rows[-1][-1] + 1, first_row + len(limits) + 1))
    cols.append(np.full(len(rows[-1]), limits[-1]))
    return np.concatenate(rows).astype(np.int64), np.concatenate(cols).astype(np.int64)


def _read_values(
    store: Store, row: Ints, col: Ints
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8], NDArray[np.uint16], NDArray[np.uint8]]:
    """Surface, its error, code and observations at pixels of a staircase, and (4, n) codes of the squares around each.

    The squares are the upper left, upper right, lower left and lower right. A cell's height is read at a time.
    """
    count = len(row)
    surface, error = (np.full(count, np.nan, np.float32) for _ in range(2))
    observations = np.zeros(count, np.uint16)
    code, squares = np.full(count, OUTSIDE_CODE, np.uint8), np.full((4, count), OUTSIDE_CODE, np.uint8)
    for top in range(int(row[0]), int(row[-1]) + 1, CELL_PX):
        here = slice(*np.searchsorted(row, (top, top + CELL_PX)))
        left, right = int(col[here].min()), int(col[here].max())
        nodes = read_nodes(store, Window(left - 1, top - 1, right - left + 3, int(row[here][-1]) - top + 3))
        at = row[here] - top + 1, col[here] - left + 1
        surface[here], error[here] = nodes.surface[at], nodes.error[at]
        code[here], observations[here] = nodes.code[at], nodes.observations[at]
        around = find_squares(nodes.code)
        for number, (up, back) in enumerate(((1, 1), (1, 0), (0, 1), (0, 0))):
            squares[number, here] = around[at[0] - up, at[1] - back]
    return surface, error, code, observations, squares


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Strip:
    """Triangles between two staircases, from north to south.

    Attributes:
        surface: (pixels,) of both staircases, the western one first.
        error: (pixels,) likewise.
        code: (pixels,) likewise.
        observations: (pixels,) likewise.
        xy: (pixels, 2) likewise, in the western zone's CRS.
        corner: (3, triangles) pixels, clockwise: one of the west, one of the east, and the next of either.
        name: (3, triangles) name of the vertex on each side, from each corner to the following one.
    """

    surface: NDArray[np.float32]
    error: NDArray[np.float32]
    code: NDArray[np.uint8]
    observations: NDArray[np.uint16]
    xy: Floats
    corner: Ints
    name: NDArray[np.int64]

    @classmethod
    def between(cls, west: _Staircase, east: _Staircase, *, base: int) -> _Strip:
        """Fill the strip: always go on along the staircase whose next pixel lies farther north.

        Args:
            west: The western staircase.
            east: The eastern one.
            base: Added to the names of vertices on sides that lie on neither.
        """
        # Rows of one zone are tilted in the other: a step sideways must not count as one to the north.
        keys = [np.minimum.accumulate(stairs.xy[1:, 1]) for stairs in (west, east)]
        is_west = np.argsort(-np.concatenate(keys), kind="stable") < len(keys[0])
        i: Ints = np.cumsum(is_west) - is_west
        j: Ints = np.cumsum(~is_west) - ~is_west
        first_east = len(west.xy)
        # Each step makes one more side from west to east, so i + j numbers them.
        along = np.concatenate((west.names, east.names))[np.where(is_west, i, len(west.names) + j)]
        across, next_across = base + i + j, base + i + j + 1
        return cls(
            surface=np.concatenate((west.surface, east.surface)),
            error=np.concatenate((west.error, east.error)),
            code=np.concatenate((west.code, east.code)),
            observations=np.concatenate((west.observations, east.observations)),
            xy=np.concatenate((west.xy, east.xy)),
            corner=np.stack((i, first_east + j, np.where(is_west, i + 1, first_east + j + 1))),
            name=np.stack((across, np.where(is_west, next_across, along), np.where(is_west, along, next_across))),
        )


def _place_vertices(
    strip: _Strip, at: tuple[Ints, Ints], level: float
) -> tuple[Floats, NDArray[np.float32], NDArray[np.uint16]]:
    """Where the contour crosses sides of triangles, the surface's error, and how often the ground was seen there."""
    side, triangle = at
    first, second = strip.corner[side, triangle], strip.corner[(side + 1) % 3, triangle]
    share = compute_fraction(strip.surface[first], strip.surface[second], level)
    xy = strip.xy[first] + share[:, None] * (strip.xy[second] - strip.xy[first])
    error = (1 - share) * strip.error[first] + share * strip.error[second]
    return xy, error.astype(np.float32), strip.observations[np.where(share < 0.5, first, second)]


def _compute_slopes(strip: _Strip, number: Ints) -> NDArray[np.float32]:
    """Steepness of the surface over triangles, per metre."""
    a, b, c = strip.corner[:, number]
    one, other = strip.xy[b] - strip.xy[a], strip.xy[c] - strip.xy[a]
    rise, other_rise = (strip.surface[end] - strip.surface[a] for end in (b, c))
    twice_area = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
    twice_area = np.where(np.abs(twice_area) < 1.0, np.inf, twice_area)  # a sliver says nothing
    x = (rise * other[:, 1] - other_rise * one[:, 1]) / twice_area
    y = (other_rise * one[:, 0] - rise * other[:, 0]) / twice_area
    steepness: NDArray[np.float32] = np.hypot(x, y).astype(np.float32)
    return steepness


def _find_lacking(strip: _Strip, west: _Staircase, east: _Staircase) -> Lacking:
    """The vertices on sides of triangles, or of the zones' squares, that lack data; and what they lack."""
    code = strip.code[strip.corner].max(axis=0)
    triangle = np.flatnonzero(code)
    parts = [Lacking(names=strip.name[:, triangle].ravel(), codes=np.tile(code[triangle], 3))]
    for stairs in (west, east):
        step = np.flatnonzero(stairs.beside)
        parts.append(Lacking(names=stairs.names[step], codes=stairs.beside[step]))
    return Lacking.join(parts)
