"""What a contour tracer hands over: vertices, lines and rings, in pixel coordinates.

Lines and rings do not hold coordinates: they hold numbers of vertices of one shared table. A vertex of the coastline
and the same vertex of the land beside it therefore cannot differ, not by a bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "MOUTH",
    "REASONS",
    "Bools",
    "Floats",
    "Ints",
    "Lines",
    "Rings",
    "Traced",
    "compute_spans",
    "end_at_data",
    "find_batches",
]

Ints = NDArray[np.signedinteger[Any]]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MOUTH: Final = 4
"""Code of an end at which a line goes on as another kind of shore: it was cut there."""
REASONS: Final = (None, "cloud", "nodata", "scene edge", "mouth")
"""Why a line ends, by code: 0 where it does not end, else what lies beyond its end."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lines:
    """Lines between land and water, land on the left of the direction of travel on a north-up map.

    Attributes:
        vertex: (n,) numbers of vertices, line after line; a closed line repeats its first vertex.
        start: (lines + 1,) where each line begins in ``vertex``, and the end.
        closed: (lines,) True where a line comes back to its first vertex.
        reasons: (lines, 2) uint8 codes into ``REASONS`` for the first and the last vertex.
        water_ring: (lines,) number of the ring of water that the line is part of.
        land_ring: (lines,) number of the ring of land that the line is part of.
    """

    vertex: Ints
    start: Ints
    closed: Bools
    reasons: NDArray[np.uint8]
    water_ring: Ints
    land_ring: Ints

    def __len__(self) -> int:
        return len(self.start) - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rings:
    """Rings of polygons of one class, the polygon's inside on the left; a polygon's outer ring comes first.

    Attributes:
        vertex: (n,) numbers of vertices, ring after ring; the first vertex is not repeated.
        start: (rings + 1,) where each ring begins in ``vertex``, and the end.
        polygon: (rings,) number of the polygon, from 0, ascending.
        contour: (rings,) True where all of the ring is coastline, none of it the edge of the data.
        area: (rings,) signed area in pixels: positive for an outer ring, negative for a hole.
    """

    vertex: Ints
    start: Ints
    polygon: Ints
    contour: Bools
    area: Floats

    def __len__(self) -> int:
        return len(self.start) - 1

    @property
    def outer(self) -> Ints:
        """(polygons + 1,) number of each polygon's outer ring, and the number of rings."""
        return np.append(np.flatnonzero(self.area > 0), len(self))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Traced:
    """The coastline of a scene and the land and water that it parts.

    Attributes:
        width: Columns of the scene.
        height: Rows of the scene.
        xy: (vertices, 2) pixel coordinates: x to the right, y down, the centre of pixel (0, 0) at (0.5, 0.5).
        gradient: (vertices, 2) slope of the probability in x and y, per pixel; zero where a vertex is no crossing.
            Where the tracer was told the probability's standard deviation, the slope is in units of it.
        lines: Where land meets water.
        water: Bodies of water.
        land: Bodies of land.
    """

    width: int
    height: int
    xy: Floats
    gradient: NDArray[np.float32]
    lines: Lines
    water: Rings
    land: Rings


def end_at_data(reasons: NDArray[np.uint8]) -> Bools:
    """(lines,) True where a line ends at cloud, nodata or the scene's edge, at one end at least.

    Args:
        reasons: (lines, 2) codes into ``REASONS``.
    """
    ends: Bools = np.logical_or.reduce(np.isin(reasons, (1, 2, 3)), axis=1)
    return ends


def compute_spans(start: Ints, chosen: Ints) -> tuple[Ints, Ints]:
    """Where the elements of chosen groups lie in a flat array of groups.

    Args:
        start: (groups + 1,) where each group begins, and the end.
        chosen: Numbers of groups, in any order.

    Returns:
        Positions of all elements of the chosen groups, in their order; and where each group begins among them.
    """
    length = np.diff(start)[chosen]
    begin = np.concatenate(([0], np.cumsum(length)))
    offset = np.repeat(start[:-1][chosen] - begin[:-1], length)
    return offset + np.arange(begin[-1]), begin


def find_batches(start: Ints, size: int) -> Iterator[tuple[int, int]]:
    """First group and the one after the last, of groups that have no more than ``size`` elements together, or are one.

    Args:
        start: (groups + 1,) where each group begins, and the end.
        size: Elements.
    """
    first, count = 0, len(start) - 1
    while first < count:
        last = max(first + 1, int(np.searchsorted(start, start[first] + size, side="right")) - 1)
        yield first, last
        first = last
