"""The kind of water beside each vertex of a line, and the stretches of the line that are of one kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.trace.traced import Floats, Ints
from pipeline.trace.waters import DEPTH_M, RIVER, SEA, WIDTH_M

__all__ = ["Runs", "look_beside", "split_line"]

_SMOOTH = 3
"""Vertices on both sides over which the direction of a line is taken."""
_ASIDE = (0.6, 0.0, 1.2)
"""Cells between a line and where its water is looked for, one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """Stretches of one line.

    Attributes:
        begin: (runs,) vertex at which each begins, and at which the one before ends; ascending.
        kind: (runs,) uint8 codes of ``waters.KINDS``.
        size: Vertices of the line.
        closed: Its last vertex is its first; then it need not begin with a run.
    """

    begin: Ints
    kind: NDArray[np.uint8]
    size: int
    closed: bool

    @property
    def lengths(self) -> Ints:
        """(runs,) vertices of each, both ends included."""
        stop = np.append(self.begin[1:], self.begin[0] + self.size - 1 if self.closed else self.size - 1)
        return stop - self.begin + 1

    def cut(self, vertex: Ints) -> list[Ints]:
        """The vertices of each run."""
        turned = np.concatenate((vertex[:-1], vertex)) if self.closed else vertex
        return [turned[a : a + n] for a, n in zip(self.begin.tolist(), self.lengths.tolist(), strict=True)]


def look_beside(xy: Floats, start: Ints, cells: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Find the kind of water on the right of lines.

    Args:
        xy: (n, 2) vertices in cells, x to the right and y down, line after line.
        start: (lines + 1,) where each begins, and the end.
        cells: (row, col) codes of ``waters.KINDS``.

    Returns:
        (n,) codes, 0 where the cells do not say.
    """
    count = np.diff(start)
    place = np.arange(len(xy))
    before = np.maximum(place - _SMOOTH, np.repeat(start[:-1], count))
    after = np.minimum(place + _SMOOTH, np.repeat(start[1:] - 1, count))
    dx, dy = (xy[after] - xy[before]).T
    size = np.maximum(np.hypot(dx, dy), 1e-12)
    right = np.stack((-dy / size, dx / size), axis=1)
    code = np.zeros(len(xy), dtype=np.uint8)
    for aside in _ASIDE:
        col, row = np.floor(xy + aside * right).astype(np.int64).T
        seen = cells[row.clip(0, cells.shape[0] - 1), col.clip(0, cells.shape[1] - 1)]
        code = np.where(code == 0, seen, code)
    return code


def split_line(code: NDArray[np.uint8], steps_m: Floats, *, closed: bool) -> Runs:
    """Find the stretches of a line that are sea, and those that are river.

    A stretch shorter than a channel is wide becomes what lies around it. One that no cell tells of, in channels
    narrower than a cell, is what lies next to it; a long one leads inland.

    Args:
        code: (n,) codes of its vertices, 0 where none is known; of a closed line the last is the first.
        steps_m: (n - 1,) metres from each to the next.
        closed: The line is closed.
    """
    size = len(code)
    steps = steps_m if closed else np.append(steps_m, 0.0)
    code = code[:-1] if closed else code
    code = _fill_unknown(code, steps, closed=closed)
    if (code == code[0]).all():
        return _make_whole(int(code[0]), size, closed=closed)
    begin = np.flatnonzero(np.diff(code)) + 1
    if not closed or code[0] != code[-1]:
        begin = np.concatenate(([0], begin))
    kind = code[begin]
    while len(begin) > 1:
        length = _sum_runs(steps, begin)
        shortest = int(np.argmin(length))
        if length[shortest] >= WIDTH_M:
            break
        kind = kind.copy()
        kind[shortest] = SEA + RIVER - kind[shortest]
        starts = kind != np.roll(kind, 1)
        starts[0] |= not closed or not starts.any()
        begin, kind = begin[starts], kind[starts]
    if len(begin) == 1:
        return _make_whole(int(kind[0]), size, closed=closed)
    return Runs(begin=begin, kind=kind, size=size, closed=closed)


def _make_whole(kind: int, size: int, *, closed: bool) -> Runs:
    return Runs(begin=np.zeros(1, np.int64), kind=np.array([kind], np.uint8), size=size, closed=closed)


def _sum_runs(steps: Floats, begin: Ints) -> Floats:
    """(runs,) metres; what comes before the first run of a closed line is part of the last."""
    length: Floats = np.add.reduceat(steps, begin)
    length[-1] += steps[: begin[0]].sum()
    return length


def _fill_unknown(code: NDArray[np.uint8], steps: Floats, *, closed: bool) -> NDArray[np.uint8]:
    """Codes where none was known: of the nearer of the known ones before and after; river in long stretches."""
    if code.all():
        return code
    if not code.any():
        return np.full_like(code, SEA)
    known = np.flatnonzero(code)
    along = np.concatenate(([0.0], np.cumsum(steps)))
    total, place = along[-1], along[known]
    around = known
    if closed:
        around, place = np.concatenate((known, known, known)), np.concatenate((place - total, place, place + total))
    missing = np.flatnonzero(code == 0)
    after = np.searchsorted(place, along[missing])
    back, ahead = (np.clip(number, 0, len(place) - 1) for number in (after - 1, after))
    to_back, to_ahead = np.abs(along[missing] - place[back]), np.abs(place[ahead] - along[missing])
    gap = place[ahead] - place[back]
    filled = code.copy()
    nearer = np.where((to_back <= to_ahead) & (after > 0), back, ahead)
    filled[missing] = np.where(gap > 2 * DEPTH_M, RIVER, code[around[nearer]])
    return filled
