"""Tell a shore that moved from a body that joined it: what moves, moves smoothly along the shore; a body has edges.

A field that is wet on one date, a basin whose dam is gone, a shadow taken for water: seen from the old line the new one
lies far off all at once, and all at once it is back; or it lies off by more than such a short stretch can have moved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely

from pipeline.change.plane import Plane
from pipeline.change.source import DatedCoast
from pipeline.record.stored import describe_layer, read_layer
from pipeline.trace.traced import Bools, Floats, Ints

__all__ = ["InlandShore", "find_jumps", "find_stubs", "read_inland_shore"]

_LARGE: Final = 3.0
"""Only what lies as many limits off is taken for a body."""
_SUDDEN: Final = 0.4
"""Share of the greatest shift by which two neighbouring samples differ at a body's edge."""
_LONG: Final = 20.0
"""What is longer than this many times its usual shift is a shore that moved, whatever its ends: no body is so thin."""
_NEAR: Final = 2
"""Samples from the edge of a stretch within which the step is looked for."""


def find_jumps(shift: Floats, *, limit: Floats, line: Ints, gone: Bools, spacing_m: float) -> Bools:
    """Find the samples that see the far side of a body.

    Args:
        shift: (n,) signed distances to the new line along the old one, in order, in metres; NaN where there is none.
        limit: (n,) size below which a shift is none.
        line: (n,) number of the line that each sample lies on.
        gone: (n,) True where the ground is clear and no new shore is within reach.
        spacing_m: From sample to sample.

    Returns:
        (n,) True for stretches beyond their limit that are large, not far longer than wide, and sudden at the ends that
        can be seen.
    """
    is_stub = np.zeros(len(shift), dtype=np.bool_)
    with np.errstate(invalid="ignore"):
        beyond = np.isfinite(shift) & (np.abs(shift) > limit)
    at = np.flatnonzero(beyond)
    if len(at) == 0:
        return is_stub
    breaks = (np.diff(at) > 1) | (np.diff(line[at]) != 0) | (np.diff(np.sign(shift[at])) != 0)
    begin = np.concatenate(([0], np.flatnonzero(breaks) + 1, [len(at)]))
    for first, stop in zip(at[begin[:-1]].tolist(), (at[begin[1:] - 1] + 1).tolist(), strict=True):
        size = np.abs(shift[first:stop])
        if size.max() < _LARGE * np.median(limit[first:stop]) or (stop - first) * spacing_m > _LONG * np.median(size):
            continue
        ends = [_is_sudden(shift, line, gone, edge, float(size.max())) for edge in (first, stop)]
        is_stub[first:stop] = True in ends and False not in ends
    return is_stub


def _is_sudden(shift: Floats, line: Ints, gone: Bools, edge: int, size: float) -> bool | None:
    """Whether the shift steps between samples ``edge - 1`` and ``edge``; ``None`` where that cannot be seen."""
    if not 0 < edge < len(shift) or line[edge - 1] != line[edge]:
        return None
    if gone[edge - 1] or gone[edge]:
        return True
    if not np.isfinite(shift[edge - 1 : edge + 1]).all():
        return None
    around = slice(max(edge - _NEAR, 0), edge + _NEAR)
    steps = np.abs(np.diff(shift[around]))[np.diff(line[around]) == 0]
    return bool(np.nanmax(steps) >= _SUDDEN * size)


def find_stubs(run: Ints, *, length_m: Floats, shift_m: Floats, line: Ints, known: Bools, aspect: float) -> Bools:
    """Find the stretches that are too short for how far they have shifted.

    Args:
        run: (n,) number of the stretch that each sample belongs to, -1 for none; the numbers are those of ``length_m``.
        length_m: (runs,) length of each stretch.
        shift_m: (n,) mean shift around each sample.
        line: (n,) number of the line that each sample lies on.
        known: (n,) True where the ground is clear on both dates.
        aspect: A moved shore is at least this many times as long as it has shifted.

    Returns:
        (runs,) True for stubs; a stretch of which an end was not seen, or that is a whole line, is none.
    """
    largest = np.zeros(len(length_m))
    at = np.flatnonzero(run >= 0)
    np.maximum.at(largest, run[at], np.abs(shift_m[at]))
    first, last = np.full(len(length_m), len(run)), np.zeros(len(length_m), dtype=np.int64)
    np.minimum.at(first, run[at], at)
    np.maximum.at(last, run[at], at)
    before, after = first - 1, last + 1
    seen = (before >= 0) & (after < len(run))
    for neighbour, end in ((before, first), (after, last)):
        there = np.clip(neighbour, 0, len(run) - 1)
        seen &= known[there] & (line[there] == line[np.clip(end, 0, len(run) - 1)])
    return np.asarray(seen & (length_m < aspect * largest), dtype=np.bool_)


_NEAR_M = 5.0
"""Lines may have been thinned, and are written with rounded coordinates."""


_WORDS = {"kind": "lake", "shape": "water body"}
"""What a scene's lines and a mosaic's say of a shore that encloses water."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InlandShore:
    """Shores of enclosed waters on one date.

    Attributes:
        tree: Of their lines, in the plane.
    """

    tree: shapely.STRtree

    def holds(self, xy: Floats) -> Bools:
        """Whether places lie on such a shore.

        Args:
            xy: (n, 2) in the plane.
        """
        is_near = np.zeros(len(xy), dtype=bool)
        if len(self.tree) and len(xy):
            is_near[self.tree.query(shapely.points(xy), predicate="dwithin", distance=_NEAR_M)[0]] = True
        return is_near


def read_inland_shore(coast: DatedCoast, plane: Plane) -> InlandShore:
    """Read the lines of a date that enclose water. Where its lines do not say, or there are none, all shore is coast.

    Args:
        coast: The date.
        plane: Of the comparison.
    """
    lines: Any = np.zeros(0, dtype=object)
    if coast.lines is not None:
        info = describe_layer(coast.lines, coast.lines_layer)
        word = next((name for name in _WORDS if name in info["fields"]), None)
        if word is not None:
            where = f"\"{word}\" = '{_WORDS[word]}'"
            frame = read_layer(coast.lines, coast.lines_layer, columns=[word], where=where)
            parts = shapely.get_parts(shapely.force_2d(np.asarray(frame.geometry)))
            lines = shapely.transform(parts, lambda xy: plane.project(xy, frame.crs))
    return InlandShore(tree=shapely.STRtree(lines))
