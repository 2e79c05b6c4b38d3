"""Join the edges that strips left behind into rings, polygons and lines.

The rings of a class are the cycles of "the vertex after" (see ``cycles``), the bodies that they bound follow from runs
along rows (see ``boundary``): no loop over vertices, no test of a point in a polygon.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.cycles import Cycles, find_bodies, find_cycles, split_pinched
from pipeline.traced import Bools, Floats, Ints, Lines, Rings, Traced, compute_spans

__all__ = ["Pieces", "link_pieces"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pieces:
    """What marching squares found in all strips; vertices are the integers of ``cells``.

    Attributes:
        width: Columns of the scene.
        height: Rows of the scene.
        crossing: Vertices where grid edges cross from land to water.
        fraction: How far along its grid edge each lies.
        tail: Where each edge of the contour begins, water on its left.
        head: Where it ends.
        slope: (edges, 2) slope of the probability along each.
        water_tail: Where each edge begins that bounds water and is no contour.
        water_head: Where it ends.
        land_tail: The same for land.
        land_head: The same for land.
        ending: Crossings at which lines end.
        reason: Why, as codes of ``traced.REASONS``.
        water_left: Left ends of runs of water, see ``boundary.compute_runs``.
        water_right: Right ends of the same runs.
        land_left: The same for land.
        land_right: The same for land.
    """

    width: int
    height: int
    crossing: Ints
    fraction: NDArray[np.float32]
    tail: Ints
    head: Ints
    slope: NDArray[np.float32]
    water_tail: Ints
    water_head: Ints
    land_tail: Ints
    land_head: Ints
    ending: Ints
    reason: NDArray[np.uint8]
    water_left: Ints
    water_right: Ints
    land_left: Ints
    land_right: Ints


def link_pieces(pieces: Pieces) -> Traced:
    """Join pieces into lines and polygons.

    Args:
        pieces: From all strips of a scene, in any order.
    """
    width, height = pieces.width, pieces.height
    table = _Vertices(
        names=np.unique(np.concatenate((pieces.crossing, pieces.water_tail, pieces.land_tail))), width=width
    )
    xy = table.compute_coordinates(height, table.find(pieces.crossing), pieces.fraction)
    tail, head = table.find(pieces.tail), table.find(pieces.head)
    gradient = _average_slopes(len(xy), tail, head, pieces.slope)
    reasons = np.zeros(len(xy), dtype=np.uint8)
    reasons[table.find(pieces.ending)] = pieces.reason
    wet = table.find(pieces.water_tail), table.find(pieces.water_head)
    dry = table.find(pieces.land_tail), table.find(pieces.land_head)
    water_runs = table.find(pieces.water_left), table.find(pieces.water_right)
    land_runs = table.find(pieces.land_left), table.find(pieces.land_right)
    del pieces  # the caller does not keep them either: here the memory is at its peak

    wet, dry = _append((tail, head), wet), _append((head, tail), dry)
    del tail, head
    water, _ = _link_class(table, xy, wet, water_runs)
    del wet, water_runs
    land, land_cycles = _link_class(table, xy, dry, land_runs)
    lines = _cut_lines(table.is_crossing, land_cycles, reasons, (water, land))
    return Traced(width=width, height=height, xy=xy, gradient=gradient, lines=lines, water=water, land=land)


def _append(contour: tuple[Ints, Ints], boundary: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
    """Tails and heads of all edges of a class."""
    return np.append(contour[0], boundary[0]), np.append(contour[1], boundary[1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Vertices:
    """The table of all vertices, by ascending integer.

    Attributes:
        names: Their integers.
        width: Columns of the scene.
    """

    names: Ints
    width: int

    @property
    def is_crossing(self) -> Bools:
        """True for crossings, False for nodes."""
        kind = self.names & 3
        crossing: Bools = (kind == 1) | (kind == 2)
        return crossing

    def find(self, names: Ints) -> Ints:
        """Numbers of vertices in the table."""
        return _shrink(np.searchsorted(self.names, names), len(self.names))

    def find_pinches(self) -> tuple[Ints, Ints]:
        """Pairs of vertices that are one node, seen from two cells that touch there alone."""
        second = np.flatnonzero((self.names & 3) == 3)
        return self.find(self.names[second] - 3), _shrink(second, len(self.names))

    def compute_coordinates(self, height: int, crossing: Ints, fraction: NDArray[np.float32]) -> Floats:
        """(vertices, 2) pixel coordinates, given how far along its grid edge each crossing lies."""
        along = np.zeros(len(self.names))
        along[crossing] = fraction
        row, col = np.divmod(self.names >> 2, self.width + 2)
        kind = self.names & 3
        x = _place(col, np.where(kind == 1, along, 0), self.width)
        y = _place(row, np.where(kind == 2, along, 0), height)
        return np.stack((x, y), axis=1)


def _shrink(numbers: Ints, count: int) -> Ints:
    """Numbers below ``count`` in 32 bits, where they fit."""
    return numbers.astype(np.int32) if count < 2**31 else numbers


def _place(node: Ints, along: Floats, size: int) -> Floats:
    """Coordinate of a node, or of a place between it and the next; the outermost nodes lie on the scene's edge."""
    here, after = np.clip(node - 0.5, 0, size), np.clip(node + 0.5, 0, size)
    placed: Floats = here + along * (after - here)
    return placed


def _link_class(
    table: _Vertices, xy: Floats, edges: tuple[Ints, Ints], runs: tuple[Ints, Ints]
) -> tuple[Rings, Cycles]:
    """Rings of one class from the tails and heads of its edges, and bodies from both ends of its runs."""
    after = _shrink(np.arange(len(table.names)), len(table.names))
    after[edges[0]] = edges[1]
    is_crossing = table.is_crossing
    cycles = find_cycles(after, is_crossing)
    first, second = split_pinched(after, table.find_pinches(), cycles)
    if len(first):
        cycles = find_cycles(after, is_crossing)
    kept = np.flatnonzero(np.diff(cycles.start) > 1)  # the vertices of the other class stand alone
    joined = np.append(runs[0], first), np.append(runs[1], second)
    body = find_bodies((cycles.label[joined[0]], cycles.label[joined[1]]), kept, len(cycles.start) - 1)
    taken, start = compute_spans(cycles.start, kept)
    cycles = Cycles(order=cycles.order[taken], start=start, label=cycles.label)
    return _make_rings(cycles, xy, is_crossing, body), cycles


def _make_rings(cycles: Cycles, xy: Floats, is_crossing: Bools, body: Ints) -> Rings:
    """Order rings by body, the outer one first, and leave out nodes on straight parts of the data's edge."""
    area = _compute_areas(cycles, xy)
    _, body = np.unique(body, return_inverse=True)
    ring_order = np.lexsort((area < 0, body))
    taken, start = compute_spans(cycles.start, ring_order)
    vertex = cycles.order[taken]
    bent = _is_bent(vertex, start, xy) | is_crossing[vertex]
    kept_before = np.concatenate(([0], np.cumsum(bent)))
    crossings_before = np.concatenate(([0], np.cumsum(is_crossing[vertex])))
    return Rings(
        vertex=vertex[bent],
        start=kept_before[start],
        polygon=body[ring_order],
        contour=np.diff(crossings_before[start]) == np.diff(start),
        area=area[ring_order],
    )


def _compute_areas(cycles: Cycles, xy: Floats) -> Floats:
    """Signed area of each ring, positive where it turns to the left on a north-up map."""
    if len(cycles.start) == 1:
        return np.zeros(0)
    first = cycles.start[:-1]
    # Measured from each ring's first vertex: small numbers, so that small rings keep their digits.
    x, y = (xy[cycles.order, axis] - np.repeat(xy[cycles.order[first], axis], np.diff(cycles.start)) for axis in (0, 1))
    after = _neighbours(cycles.start, len(x))[1]
    cross = x[after] * y
    cross -= x * y[after]
    return np.add.reduceat(cross, first) / 2


def _neighbours(start: Ints, count: int) -> tuple[Ints, Ints]:
    """Positions before and after each position of a flat array of rings."""
    before, after = _shrink(np.arange(-1, count - 1), count), _shrink(np.arange(1, count + 1), count)
    before[start[:-1]], after[start[1:] - 1] = start[1:] - 1, start[:-1]
    return before, after


def _is_bent(vertex: Ints, start: Ints, xy: Floats) -> Bools:
    """False for vertices between two others of their ring on the same row or column."""
    before, after = _neighbours(start, len(vertex))
    bent = np.ones(len(vertex), dtype=bool)
    for axis in (0, 1):
        place = xy[vertex, axis]
        bent &= (place[before] != place) | (place != place[after])
    return bent


def _average_slopes(count: int, tail: Ints, head: Ints, slope: NDArray[np.float32]) -> NDArray[np.float32]:
    """Slope at each vertex: the mean of the edges of the contour that meet there."""
    leaving, entering = np.full((count, 2), np.nan, np.float32), np.full((count, 2), np.nan, np.float32)
    leaving[tail], entering[head] = slope, slope
    only = np.isnan(leaving) | np.isnan(entering)
    mean = np.where(only, np.fmax(leaving, entering), (leaving + entering) / 2)
    return np.nan_to_num(mean)


def _cut_lines(is_crossing: Bools, cycles: Cycles, reasons: NDArray[np.uint8], rings: tuple[Rings, Rings]) -> Lines:
    """The longest parts of the rings of land that run between crossings."""
    crossing = is_crossing[cycles.order]
    begins, ends = crossing.copy(), crossing.copy()
    begins[1:] &= ~crossing[:-1]
    ends[:-1] &= ~crossing[1:]
    ring_first, ring_last = cycles.start[:-1], cycles.start[1:] - 1
    begins[ring_first], ends[ring_last] = crossing[ring_first], crossing[ring_last]
    first, last = np.flatnonzero(begins), np.flatnonzero(ends)
    # A ring with any node begins with one, so a line that begins with its ring goes all around.
    closed = np.isin(first, ring_first)
    start = np.concatenate(([0], np.cumsum(last + 1 - first + closed)))
    position = np.repeat(first - start[:-1], np.diff(start)) + np.arange(start[-1])
    position[start[1:][closed] - 1] = first[closed]
    tips = cycles.order[np.stack((first, last), axis=1)]
    water, land = (_ring_of_vertices(ring, len(is_crossing))[tips[:, 0]] for ring in rings)
    return Lines(
        vertex=cycles.order[position],
        start=start,
        closed=closed,
        reasons=np.where(closed[:, None], 0, reasons[tips]).astype(np.uint8),
        water_ring=water,
        land_ring=land,
    )


def _ring_of_vertices(rings: Rings, count: int) -> Ints:
    ring = np.full(count, -1)
    ring[rings.vertex] = np.repeat(np.arange(len(rings)), np.diff(rings.start))
    return ring
