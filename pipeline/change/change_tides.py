"""Heights of the tide on two dates: from a table, or from a folder of a tide model."""

from __future__ import annotations

import numpy as np

from pipeline.change.options import ChangeError, ChangeOptions
from pipeline.change.plane import resolve_extents, resolve_plane
from pipeline.change.source import DatedCoast
from pipeline.tides import compute_model_heights, read_tide_heights
from pipeline.trace.traced import Floats

__all__ = ["read_heights"]


def read_heights(old: DatedCoast, new: DatedCoast, options: ChangeOptions) -> tuple[float, float] | None:
    """Read how high the tide stood on both dates; a model is asked in the middle of what they have in common.

    Args:
        old: Earlier date.
        new: Later date.
        options: Name the table or the model.

    Returns:
        Metres, old and new; ``None`` where neither is named.

    Raises:
        ChangeError: A date states no time, or the table says nothing of it.
        TideError: The table or the model cannot be read.
        MissingExtraError: pyTMD is not installed.
    """
    if options.tides is None and options.tide_model is None:
        return None
    moments = [old.acquired, new.acquired]
    for what, coast in (("old", old), ("new", new)):
        if coast.acquired is None:
            raise ChangeError(f"The {what} date ({coast.id}) states no time of sensing: no tide can be told of it.")
    heights: Floats
    if options.tides is not None:
        heights = read_tide_heights(options.tides, moments)
    else:
        lon, lat = _find_middle(old, new)
        heights = compute_model_heights(str(options.tide_model), options.require_folder(), moments, lon=lon, lat=lat)
    for coast, height in zip((old, new), heights, strict=True):
        if np.isnan(height):
            raise ChangeError(
                f"{options.tides} says nothing of {coast.time}, when {coast.id} was sensed: expected rows at most 70 "
                "minutes apart around it, or one within 10 minutes. Add that time."
            )
    return round(float(heights[0]), 4), round(float(heights[1]), 4)


def _find_middle(old: DatedCoast, new: DatedCoast) -> tuple[float, float]:
    plane = resolve_plane(old)
    box = resolve_extents(old, new, plane)[0]
    middle = np.array([[(box.left + box.right) / 2, (box.bottom + box.top) / 2]])
    lon, lat = plane.compute_degrees(middle)[0]
    return float(lon), float(lat)
