"""Which scenes share ground: the place of a sample must be the same wherever two scenes overlap."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from rasterio.coords import BoundingBox
from rasterio.warp import transform_bounds

from tiles.mgrs import MgrsSquare

__all__ = ["locate_tile", "merge_overlapping"]

_TILE_M = 109_800
_TILE_ID = re.compile(r"(\d{2})([A-Z])([A-Z])([A-Z])")


def merge_overlapping(bounds: Mapping[str, BoundingBox | None]) -> dict[str, str]:
    """Decide one place for all that overlap, directly or by way of others.

    Args:
        bounds: Name of each scene, and ``(left, bottom, right, top)`` in degrees (EPSG:4326); left is greater than
            right across the antimeridian. ``None`` where nobody knows: such a scene is a place of its own.

    Returns:
        The place of each name: the first name, in the order of the alphabet, among those that share ground.
    """
    place = {name: name for name in bounds}
    names = sorted(bounds)
    for index, name in enumerate(names):
        for other in names[:index]:
            one, two = bounds[name], bounds[other]
            if one is not None and two is not None and _boxes_overlap(one, two):
                keep, drop = sorted((place[name], place[other]))
                place = {key: keep if value == drop else value for key, value in place.items()}
    return place


def _boxes_overlap(one: BoundingBox, two: BoundingBox) -> bool:
    if one.bottom >= two.top or two.bottom >= one.top:
        return False
    return any(a < d and c < b for a, b in _split_longitudes(one) for c, d in _split_longitudes(two))


def _split_longitudes(box: BoundingBox) -> list[tuple[float, float]]:
    """Ranges of longitude, none of which crosses the antimeridian."""
    return [(box.left, box.right)] if box.left <= box.right else [(box.left, 180.0), (-180.0, box.right)]


@lru_cache(maxsize=1024)
def locate_tile(tile_id: str) -> BoundingBox | None:
    """Where a Sentinel-2 tile lies.

    Args:
        tile_id: MGRS tile without its T, such as ``33TVM``.

    Returns:
        ``(left, bottom, right, top)`` in degrees, all 109.8 km of it; ``None`` where there is no such tile.
    """
    match = _TILE_ID.fullmatch(tile_id)
    if match is None or not 1 <= int(match[1]) <= 60:
        return None
    north = match[2] >= "N"
    for row in range(100):
        for column in range(1, 9):
            square = MgrsSquare(zone=int(match[1]), north=north, column=column, row=row)
            if square.tile_id == tile_id:
                left, top = square.corner
                corners = (left, top - _TILE_M, left + _TILE_M, top)
                return BoundingBox(*transform_bounds(square.crs, "EPSG:4326", *corners))
    return None
