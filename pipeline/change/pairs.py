"""Which of many small geometries meet which of a few large ones.

GEOS prepares what a tree is asked with, not what it holds: asked with a point, each test walks all of a polygon.
So the tree holds the small ones, and is asked with the large ones.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.trace.traced import Ints

__all__ = ["find_pairs"]


def find_pairs(
    many: NDArray[Any],
    few: NDArray[Any],
    predicate: Literal["contains", "intersects"] = "intersects",
    *,
    within: float | None = None,
) -> tuple[Ints, Ints]:
    """Find all pairs that meet.

    Args:
        many: (n,) small geometries: points, strips.
        few: (m,) geometries of many vertices.
        predicate: What a large one does with a small one.
        within: That they come as near as this is enough then, in the units of their coordinates.

    Returns:
        Numbers in ``many``, ascending, and in ``few``.
    """
    if len(many) == 0 or len(few) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    tree = shapely.STRtree(many)
    large, small = (
        tree.query(few, predicate=predicate)
        if within is None
        else tree.query(few, predicate="dwithin", distance=within)
    )
    order = np.lexsort((large, small))
    return small[order], large[order]
