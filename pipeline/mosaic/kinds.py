"""Cut a mosaic's lines where the water beside them becomes another kind: sea at a mouth becomes river."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.mosaic.lines import LineBatch
from pipeline.trace.line_runs import split_line
from pipeline.trace.traced import MOUTH, Floats, Ints
from pipeline.trace.waters import KINDS, LAKE, OPEN, RIVER, SEA

__all__ = ["CutLines", "cut_by_kind"]

_OF_VERTICES = ("lonlat", "xy", "slope", "error", "source", "observations", "kind")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CutLines:
    """Lines, whole or in pieces.

    Attributes:
        batch: The pieces as lines; such an end has the reason ``MOUTH``.
        owner: (pieces,) place in the batch before of the line that each is of.
        kind: (pieces,) ``sea``, ``river``, ``lake`` or ``open``.
    """

    batch: LineBatch
    owner: Ints
    kind: NDArray[Any]


def cut_by_kind(batch: LineBatch, *, steps_m: Floats, areas_m2: Floats, own_ocean: bool = False) -> CutLines:
    """Cut lines where their kind changes.

    A line around water is the shore of a lake, unless an ocean of the user's own holds it. One along which there is
    sea is river wherever it is not sea: a block cannot know of a sea beyond its margin, but the line can. Any other
    line is what most of it is.

    Args:
        batch: Whole lines.
        steps_m: (vertices,) metres from each vertex to the next of its line.
        areas_m2: (lines,) of what they surround, positive for land.
        own_ocean: The ocean is the user's own, and may hold a basin that land surrounds.
    """
    positions, owner, kinds, reasons, length = [], [], [], [], []
    for number in range(len(batch.closed)):
        begin, stop = int(batch.start[number]), int(batch.start[number + 1])
        closed = bool(batch.closed[number])
        vertex = np.arange(begin, stop)
        code = _settle(batch.kind[begin:stop], is_lake=closed and areas_m2[number] < 0, own_ocean=own_ocean)
        if (code == code[0]).all():
            pieces, of_piece = [vertex], code[:1]
        else:
            runs = split_line(code, steps_m[begin : stop - 1], closed=closed)
            pieces, of_piece = runs.cut(vertex), runs.kind
        ends = np.full((len(pieces), 2), MOUTH, dtype=np.uint8)
        if len(pieces) == 1 or not closed:
            ends[0, 0], ends[-1, 1] = batch.reasons[number]
        positions += pieces
        owner += [number] * len(pieces)
        kinds.append(of_piece)
        reasons.append(ends)
        length += [len(piece) for piece in pieces]
    start = np.concatenate(([0], np.cumsum(length)))
    at = np.concatenate(positions)
    whole = np.bincount(owner, minlength=len(batch.closed)) == 1
    cut = replace(
        batch,
        **{name: getattr(batch, name)[at] for name in _OF_VERTICES},
        start=start,
        closed=(batch.closed & whole)[owner],
        reasons=np.concatenate(reasons),
    )
    return CutLines(batch=cut, owner=np.array(owner), kind=np.array(KINDS, dtype=object)[np.concatenate(kinds)])


def _settle(code: NDArray[np.uint8], *, is_lake: bool, own_ocean: bool) -> NDArray[np.uint8]:
    """(n,) sea, river, or 0 where the line between is to say; or one kind all along."""
    count = np.bincount(code, minlength=len(KINDS))
    if is_lake and (count[SEA] <= len(code) / 2 or not own_ocean):
        return np.full_like(code, LAKE)
    if count[SEA] == 0 or is_lake:
        count[0] = 0
        return np.full_like(code, count.argmax() or OPEN)
    return np.where(code == OPEN, RIVER, np.where(code == LAKE, 0, code)).astype(np.uint8)
