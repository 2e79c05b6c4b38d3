"""Points along lines at even steps, and how far they lie from other lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.trace.traced import Floats, Ints

__all__ = ["Samples", "compute_distances", "compute_samples"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Samples:
    """Points at even steps along lines, so that every metre of line counts the same.

    Attributes:
        xy: (n, 2) in the lines' coordinates.
        line: (n,) number of the line each lies on.
    """

    xy: Floats
    line: Ints


def compute_samples(lines: NDArray[Any], *, step: float) -> Samples:
    """Points along lines, the first half a step from each line's beginning.

    Args:
        lines: (n,) shapely LineStrings.
        step: Distance of neighbouring points along a line, in the lines' units; a line shorter than half of it has
            no point.
    """
    xy, line = shapely.get_coordinates(lines, return_index=True)
    if len(xy) == 0:
        return Samples(xy=xy, line=line)
    length = np.append(np.hypot(*np.diff(xy, axis=0).T), 0.0)
    length[:-1][np.diff(line) != 0] = 0  # from one line to the next is no way
    along = np.concatenate(([0], np.cumsum(length)))[:-1]
    first = np.flatnonzero(np.diff(line, prepend=-1))
    end = np.append(along[first[1:]], along[-1])
    count = np.floor((end - along[first]) / step + 0.5).astype(np.int64)
    owner = np.repeat(np.arange(len(first)), count)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    target = np.minimum(along[first][owner] + (place + 0.5) * step, end[owner])
    last = np.append(first[1:], len(xy)) - 2  # the last segment of each line
    segment = np.clip(np.searchsorted(along, target, side="right") - 1, first[owner], last[owner])
    share = np.divide(target - along[segment], length[segment], out=np.zeros(len(target)), where=length[segment] > 0)
    points = xy[segment] + share[:, None] * (xy[segment + 1] - xy[segment])
    return Samples(xy=points, line=line[first][owner])


def compute_distances(points: Floats, lines: NDArray[Any]) -> Floats:
    """Distance from each point to the nearest of the lines; infinite where there is no line.

    Args:
        points: (n, 2) in the lines' coordinates.
        lines: (m,) shapely LineStrings.
    """
    distances = np.full(len(points), np.inf)
    xy, line = shapely.get_coordinates(lines, return_index=True)
    same = np.flatnonzero(np.diff(line) == 0)
    if len(same) == 0 or len(points) == 0:
        return distances
    # Long lines have large boxes, which make a tree useless: it holds their segments instead.
    segments = np.asarray(shapely.linestrings(np.stack((xy[same], xy[same + 1]), axis=1)))
    tree = shapely.STRtree(segments)
    (number, _), nearest_distance = tree.query_nearest(shapely.points(points), return_distance=True, all_matches=False)
    distances[number] = nearest_distance
    return distances
