"""The area of interest: from what a user gives to a window of the scene's grid, and a mask within it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyproj
import rasterio.features
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from pipeline.boxes import parse_box
from tiles.errors import AreaOutsideSceneError, GridError
from tiles.grid import Grid, Window
from tiles.vector_edges import project_shapes
from tiles.vector_file import CROSSING_NOTE, read_layers

__all__ = ["Area", "resolve_area"]

_TOLERANCE_PX = 0.05
"""A side that is straight in degrees is a curve in UTM: how far from it one may be drawn."""

_Drawn = tuple[NDArray[Any], pyproj.CRS]
"""Polygons, and the CRS in which their edges are straight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """The part of a scene that is mapped.

    Attributes:
        window: Smallest window of whole pixels that covers it.
        outline: The area in the scene's CRS; pixels whose centre lies outside are left out. ``None``: the whole
            window is mapped.
        notes: What the user should be told of it, a sentence each.
    """

    window: Window
    outline: BaseGeometry | None = None
    notes: tuple[str, ...] = ()

    def compute_outside(self, window: Window, grid: Grid) -> NDArray[np.bool_] | None:
        """True for pixels of ``window`` that lie outside the area; ``None`` where none does."""
        if self.outline is None:
            return None
        cut = grid.crop(window)
        return np.asarray(
            rasterio.features.geometry_mask([self.outline], out_shape=cut.shape, transform=cut.transform), dtype=bool
        )


def resolve_area(text: str | None, grid: Grid) -> Area:
    """Decide which pixels a user means.

    An edge is straight in the CRS in which it is given, of a box in longitude and latitude. Pixels count whose centre
    lies within, of a box those too that it cuts where it lies along the grid.

    Args:
        text: ``W,S,E,N`` in degrees (a box that crosses the antimeridian has W > E), a vector file whose polygons, of
            all its layers, lie in any CRS, or ``None`` for the whole scene.
        grid: The scene's grid.

    Raises:
        GridError: The text is neither, or the file cannot be read or has no polygon.
        AreaOutsideSceneError: The area does not touch the scene.
    """
    if text is None:
        return Area(window=grid.window)
    box = parse_box(text, GridError)
    if box is not None:
        outline = _project(text, [_draw_box(*box)], grid)
        window = _cover(text, outline, grid)
        return Area(window=window, outline=None if _is_filled(outline, grid.crop(window)) else outline)
    layers = read_layers(text, kind="polygons", noun="area of interest", error_type=GridError)
    outline = _project(text, [(layer.shapes, layer.crs) for layer in layers], grid)
    notes = (CROSSING_NOTE,) if any(layer.crosses for layer in layers) else ()
    return Area(window=_cover(text, outline, grid), outline=outline, notes=notes)


def _draw_box(west: float, south: float, east: float, north: float) -> _Drawn:
    east += 360 if east < west else 0
    return np.array([shapely.box(west, south, east, north)], dtype=object), pyproj.CRS("OGC:CRS84")


def _project(text: str, drawn: Sequence[_Drawn], grid: Grid) -> BaseGeometry:
    """What of the area lies on the scene or close by, in the scene's CRS."""
    dst_crs, tolerance = pyproj.CRS.from_user_input(grid.crs), _TOLERANCE_PX * min(grid.resolution)
    try:
        parts = [
            project_shapes(shapes, crs, dst_crs, tolerance=tolerance, bounds=tuple(grid.bounds))
            for shapes, crs in drawn
        ]
    except pyproj.exceptions.ProjError as error:
        reason = " ".join(str(error).split())
        raise GridError(f"The area {text} cannot be brought to the scene's CRS {grid.crs} ({reason}).") from error
    outline: BaseGeometry = shapely.union_all(np.concatenate(parts))
    if outline.is_empty:
        raise _lies_outside(text, drawn, grid)
    return outline


def _cover(text: str, outline: BaseGeometry, grid: Grid) -> Window:
    window = grid.compute_window(outline.bounds)
    if window is None:
        crs = pyproj.CRS.from_user_input(grid.crs)
        raise _lies_outside(text, [(np.array([outline], dtype=object), crs)], grid)
    return window


def _is_filled(outline: BaseGeometry, grid: Grid) -> bool:
    """Whether an outline covers all of a grid but for parts of pixels along its edge."""
    grown = shapely.buffer(outline, max(grid.resolution), join_style="mitre")
    return bool(shapely.covers(grown, shapely.box(*grid.bounds)))


def _lies_outside(text: str, drawn: Sequence[_Drawn], grid: Grid) -> AreaOutsideSceneError:
    places = "; ".join(_describe(shapely.total_bounds(shapes), crs.name) for shapes, crs in drawn[:3])
    return AreaOutsideSceneError(
        f"The area {text} ({places}) does not touch the scene ({_describe(grid.bounds, str(grid.crs))})."
    )


def _describe(bounds: Sequence[float] | NDArray[np.float64], crs: str) -> str:
    sides = zip(("left", "bottom", "right", "top"), bounds, strict=True)
    return f"{', '.join(f'{name} {value:.6g}' for name, value in sides)}, {crs}"
