"""Marching squares over a block of rows: which vertices and edges it adds to lines and rings, and where data ends.

The field lives on *nodes*: the pixel centres, and one more row and column on each side that lies on the scene's edge
and repeats the outermost pixels. Four nodes make a *cell*; a cell is valid where all four nodes are. Every vertex has
an integer: ``4 * node`` plus 0 for the node itself, 1 for the crossing on the grid edge to its right, 2 for the
crossing on the grid edge below it, and 3 for the node seen a second time, where two valid cells touch at a corner
alone. All edges keep the water (or the land, in rings of land) on their left on a north-up map.

Source: Lorensen and Cline (1987), doi:10.1145/37402.37422, in two dimensions; ambiguous cells by the mean of their
corners.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.trace.traced import Bools, Floats, Ints

__all__ = [
    "OUTSIDE",
    "Block",
    "Boundary",
    "compute_boundary",
    "compute_crossings",
    "compute_pieces",
    "compute_runs",
    "compute_segments",
    "find_true",
]

OUTSIDE: Final = 3
"""State of a cell beyond the scene's edge; 0 is valid, 1 obscured, 2 nodata (the codes of ``traced.REASONS``)."""

_NEAREST = 2.0**-10
"""Crossings keep this share of a pixel (1 cm at 10 m) away from nodes, so that no ring can collapse."""


_LEAST_ERROR = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """Some rows of nodes whose cells above and below are known, and the row of nodes below them.

    Attributes:
        row: Number of the first row of nodes.
        threshold: Probability from which on a node is water.
        probability: (rows + 1, nodes) float32.
        wet: (rows + 1, nodes) True where a node is water.
        cells: (rows + 1, nodes + 1) state of the cells above and below each row, with a column outside on each side.
        error: (rows + 1, nodes) float32, standard deviation of the probability near the contour; ``None``: not known.
    """

    row: int
    threshold: float
    probability: NDArray[np.float32]
    wet: Bools
    cells: NDArray[np.uint8]
    error: NDArray[np.float32] | None = None

    @property
    def rows(self) -> int:
        """Rows of nodes, the one below them not counted."""
        return len(self.probability) - 1

    @property
    def stride(self) -> int:
        """Nodes in a row."""
        return int(self.wet.shape[1])

    def node(self, row: Ints, col: Ints) -> Ints:
        """Number of the node at a row of this block and a column."""
        return (row + self.row) * self.stride + col

    @property
    def across(self) -> Bools:
        """(rows, nodes - 1) True where the grid edge from a node to its right neighbour touches a valid cell."""
        touched: Bools = (self.cells[:-1] == 0) | (self.cells[1:] == 0)
        return touched[:, 1:-1]

    @property
    def pinch(self) -> Bools:
        """(rows, nodes) True where two valid cells touch at the node, and nothing else does."""
        valid = self.cells == 0
        upper_left, upper_right = valid[:-1, :-1], valid[:-1, 1:]
        lower_left, lower_right = valid[1:, :-1], valid[1:, 1:]
        pinch: Bools = (upper_left == lower_right) & (upper_right == lower_left) & (upper_left != upper_right)
        return pinch


def compute_pieces(block: Block) -> dict[str, NDArray[Any]]:
    """All that a block adds to lines and rings, by the names of ``rings.Pieces``."""
    crossing, fraction = compute_crossings(block)
    edges, slope = compute_segments(block)
    boundary = compute_boundary(block)
    ending, reason = boundary.endings()
    water_runs, land_runs = compute_runs(block)
    return {
        "crossing": crossing,
        "fraction": fraction,
        "edges": edges,
        "slope": slope,
        "water_edges": boundary.of_class(wet=True),
        "land_edges": boundary.of_class(wet=False),
        "ending": ending,
        "reason": reason,
        "water_runs": water_runs,
        "land_runs": land_runs,
    }


def find_true(mask: Bools) -> tuple[Ints, Ints]:
    """Rows and columns at which a mask is True, as ``np.nonzero`` has them, in a fraction of its time."""
    row, col = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return row, col


def compute_fraction(first: NDArray[np.float32], second: NDArray[np.float32], threshold: float) -> Floats:
    """How far along a grid edge, from its first node, the field crosses the threshold: in ]0, 1[."""
    first, second = first.astype(np.float64), second.astype(np.float64)
    return np.clip((threshold - first) / (second - first), _NEAREST, 1 - _NEAREST)


def compute_crossings(block: Block) -> tuple[Ints, NDArray[np.float32]]:
    """The vertices where grid edges cross from land to water.

    Returns:
        Their integers, and how far along its edge each lies.
    """
    wet, valid, stride = block.wet, block.cells[1:] == 0, block.stride
    p = block.probability.reshape(-1)  # numbers taken one by one from a flat array cost a third
    row, col = find_true((wet[:-1, :-1] != wet[:-1, 1:]) & block.across)
    at = row * stride + col
    right = compute_fraction(p.take(at), p.take(at + 1), block.threshold)
    right_id = 4 * block.node(row, col) + 1
    row, col = find_true((wet[:-1] != wet[1:]) & (valid[:, :-1] | valid[:, 1:]))
    at = row * stride + col
    down = compute_fraction(p.take(at), p.take(at + stride), block.threshold)
    vertex = np.concatenate((right_id, 4 * block.node(row, col) + 2))
    return vertex, np.concatenate((right, down)).astype(np.float32)


def _cell_segments(case: int, *, joined: bool) -> list[tuple[int, int]]:
    """Sides (0 top, 1 right, 2 bottom, 3 left) at which contours enter and leave a cell, water on their left.

    Bits of ``case`` are corners clockwise from the upper left; side ``s`` lies between corners ``s`` and ``s + 1``.
    Going around clockwise, a contour enters where land turns to water, and leaves where water turns to land.
    """
    wet = [bool(case >> corner & 1) for corner in (0, 1, 2, 3, 0)]
    enters = [side for side in range(4) if not wet[side] and wet[side + 1]]
    leaves = [side for side in range(4) if wet[side] and not wet[side + 1]]
    # Two of each: a contour cuts off the wet corner clockwise of its entry, or else the dry one before it.
    turn = -1 if joined else 1
    return [(side, min(leaves, key=lambda leave: (turn * (leave - side)) % 4)) for side in enters]


_SEGMENTS: Final = np.full((32, 2, 2), -1)
"""Sides by case (and 16 where joined), first or second segment, entry or exit; -1 where there is none."""
for _joined in range(2):
    for _case in range(16):
        for _place, _sides in enumerate(_cell_segments(_case, joined=bool(_joined))):
            _SEGMENTS[16 * _joined + _case, _place] = _sides


def compute_segments(block: Block) -> tuple[Ints, NDArray[np.complex64]]:
    """The edges of the contour within the cells below each row of nodes.

    Returns:
        (2, edges) vertex at the tail and at the head of each edge, water on its left; and (edges,) the slope of the
        probability half way along it, per pixel: in x the real part, in y the imaginary one. Where the block knows the
        probability's error, the slope is in units of it.
    """
    wet = block.wet
    mixed = (wet[:-1] != wet[1:])[:, :-1]
    mixed |= wet[:-1, :-1] != wet[:-1, 1:]
    mixed |= wet[1:, :-1] != wet[1:, 1:]
    row, col = find_true(mixed & (block.cells[1:, 1:-1] == 0))
    ring = np.array([0, 1, block.stride + 1, block.stride])[:, None] + (row * block.stride + col)
    corners = block.probability.reshape(-1).take(ring).astype(np.float64)  # (4, cells), clockwise
    case = (block.wet.reshape(-1).take(ring) << np.arange(4)[:, None]).sum(axis=0)
    joined = corners.mean(axis=0) >= block.threshold
    sides = _SEGMENTS.take(16 * joined + case, axis=0)  # (cells, segment, end)
    cell, place = find_true(sides[:, :, 0] >= 0)
    sides = sides.reshape(-1, 2).take(2 * cell + place, axis=0)
    corners, node = corners.take(cell, axis=1), block.node(row, col).take(cell)
    above_next = 4 * block.stride
    offset = np.array([1, 4 + 2, above_next + 1, 2])  # top, right, bottom and left, from the cell's upper left node
    slope = _compute_slope(corners, sides, block.threshold)
    if block.error is not None:
        error = block.error.reshape(-1).take(ring).mean(axis=0).take(cell)
        slope /= np.maximum(error, np.float32(_LEAST_ERROR))
    return 4 * node + offset.take(sides.T), slope


def _compute_slope(corners: Floats, sides: Ints, threshold: float) -> NDArray[np.complex64]:
    """Slope of the bilinear surface of a cell, half way between the points where a contour enters and leaves.

    In x and y as one complex number: NumPy picks and adds single numbers much faster than pairs.
    """
    upper_left, upper_right, lower_right, lower_left = corners
    fraction = np.empty((4, len(sides)))
    with np.errstate(divide="ignore", invalid="ignore"):  # sides that are not crossed are not used
        for side, (first, second) in enumerate(((0, 1), (1, 2), (3, 2), (0, 3))):
            fraction[side] = (threshold - corners[first]) / (corners[second] - corners[first])
    one, zero = np.ones(len(sides)), np.zeros(len(sides))
    u = np.stack((fraction[0], one, fraction[2], zero))  # across the cell, by side
    v = np.stack((zero, fraction[1], one, fraction[3]))
    entry, leave = sides.T * len(sides) + np.arange(len(sides))
    u, v = ((part.take(entry) + part.take(leave)) / 2 for part in (u, v))
    dx = (upper_right - upper_left) * (1 - v) + (lower_right - lower_left) * v
    dy = (lower_left - upper_left) * (1 - u) + (lower_right - upper_right) * u
    return np.stack((dx, dy), axis=1).astype(np.float32).view(np.complex64)[:, 0]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Boundary:
    """Grid edges between a valid cell, on their left, and what lies beyond the data.

    Attributes:
        nodes: (2, edges) vertex of the node at the tail and at the head of each edge.
        wet: (2, edges) True where that node is water.
        crossing: (edges,) vertex of the crossing on the edge, which exists where the two differ.
        beyond: (edges,) state of the cell beyond.
    """

    nodes: Ints
    wet: Bools
    crossing: Ints
    beyond: NDArray[np.uint8]

    def of_class(self, *, wet: bool) -> Ints:
        """(2, parts) tails and heads of the parts of the edges that bound water (or land)."""
        inside = self.wet == wet
        ends: Ints = np.where(inside, self.nodes, self.crossing)
        return ends[:, inside.any(axis=0)]

    def endings(self) -> tuple[Ints, NDArray[np.uint8]]:
        """Crossings at which a line ends, and the state of the cell beyond."""
        crossed = self.wet[0] != self.wet[1]
        return self.crossing[crossed], self.beyond[crossed]


def compute_boundary(block: Block) -> Boundary:
    """The grid edges at which the valid cells end: along the rows of nodes, and those below them."""
    second_sight = 3 * block.pinch  # a node where corners touch is another one for the cell below
    above, below = block.cells[:-1, 1:-1], block.cells[1:, 1:-1]
    row, col = find_true((above == 0) != (below == 0))
    is_below = below[row, col] == 0
    left = 4 * block.node(row, col) + np.where(is_below, second_sight[row, col], 0)
    right = 4 * block.node(row, col + 1) + np.where(is_below, second_sight[row, col + 1], 0)
    across = Boundary(
        nodes=_swap_ends((left, right), where=is_below),
        wet=_swap_ends((block.wet[row, col], block.wet[row, col + 1]), where=is_below),
        crossing=4 * block.node(row, col) + 1,
        beyond=np.maximum(above, below)[row, col],
    )

    before, after = block.cells[1:, :-1], block.cells[1:, 1:]
    row, col = find_true((before == 0) != (after == 0))
    upper, lower = 4 * block.node(row, col) + second_sight[row, col], 4 * block.node(row + 1, col)
    is_before = before[row, col] == 0
    down = Boundary(
        nodes=_swap_ends((upper, lower), where=is_before),
        wet=_swap_ends((block.wet[row, col], block.wet[row + 1, col]), where=is_before),
        crossing=4 * block.node(row, col) + 2,
        beyond=np.maximum(before, after)[row, col],
    )
    return Boundary(
        nodes=np.hstack((across.nodes, down.nodes)),
        wet=np.hstack((across.wet, down.wet)),
        crossing=np.hstack((across.crossing, down.crossing)),
        beyond=np.hstack((across.beyond, down.beyond)),
    )


def _swap_ends(ends: tuple[NDArray[Any], NDArray[Any]], *, where: Bools) -> NDArray[Any]:
    """(2, edges) both ends of edges, turned around where they run the other way."""
    return np.where(where, ends[::-1], ends)


def compute_runs(block: Block) -> tuple[Ints, Ints]:
    """Runs of water and of land along rows of nodes; both ends of a run are vertices of rings of one body.

    They tell which hole lies in which outer ring: the run left of a hole's leftmost node leads to another ring of the
    same body, that one's to the next, and so to the outermost.

    Returns:
        (2, runs) vertex at the left and at the right end of each run of water; the same for land.
    """
    across, pinch = block.across, block.pinch
    edge = np.zeros((1, block.rows), dtype=bool).T
    has_left, has_right = np.hstack((edge, across)), np.hstack((across, edge))
    inside = has_left | has_right
    joined = across & (block.wet[:-1, :-1] == block.wet[:-1, 1:])
    left_end = find_true(inside & ~np.hstack((edge, joined)))
    right_end = find_true(inside & ~np.hstack((joined, edge)))
    middle = find_true(inside & pinch)  # where corners touch, one run ends and another begins: they are of two cells

    node, (row, col) = block.node(*left_end), left_end
    starts = np.where(has_left[row, col], 4 * node - 3, 4 * node), 2 * node, block.wet[row, col]
    node, (row, col) = block.node(*right_end), right_end
    ends = 4 * node + has_right[row, col], 2 * node + 1, block.wet[row, col]
    node, (row, col) = block.node(*middle), middle
    right_is_below = block.cells[row + 1, col + 1] == 0
    starts = _merge(starts, (4 * node + 3 * right_is_below, 2 * node + 1, block.wet[row, col]))
    ends = _merge(ends, (4 * node + 3 * ~right_is_below, 2 * node, block.wet[row, col]))
    water_runs = np.stack((starts[0][starts[2]], ends[0][ends[2]]))
    return water_runs, np.stack((starts[0][~starts[2]], ends[0][~ends[2]]))


def _merge(ends: tuple[Ints, Ints, Bools], more: tuple[Ints, Ints, Bools]) -> tuple[Ints, Ints, Bools]:
    """Put further ends of runs among those there are, by place; the k-th start then belongs to the k-th end."""
    if len(more[0]) == 0:
        return ends
    order = np.argsort(np.concatenate((ends[1], more[1])), kind="stable")
    vertex, place, wet = (np.concatenate(pair)[order] for pair in zip(ends, more, strict=True))
    return vertex, place, wet
