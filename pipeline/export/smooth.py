"""Smooth lines without taking ground from land or water, and without parting what polygons share with them.

Of four vertices in a row the inner two move so that the three edges between them become equal, and the area to either
side stays what it was, to the last digit. Done n times, that damps waves of length w by about exp(-n k**4 / 7), where
k = 2 pi s / w and s is the distance of vertices: short waves go, long ones stay. Ends of lines do not move, nor does
what is no coastline. Where two edges would come to cross, the vertices around stay where they were.

Source: Kuprat, Khamayseh, George and Larkey (2001), Volume conserving smoothing for piecewise linear curves, surfaces,
and triple lines, J. Comput. Phys. 172, 99-118, doi:10.1006/jcph.2001.6816, section 2 (curves); the damping is ours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.export.nodes import NodeTable, Paths

__all__ = ["MOST_SWEEPS", "Displacement", "count_sweeps", "smooth_nodes"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MOST_SWEEPS: Final = 2000
"""More would take minutes; they grow with the fourth power of the wave."""

_DAMPING: Final = 0.14
"""Of the fourth power of 2 sin(k / 2), k the turn of a wave from vertex to vertex: 1/6 if all vertices moved at once,
less as they move in turns; measured on sines."""

_REACH = 4
"""Vertices to each side of a crossing that stay where they were, at first; doubled as long as it is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Displacement:
    """How far lines moved.

    Attributes:
        mean_m: Mean distance of the vertices from where the line ran.
        max_m: The largest.
        held: Vertices that stayed where they were because edges would have crossed.
        vertices: Of all lines.
    """

    mean_m: float
    max_m: float
    held: int
    vertices: int


def count_sweeps(wave_m: float, spacing_m: float) -> int:
    """How often all vertices are moved so that a wave loses half its height.

    Args:
        wave_m: Its length.
        spacing_m: Distance of neighbouring vertices.
    """
    half_turn = min(math.pi * spacing_m / wave_m, math.pi / 2)
    return max(1, round(math.log(2) / (_DAMPING * (2 * math.sin(half_turn)) ** 4)))


def smooth_nodes(table: NodeTable, *, edges: Ints, wave_m: float, sweeps: int) -> tuple[Floats, Displacement]:
    """Move the vertices of the lines.

    Args:
        table: In a plane of metres.
        edges: (edges, 2) all that must not cross, as ``table.list_edges`` gives them.
        wave_m: Length of the waves that lose half their height; no vertex moves farther than half of it.
        sweeps: How often all vertices are moved.

    Returns:
        (nodes, 2) the places, and how far they moved.
    """
    steps = _list_steps(table.lines)
    fixed = np.ones(len(table.xy), dtype=bool)
    fixed[table.lines.node] = False
    fixed[table.lines.node[table.lines.start[:-1][~table.lines.closed]]] = True
    fixed[table.lines.node[table.lines.start[1:][~table.lines.closed] - 1]] = True
    held, reach = np.zeros(len(fixed), dtype=bool), _REACH
    along = table.lines.list_edges()
    while True:
        xy = _smooth(table.xy, [step[~(fixed | held)[step[:, 1:3]].any(axis=1)] for step in steps], wave_m, sweeps)
        crossing = _find_crossings(xy, edges, (xy != table.xy).any(axis=1))
        if not len(crossing):
            return xy, _measure(table, xy, held)
        near = np.zeros(len(fixed), dtype=bool)
        near[crossing] = True
        for _ in range(reach):
            near[along[:, 0]] |= near[along[:, 1]]
            near[along[:, 1]] |= near[along[:, 0]]
        held |= near
        reach *= 2


def _list_steps(lines: Paths) -> list[Ints]:
    """(n, 4) runs of four neighbouring vertices, in groups none of which moves what another of it looks at."""
    groups: list[list[Ints]] = [[] for _ in range(6)]
    for first, stop in zip(lines.start[:-1].tolist(), lines.start[1:].tolist(), strict=True):
        node = lines.node[first:stop]
        is_closed = node[0] == node[-1]
        if is_closed:
            node = node[:-1]
        if len(node) < 4:
            continue
        runs = np.stack([np.roll(node, -shift) for shift in range(4)], axis=1) if is_closed else _stack_runs(node)
        whole = len(runs) - len(runs) % 3 if is_closed else len(runs)
        for turn in range(3):
            groups[turn].append(runs[turn:whole:3])
        for rest in range(whole, len(runs)):  # around the end of a ring
            groups[3 + rest - whole].append(runs[rest : rest + 1])
    return [np.concatenate(group) for group in groups if group]


def _stack_runs(node: Ints) -> Ints:
    return np.stack((node[:-3], node[1:-2], node[2:-1], node[3:]), axis=1)


def _smooth(xy: Floats, steps: list[Ints], wave_m: float, sweeps: int) -> Floats:
    origin = xy[:, 0] + 1j * xy[:, 1]
    place = origin.copy()
    for sweep in range(sweeps):
        for run in steps if sweep % 2 == 0 else steps[::-1]:
            _move(place, origin, run, wave_m)
    moved = place != origin
    smooth = xy.copy()
    smooth[moved] = np.stack((place[moved].real, place[moved].imag), axis=1)
    return smooth


def _move(place: NDArray[np.complex128], origin: NDArray[np.complex128], run: Ints, wave_m: float) -> None:
    """Move the inner two of four vertices, where that makes the line shorter and none moves too far."""
    a, b, c, d = place[run.T]
    chord = d - a
    length = np.abs(chord)
    # Twice the area between the line and its chord, positive to the left.
    area = -(_cross(b - a, c - a) + _cross(c - a, chord))
    with np.errstate(divide="ignore", invalid="ignore"):
        height = 1j * chord * (0.75 * area / length**2)
    new_b, new_c = a + chord / 3 + height, a + 2 * chord / 3 + height
    shorter = 2 * np.abs(new_b - a) + length / 3 <= np.abs(b - a) + np.abs(c - b) + np.abs(d - c)
    near = (np.abs(new_b - origin[run[:, 1]]) <= wave_m / 2) & (np.abs(new_c - origin[run[:, 2]]) <= wave_m / 2)
    taken = shorter & near & (length > 0)
    place[run[taken, 1]], place[run[taken, 2]] = new_b[taken], new_c[taken]


def _cross(one: NDArray[np.complex128], other: NDArray[np.complex128]) -> Floats:
    crossed: Floats = (one.conj() * other).imag
    return crossed


def _find_crossings(xy: Floats, edges: Ints, moved: Bools) -> Ints:
    """Numbers of the ends of edges that meet another edge elsewhere than at a vertex of both."""
    lines: Any = shapely.linestrings(xy[edges])
    changed = np.flatnonzero(moved[edges].any(axis=1))
    one, other = shapely.STRtree(lines).query(lines[changed], predicate="intersects")
    one = changed[one]
    differ = one != other
    one, other = one[differ], other[differ]
    shared = edges[one][:, :, None] == edges[other][:, None, :]  # (pairs, end of one, end of the other)
    meets = shared.any(axis=(1, 2))
    # Two edges of one vertex meet there alone, unless one folds back on the other.
    begin = np.where(shared[:, 0].any(axis=1), 0, 1)
    begins = np.where(shared[:, :, 0].any(axis=1), 0, 1)
    place = xy[:, 0] + 1j * xy[:, 1]
    ways = [place[edges[n, 1 - at]] - place[edges[n, at]] for n, at in ((one, begin), (other, begins))]
    folded = (_cross(*ways) == 0) & ((ways[0].conj() * ways[1]).real > 0)
    wrong = ~meets | folded
    return np.unique(edges[np.concatenate((one[wrong], other[wrong]))])


def _measure(table: NodeTable, xy: Floats, held: Bools) -> Displacement:
    used = np.unique(table.lines.node)
    moved = used[(xy[used] != table.xy[used]).any(axis=1)]
    before: Any = shapely.linestrings(table.xy[table.lines.list_edges()])
    distance = np.zeros(0)
    if len(moved):
        tree = shapely.STRtree(before)
        distance = tree.query_nearest(shapely.points(xy[moved]), return_distance=True, all_matches=False)[1]
    return Displacement(
        mean_m=float(distance.sum() / max(len(used), 1)),
        max_m=float(distance.max(initial=0.0)),
        held=int(np.count_nonzero(held[used])),
        vertices=len(used),
    )
