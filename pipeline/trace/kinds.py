"""What the waters of a scene are, and its lines, which are cut where the water that they bound becomes another kind."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.trace.coarse import CoarseGrid, fill_rings
from pipeline.trace.ellipsoid import Ground
from pipeline.trace.line_runs import Runs, look_beside, split_line
from pipeline.trace.ocean import draw_ocean, read_ocean
from pipeline.trace.traced import MOUTH, Bools, Ints, Lines, Traced, compute_spans
from pipeline.trace.waters import KINDS, LAKE, RIVER, SEA, WaterCells, Waters

__all__ = ["Kinds", "find_kinds", "resolve_land_kinds"]

_WORDS = np.array(KINDS, dtype=object)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kinds:
    """Kinds of a scene's features.

    Attributes:
        water: (bodies of water,) ``sea``, ``river``, ``lake`` or ``open``; ``sea`` where any of it is.
        lines: The lines, cut where their kind changes; such an end says ``mouth``.
        line: (lines,) the kind of each.
        guessed: No water lies in the ocean, and what lies nearest to it was taken for sea.
    """

    water: NDArray[Any]
    lines: Lines
    line: NDArray[Any]
    guessed: bool


def find_kinds(traced: Traced, ground: Ground, ocean: Path | None) -> Kinds:
    """Decide what each body of water and each line is.

    Args:
        traced: What the tracer found.
        ground: The scene's ground.
        ocean: The user's own ocean, if any.

    Raises:
        GridError: It cannot be used.
    """
    rings = traced.water
    closed = rings.contour[rings.outer[:-1]]
    may_be_more = np.full(len(closed), True) if ocean is not None else ~closed
    body = np.full(len(closed), LAKE, dtype=np.uint8)
    lines, of_line, guessed = traced.lines, rings.polygon[traced.lines.water_ring], False
    line = body[of_line]
    if may_be_more.any():
        number = np.zeros(len(closed), dtype=np.int64)
        number[may_be_more] = np.arange(1, np.count_nonzero(may_be_more) + 1)
        coarse = CoarseGrid.of(ground)
        water = _draw_waters(traced, number, closed, coarse)
        waters = Waters.tell(water, draw_ocean(read_ocean(ground, path=ocean), ground, coarse))
        body[may_be_more], guessed = waters.body, waters.guessed
        line = body[of_line]
        mixed = np.append(False, water.count(waters.cell == RIVER)[1:] > 0)[number] & (body == SEA)
        if mixed.any():
            cells = np.where(np.append(False, mixed[may_be_more])[water.body], waters.cell, 0)
            lines, line = _cut_lines(traced, mixed[of_line], line, cells, coarse)
    return Kinds(water=_WORDS[body], lines=lines, line=_WORDS[line], guessed=guessed)


def resolve_land_kinds(traced: Traced, line_kind: NDArray[Any]) -> NDArray[Any]:
    """(bodies of land,) ``sea`` where any sea washes it, else what the water around it is, ``open`` at the edge.

    Args:
        traced: With its lines as ``Kinds`` has them.
        line_kind: (lines,) the kind of each.
    """
    lines, land = traced.lines, traced.land
    kinds = np.full(len(land.outer) - 1, "open", dtype=object)
    body = land.polygon[lines.land_ring]
    around = land.contour[lines.land_ring] & (land.area[lines.land_ring] > 0)
    kinds[body[around]] = line_kind[around]
    kinds[body[line_kind == "sea"]] = "sea"
    return kinds


def _draw_waters(traced: Traced, number: Ints, closed: Bools, coarse: CoarseGrid) -> WaterCells:
    rings = traced.water
    everywhere = (np.ones(len(kind.outer) - 1, dtype=np.int64) for kind in (rings, traced.land))
    known = [
        fill_rings(kind, ones, traced.xy, coarse) for kind, ones in zip((rings, traced.land), everywhere, strict=True)
    ]
    body = fill_rings(rings, number, traced.xy, coarse)
    lost = np.setdiff1d(number[number > 0], body)  # too small for any centre of a cell to lie in
    corner = traced.xy[rings.vertex[rings.start[rings.outer[:-1]]]][number > 0][lost - 1]
    col, row = np.minimum((corner / coarse.factor).astype(np.int64), np.array(coarse.shape)[::-1] - 1).T
    body[row, col] = np.where(body[row, col] == 0, lost, body[row, col])
    return WaterCells(body=body, known=(known[0] + known[1]) > 0, closed=closed[number > 0], cell_m=coarse.cell_m)


def _cut_lines(
    traced: Traced, mixed: Bools, kind: NDArray[np.uint8], cells: NDArray[np.uint8], coarse: CoarseGrid
) -> tuple[Lines, NDArray[np.uint8]]:
    """Cut the lines of bodies that are sea in part; (lines,) kind of each.

    Args:
        traced: What the tracer found.
        mixed: (lines,) which may be cut.
        kind: (lines,) of the body of each.
        cells: (row, col) codes of the cells of such bodies.
        coarse: Their grid.
    """
    lines, chosen = traced.lines, np.flatnonzero(mixed)
    position, start = compute_spans(lines.start, chosen)
    xy = np.take(traced.xy, lines.vertex[position], axis=0) / coarse.factor
    of_vertex = look_beside(xy, start, cells)
    steps = np.append(np.hypot(*np.diff(xy, axis=0).T) * coarse.cell_m, 0)
    cuts = {}
    for place, number in enumerate(chosen.tolist()):
        part = slice(start[place], start[place + 1])
        runs = split_line(of_vertex[part], steps[part][:-1], closed=bool(lines.closed[number]))
        kind[number] = runs.kind[0]
        if len(runs.kind) > 1:
            cuts[number] = runs
    return _assemble(lines, kind, cuts)


def _assemble(lines: Lines, kind: NDArray[np.uint8], cuts: dict[int, Runs]) -> tuple[Lines, NDArray[np.uint8]]:
    """Put the pieces of lines that were cut where the lines were."""
    if not cuts:
        return lines, kind
    count = np.ones(len(lines), dtype=np.int64)
    count[list(cuts)] = [len(runs.kind) for runs in cuts.values()]
    owner = np.repeat(np.arange(len(lines)), count)
    vertex, length = [], np.diff(lines.start)[owner]
    new_kind, reasons, closed = kind[owner], lines.reasons[owner], lines.closed[owner]
    first = np.cumsum(count) - count
    done = 0
    for number, runs in cuts.items():
        begin, stop = int(lines.start[number]), int(lines.start[number + 1])
        own = slice(int(first[number]), int(first[number] + count[number]))
        vertex += [lines.vertex[done:begin], *runs.cut(lines.vertex[begin:stop])]
        length[own], new_kind[own] = runs.lengths, runs.kind
        ends = np.full((len(runs.kind), 2), MOUTH, dtype=np.uint8)
        if not closed[own][0]:
            ends[0, 0], ends[-1, 1] = lines.reasons[number]
        reasons[own], closed[own] = ends, False
        done = stop
    vertex.append(lines.vertex[done:])
    cut = Lines(
        vertex=np.concatenate(vertex),
        start=np.concatenate(([0], np.cumsum(length))),
        closed=closed,
        reasons=reasons,
        water_ring=lines.water_ring[owner],
        land_ring=lines.land_ring[owner],
    )
    return cut, new_kind
