"""Where a STAC item says otherwise than its files: the files count, and the doubt is told.

Items are made apart from their files, and at times for another product: a shape or transform of another band, a
footprint that is the whole square though half of it is empty.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import shapely
from rasterio.errors import RasterioError
from rasterio.warp import transform_geom
from shapely.errors import ShapelyError

from tiles.grid import Grid
from tiles.products.copies import contradict_grid, read_item_footprint

__all__ = ["doubt_footprint", "doubt_grids"]

_FAR_OFF = 0.25
"""Of the ground: pixels are looked at here and there, and hosts draw footprints roughly."""


def doubt_grids(item: Mapping[str, Any], keys: Mapping[str, str], grids: Mapping[str, Grid]) -> Iterator[str]:
    """Hold what an item says of the ground against its files.

    Args:
        item: A STAC item.
        keys: Key of its asset, a band.
        grids: Of the file, a band.

    Yields:
        A sentence, however many bands it is true of.
    """
    doubts = {name: contradict_grid(grid, item["assets"][keys[name]], item) for name, grid in grids.items()}
    wrong = {name: doubt for name, doubt in doubts.items() if doubt is not None}
    if wrong:
        name, doubt = next(iter(wrong.items()))
        others = f" (so it is for {', '.join(wrong)})" if len(wrong) > 1 else ""
        yield f"The item is wrong about the file of {name}: {doubt}{others}. The files count."


def doubt_footprint(item: Mapping[str, Any], grid: Grid, *, valid_share: float | None) -> Iterator[str]:
    """Hold the footprint of an item against the pixels that were looked at.

    Args:
        item: A STAC item.
        grid: Of the scene.
        valid_share: Share (0 to 1) of the pixels that have data; ``None``: not known.

    Yields:
        A sentence where they are far apart.
    """
    footprint = read_item_footprint(item)
    if valid_share is None or footprint is None or shapely.is_empty(footprint):
        return
    try:
        degrees = json.loads(shapely.to_geojson(footprint))
        there = shapely.make_valid(shapely.geometry.shape(transform_geom("EPSG:4326", grid.crs, degrees)))
        square = shapely.box(*grid.bounds)
        stated = float(shapely.intersection(there, square).area / square.area)
    except (RasterioError, ShapelyError, ValueError):
        return
    if abs(stated - valid_share) > _FAR_OFF:
        yield (
            f"The footprint of the item covers {stated:.0%} of the scene, but about {valid_share:.0%} of its pixels "
            "have data: the pixels count."
        )
