"""Tell the coast from the shores of waters that land encloses: ponds and fields must not speak for the sea."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyogrio
import shapely

from pipeline.change.plane import Plane
from pipeline.change.source import DatedCoast
from pipeline.trace.traced import Bools, Floats

__all__ = ["InlandShore", "read_inland_shore"]

_NEAR_M = 5.0
"""Lines may have been thinned, and are written with rounded coordinates."""

_WORDS = {"kind": "inland", "shape": "water body"}
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
        found = np.zeros(len(xy), dtype=bool)
        if len(self.tree) and len(xy):
            found[self.tree.query(shapely.points(xy), predicate="dwithin", distance=_NEAR_M)[0]] = True
        return found


def read_inland_shore(coast: DatedCoast, plane: Plane) -> InlandShore:
    """Read the lines of a date that enclose water. Where its lines do not say, or there are none, all shore is coast.

    Args:
        coast: The date.
        plane: Of the comparison.
    """
    lines: Any = np.zeros(0, dtype=object)
    if coast.lines is not None:
        info = pyogrio.read_info(coast.lines, layer=coast.lines_layer)
        word = next((name for name in _WORDS if name in info["fields"]), None)
        if word is not None:
            where = f"\"{word}\" = '{_WORDS[word]}'"
            frame = pyogrio.read_dataframe(coast.lines, layer=coast.lines_layer, columns=[word], where=where)
            parts = shapely.get_parts(shapely.force_2d(np.asarray(frame.geometry)))
            lines = shapely.transform(parts, lambda xy: plane.project(xy, frame.crs))
    return InlandShore(tree=shapely.STRtree(lines))
