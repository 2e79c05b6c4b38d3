"""Where valid cells end, and which parts of the boundary belong to one body: what rings need beside the contour.

See ``cells`` for nodes, cells and the integers of vertices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.trace.cells import Block, find_true
from pipeline.trace.traced import Bools, Ints

__all__ = ["Boundary", "compute_boundary", "compute_runs"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Boundary:
    """Grid edges between a valid cell, on their left, and what lies beyond the data.

    Attributes:
        first: Vertex of the node at the tail of each edge.
        second: Vertex of the node at its head.
        first_wet: Whether the tail is water.
        second_wet: Whether the head is water.
        crossing: Vertex of the crossing on the edge, which exists where the two differ.
        beyond: State of the cell beyond.
    """

    first: Ints
    second: Ints
    first_wet: Bools
    second_wet: Bools
    crossing: Ints
    beyond: NDArray[np.uint8]

    def of_class(self, *, wet: bool) -> tuple[Ints, Ints]:
        """Tails and heads of the parts of the edges that bound water (or land)."""
        first_in, second_in = self.first_wet == wet, self.second_wet == wet
        kept = first_in | second_in
        tail = np.where(first_in, self.first, self.crossing)
        head = np.where(second_in, self.second, self.crossing)
        return tail[kept], head[kept]

    def endings(self) -> tuple[Ints, NDArray[np.uint8]]:
        """Crossings at which a line ends, and the state of the cell beyond."""
        ends = self.first_wet != self.second_wet
        return self.crossing[ends], self.beyond[ends]


def compute_boundary(block: Block) -> Boundary:
    """The grid edges at which the valid cells end: along the rows of nodes, and those below them."""
    second_sight = 3 * block.pinch  # a node where corners touch is another one for the cell below
    above, below = block.cells[:-1, 1:-1], block.cells[1:, 1:-1]
    row, col = find_true((above == 0) != (below == 0))
    is_below = below[row, col] == 0
    left = 4 * block.node(row, col) + np.where(is_below, second_sight[row, col], 0)
    right = 4 * block.node(row, col + 1) + np.where(is_below, second_sight[row, col + 1], 0)
    wet = block.wet[row, col], block.wet[row, col + 1]
    beyond = np.maximum(above, below)[row, col]
    across = _direct((left, right), wet, swap=is_below), 4 * block.node(row, col) + 1, beyond

    before, after = block.cells[1:, :-1], block.cells[1:, 1:]
    row, col = find_true((before == 0) != (after == 0))
    upper, lower = 4 * block.node(row, col) + second_sight[row, col], 4 * block.node(row + 1, col)
    wet = block.wet[row, col], block.wet[row + 1, col]
    beyond = np.maximum(before, after)[row, col]
    down = _direct((upper, lower), wet, swap=before[row, col] == 0), 4 * block.node(row, col) + 2, beyond

    first, second, first_wet, second_wet = (np.concatenate(pair) for pair in zip(across[0], down[0], strict=True))
    return Boundary(
        first=first,
        second=second,
        first_wet=first_wet,
        second_wet=second_wet,
        crossing=np.concatenate((across[1], down[1])),
        beyond=np.concatenate((across[2], down[2])),
    )


def _direct(ends: tuple[Ints, Ints], wet: tuple[Bools, Bools], *, swap: Bools) -> tuple[Ints, Ints, Bools, Bools]:
    """Turn the edges around where ``swap`` is True."""
    return (
        np.where(swap, ends[1], ends[0]),
        np.where(swap, ends[0], ends[1]),
        np.where(swap, wet[1], wet[0]),
        np.where(swap, wet[0], wet[1]),
    )


def compute_runs(block: Block) -> tuple[tuple[Ints, Ints], tuple[Ints, Ints]]:
    """Runs of water and of land along rows of nodes; both ends of a run are vertices of rings of one body.

    They tell which hole lies in which outer ring: the run left of a hole's leftmost node leads to another ring of the
    same body, that one's to the next, and so to the outermost.

    Returns:
        Vertex at the left and at the right end of each run of water; the same for land.
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
    return (starts[0][starts[2]], ends[0][ends[2]]), (starts[0][~starts[2]], ends[0][~ends[2]])


def _merge(ends: tuple[Ints, Ints, Bools], more: tuple[Ints, Ints, Bools]) -> tuple[Ints, Ints, Bools]:
    """Put further ends of runs among those there are, by place; the k-th start then belongs to the k-th end."""
    if len(more[0]) == 0:
        return ends
    order = np.argsort(np.concatenate((ends[1], more[1])), kind="stable")
    vertex, place, wet = (np.concatenate(pair)[order] for pair in zip(ends, more, strict=True))
    return vertex, place, wet
