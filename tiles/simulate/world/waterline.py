"""Marching squares, twice: the share of each pixel that is water, and the line that bounds it.

Both read the same nodes with the same linear crossings and the same rule for saddles, so that the area of the
polygons equals the sum of the fractions.

Source: Lorensen and Cline, Marching cubes, 1987, doi:10.1145/37402.37422, in two dimensions.
"""

from __future__ import annotations

from typing import cast

import contourpy
import numpy as np
from numpy.typing import NDArray

__all__ = ["compute_area_share", "join_lines", "trace_lines"]

Nodes = NDArray[np.float64]
Line = NDArray[np.float64]


def _compute_triangle(corner: Nodes, left: Nodes, right: Nodes) -> Nodes:
    """Area cut off a unit square at a corner whose two neighbours have the other sign."""
    return np.asarray(0.5 * (corner / (corner - left)) * (corner / (corner - right)))


def _compute_mixed_area(a: Nodes, b: Nodes, c: Nodes, d: Nodes) -> Nodes:
    """Positive area of unit squares with corners a b (above) and c d (below), neither all positive nor all negative."""
    area = np.zeros_like(a)
    signs = np.stack([a > 0, b > 0, c > 0, d > 0])
    count = signs.sum(axis=0)
    saddle = (count == 2) & (signs[0] == signs[3])
    # Where the middle of a saddle is water, its two water corners are joined.
    joined = saddle & (a + b + c + d > 0)
    for corner, first, second, sign in (
        (a, b, c, signs[0]),
        (b, a, d, signs[1]),
        (c, a, d, signs[2]),
        (d, b, c, signs[3]),
    ):
        alone = (sign & ((count == 1) | (saddle & ~joined))) | (~sign & ((count == 3) | joined))
        triangle = _compute_triangle(corner[alone], first[alone], second[alone])
        area[alone] += np.where(sign[alone], triangle, -triangle)
    area[(count == 3) | joined] += 1.0
    halves = (count == 2) & ~saddle
    for one, two, one_end, two_end in ((a, b, c, d), (c, d, a, b), (a, c, b, d), (b, d, a, c)):
        pair = halves & (one > 0) & (two > 0)
        area[pair] = 0.5 * (one[pair] / (one[pair] - one_end[pair]) + two[pair] / (two[pair] - two_end[pair]))
    return area


def compute_area_share(nodes: Nodes, subnodes: int) -> NDArray[np.float32]:
    """Share of each pixel in which the field is positive.

    Args:
        nodes: Field (N, rows * subnodes + 1, cols * subnodes + 1), no value exactly 0.
        subnodes: Nodes a pixel along each axis.

    Returns:
        Shares (N, rows, cols), 0 to 1.
    """
    positive = (nodes > 0).astype(np.uint8)
    count = positive[:, :-1, :-1] + positive[:, 1:, :-1] + positive[:, :-1, 1:] + positive[:, 1:, 1:]
    area = (count == 4).astype(np.float32)
    mixed = np.nonzero((count > 0) & (count < 4))
    chip, row, col = mixed
    corners = (nodes[chip, row + down, col + across] for down in (0, 1) for across in (0, 1))
    area[mixed] = _compute_mixed_area(*corners)
    pixels = (len(nodes), area.shape[1] // subnodes, subnodes, area.shape[2] // subnodes, subnodes)
    return np.asarray(area.reshape(pixels).sum(axis=(2, 4)) / np.float32(subnodes**2), dtype=np.float32)


def trace_lines(nodes: Nodes) -> list[Line]:
    """Trace the zero contour of a field of nodes.

    Args:
        nodes: Field (rows, cols), positive in water, no value exactly 0.

    Returns:
        Lines (N, 2) of x (right) and y (down) in steps between nodes, from the first node; land on the left of travel
        as a north-up map shows it. Every vertex lies exactly on an edge between two nodes.
    """
    generator = contourpy.contour_generator(z=nodes, name="serial", line_type=contourpy.LineType.Separate)
    return [_snap_to_nodes(line) for line in cast(list[Line], generator.lines(0.0))]


def _snap_to_nodes(line: Line) -> Line:
    """Put coordinates that interpolation left within rounding of a node line back onto it."""
    whole = np.round(line)
    return np.where(np.abs(line - whole) < 1e-9, whole, line)


def _get_key(point: NDArray[np.float64]) -> tuple[int, int]:
    return round(float(point[0]) * 4096), round(float(point[1]) * 4096)


def join_lines(pieces: list[Line]) -> list[Line]:
    """Join lines that end where another begins, in the direction of travel.

    Args:
        pieces: Lines (N, 2); pieces that meet share the point to within 1/4096 of a pixel.

    Returns:
        The longest lines possible; a closed one ends at its first point.
    """
    closed = [line for line in pieces if _get_key(line[0]) == _get_key(line[-1])]
    chains = [line for line in pieces if _get_key(line[0]) != _get_key(line[-1])]
    starts = {_get_key(line[0]): index for index, line in enumerate(chains)}
    fed = {starts[key] for line in chains if (key := _get_key(line[-1])) in starts}
    unused = dict.fromkeys(sorted(set(range(len(chains))) - fed) + sorted(fed))
    joined = []
    while unused:
        index: int | None = next(iter(unused))
        parts: list[Line] = []
        while index is not None and index in unused:
            del unused[index]
            parts.append(chains[index] if not parts else chains[index][1:])
            index = starts.get(_get_key(chains[index][-1]))
        line = np.concatenate(parts)
        if index is not None:
            line[-1] = line[0]
        joined.append(line)
    return closed + joined
