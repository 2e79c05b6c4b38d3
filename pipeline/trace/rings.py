"""Join the edges that strips left behind into rings, polygons and lines.

Every vertex of a ring has one edge that leaves it and one that enters it, so "the vertex after" is a permutation, and
the rings of a class are its cycles; the bodies that they bound follow from runs along rows: no loop over vertices, no
test of a point in a polygon.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from pipeline.trace.traced import Bools, Floats, Ints, Lines, Rings, Traced, compute_spans, find_batches

__all__ = ["Cycles", "Pieces", "find_bodies", "find_cycles", "link_pieces", "split_pinched"]

_BATCH = 1 << 16
"""Vertices that are looked at together: few enough for the processor's cache."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pieces:
    """What marching squares found in all strips; vertices are the integers of ``cells``.

    Attributes:
        width: Columns of the scene.
        height: Rows of the scene.
        crossing: Vertices where grid edges cross from land to water.
        fraction: How far along its grid edge each lies.
        edges: (2, edges) where each edge of the contour begins, water on its left, and where it ends.
        slope: (edges,) slope of the probability along each, as ``cells.compute_segments`` has it.
        water_edges: (2, edges) where each edge begins that bounds water and is no contour, and where it ends.
        land_edges: The same for land.
        ending: Crossings at which lines end.
        reason: Why, as codes of ``traced.REASONS``.
        water_runs: (2, runs) left and right ends of runs of water, see ``cells.compute_runs``.
        land_runs: The same for land.
    """

    width: int
    height: int
    crossing: Ints
    fraction: NDArray[np.float32]
    edges: Ints
    slope: NDArray[np.complex64]
    water_edges: Ints
    land_edges: Ints
    ending: Ints
    reason: NDArray[np.uint8]
    water_runs: Ints
    land_runs: Ints


def link_pieces(pieces: Pieces) -> Traced:
    """Join pieces into lines and polygons.

    Args:
        pieces: From all strips of a scene, in any order.
    """
    width, height = pieces.width, pieces.height
    names = _sort_unique(np.concatenate((pieces.crossing, pieces.water_edges[0], pieces.land_edges[0])))
    table = _Vertices(names=names, width=width)
    xy = table.compute_coordinates(height, table.find(pieces.crossing), pieces.fraction)
    contour = table.find(pieces.edges)
    gradient = _average_slopes(len(xy), contour, pieces.slope)
    reasons = np.zeros(len(xy), dtype=np.uint8)
    reasons[table.find(pieces.ending)] = pieces.reason
    # The contour bounds both: water on its left, and land where it is followed the other way.
    water_edges = np.hstack((contour, table.find(pieces.water_edges)))
    land_edges = np.hstack((contour[::-1], table.find(pieces.land_edges)))
    water_runs, land_runs = table.find(pieces.water_runs), table.find(pieces.land_runs)
    del pieces, contour  # the caller does not keep the pieces either: here the memory is at its peak

    water, _ = _link_class(table, xy, water_edges, water_runs)
    del water_edges, water_runs
    land, land_cycles = _link_class(table, xy, land_edges, land_runs)
    lines = _cut_lines(table.is_crossing, land_cycles, reasons, (water, land))
    return Traced(width=width, height=height, xy=xy, gradient=gradient, lines=lines, water=water, land=land)


def _sort_unique(names: Ints) -> Ints:
    """As ``np.unique``, in place; that puts numbers into a hash table first, which takes fifty times as long."""
    names.sort()
    new = np.ones(len(names), dtype=bool)
    np.not_equal(names[1:], names[:-1], out=new[1:])
    return names[new]


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
        xy = np.empty((len(self.names), 2))
        for first in range(0, len(self.names), _BATCH):
            part = slice(first, first + _BATCH)
            row, col = np.divmod(self.names[part] >> 2, self.width + 2)
            kind = self.names[part] & 3
            xy[part, 0] = _place(col, along[part] * (kind == 1), self.width)
            xy[part, 1] = _place(row, along[part] * (kind == 2), height)
        return xy


def _shrink(numbers: Ints, count: int) -> Ints:
    """Numbers below ``count`` in 32 bits, where they fit."""
    return numbers.astype(np.int32) if count < 2**31 else numbers


def _place(node: Ints, along: Floats, size: int) -> Floats:
    """Coordinate of a node, or of a place between it and the next; the outermost nodes lie on the scene's edge."""
    places = np.clip(np.arange(size + 3) - 0.5, 0, size)
    placed: Floats = places[node]
    placed += along * np.diff(places)[node]
    return placed


def _link_class(table: _Vertices, xy: Floats, edges: Ints, runs: Ints) -> tuple[Rings, Cycles]:
    """Rings of one class from the tails and heads of its edges, and bodies from both ends of its runs."""
    after = _shrink(np.arange(len(table.names)), len(table.names))
    after[edges[0]] = edges[1]
    is_crossing = table.is_crossing
    cycles = find_cycles(after, is_crossing)
    first, second = split_pinched(after, table.find_pinches(), cycles)
    if len(first):
        cycles = find_cycles(after, is_crossing)
    kept = np.flatnonzero(np.diff(cycles.start) > 1)  # the vertices of the other class stand alone
    joined = np.hstack((runs, (first, second)))
    body = find_bodies(cycles.label[joined], kept, len(cycles.start) - 1)
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
    bent = is_crossing[vertex]
    crossings_before = np.concatenate(([0], np.cumsum(bent)))
    nodes = np.flatnonzero(~bent)
    bent[nodes] = _is_bent(nodes, vertex, start, xy)
    kept_before = np.concatenate(([0], np.cumsum(bent)))
    return Rings(
        vertex=vertex[bent],
        start=kept_before[start],
        polygon=body[ring_order],
        contour=np.diff(crossings_before[start]) == np.diff(start),
        area=area[ring_order],
    )


def _compute_areas(cycles: Cycles, xy: Floats) -> Floats:
    """Signed area of each ring, positive where it turns to the left on a north-up map."""
    areas = np.zeros(len(cycles.start) - 1)
    for first, last in find_batches(cycles.start, _BATCH):
        start = cycles.start[first : last + 1]
        vertex, begins, ends = cycles.order[start[0] : start[-1]], start[:-1] - start[0], start[1:] - start[0] - 1
        # Measured from each ring's first vertex: small numbers, so that small rings keep their digits.
        x, y = (xy[vertex, axis] - np.repeat(xy[vertex[begins], axis], np.diff(start)) for axis in (0, 1))
        x_after, y_after = np.append(x[1:], 0), np.append(y[1:], 0)
        x_after[ends], y_after[ends] = x[begins], y[begins]
        areas[first:last] = np.add.reduceat(x_after * y - x * y_after, begins) / 2
    return areas


def _is_bent(chosen: Ints, vertex: Ints, start: Ints, xy: Floats) -> Bools:
    """False for those of the chosen vertices that lie between two others of their ring on the same row or column.

    Args:
        chosen: Positions in ``vertex``.
        vertex: Vertices, ring after ring.
        start: Where each ring begins, and the end.
        xy: Coordinates of all vertices.
    """
    ring = np.searchsorted(start, chosen, side="right") - 1
    before, after = chosen - 1, chosen + 1
    begins, ends = chosen == start[ring], after == start[ring + 1]
    before[begins], after[ends] = start[ring + 1][begins] - 1, start[ring][ends]
    here, previous, following = xy[vertex[chosen]], xy[vertex[before]], xy[vertex[after]]
    bent: Bools = ((previous != here) | (here != following)).all(axis=1)
    return bent


def _average_slopes(count: int, contour: Ints, slope: NDArray[np.complex64]) -> NDArray[np.float32]:
    """(vertices, 2) slope at each vertex: the mean of the edges of the contour that meet there."""
    tail, head = contour
    mean, edges = np.zeros(count, np.complex64), np.zeros(count, np.uint8)
    mean[tail], edges[tail] = slope, 1
    mean[head] += slope
    edges[head] += 1
    both = edges == 2
    mean[both] /= 2
    return mean.view(np.float32).reshape(count, 2)


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cycles:
    """Cycles of a permutation, one after the other.

    Attributes:
        order: Vertices, cycle after cycle.
        start: (cycles + 1,) where each begins.
        label: (vertices,) cycle of each vertex.
    """

    order: Ints
    start: Ints
    label: Ints


def find_cycles(after: Ints, is_crossing: Bools) -> Cycles:
    """Cycles of a permutation; one that has a node begins with a node, so that no line is cut by its beginning.

    Args:
        after: (vertices,) the vertex after each; itself where it belongs to no ring.
        is_crossing: (vertices,) True for crossings, False for nodes.
    """
    count = len(after)
    if count == 0:
        return Cycles(order=after, start=np.zeros(1, dtype=np.int64), label=after)
    cycles, label = connected_components(_to_graph(after), connection="strong")
    first = _find_first(label, cycles, is_crossing)
    first.sort()
    before = np.empty_like(after)
    before[after] = np.arange(count, dtype=after.dtype)
    # Open each cycle before its first vertex and tie its end to the next one's first: one walk meets them all.
    chained = after.copy()
    chained[before[first[:-1]]] = first[1:]
    chained[before[first[-1]]] = first[0]
    del before
    order = breadth_first_order(_to_graph(chained), first[0], return_predecessors=False)
    length = np.bincount(label, minlength=cycles)[label[first]]
    number = np.empty(cycles, dtype=after.dtype)
    number[label[first]] = np.arange(cycles)
    return Cycles(order=order, start=np.concatenate(([0], np.cumsum(length))), label=number[label])


def _find_first(label: Ints, cycles: int, is_crossing: Bools) -> Ints:
    """The lowest node of each cycle, or its lowest crossing where it has no node."""
    first = np.empty(cycles, dtype=np.int64)
    numbers = np.arange(len(label), dtype=np.int32 if len(label) < 2**31 else np.int64)[::-1]
    first[label[::-1]] = numbers  # of several, the last one written stays: the lowest
    nodes = numbers[~is_crossing[::-1]]
    first[label[nodes]] = nodes
    return first


def _to_graph(after: Ints) -> csr_array:
    count = len(after)
    # In the types that the searches want, so that they make no copies.
    return csr_array((np.ones(count), after, np.arange(count + 1, dtype=after.dtype)), shape=(count, count))


def split_pinched(after: Ints, pinches: tuple[Ints, Ints], cycles: Cycles) -> tuple[Ints, Ints]:
    """Split rings that touch themselves at a node, in place: an outer ring and a hole that touch are valid, it is not.

    The two visits cannot interleave with those of another node, for the ring would cross itself; so all can be split
    at once.

    Args:
        after: The permutation, changed where a ring is split.
        pinches: Both vertices of nodes at which valid cells touch at a corner alone.
        cycles: The permutation's cycles before.

    Returns:
        Both vertices of the nodes at which a ring was split.
    """
    first, second = pinches
    same = (after[first] != first) & (cycles.label[first] == cycles.label[second])
    first, second = first[same], second[same]
    after[first], after[second] = after[second], after[first]
    return first, second


def find_bodies(joined: Ints, kept: Ints, cycles: int) -> Ints:
    """Number of the body that each ring bounds.

    Args:
        joined: (2, pairs) cycles that bound one body.
        kept: The cycles that are rings.
        cycles: Number of all cycles.

    Returns:
        (kept,) numbers from 0.
    """
    number = np.full(cycles, -1)
    number[kept] = np.arange(len(kept))
    first, second = number[joined[:, joined[0] != joined[1]]]
    graph = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(len(kept), len(kept)))
    body: Ints = connected_components(graph, directed=False)[1]
    return body
