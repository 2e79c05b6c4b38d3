"""The area of interest: from what a user gives to a window of the scene's grid, and a mask within it."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas
import numpy as np
import rasterio.features
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataSourceError
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from pipeline.boxes import parse_box
from tiles.errors import AreaOutsideSceneError, GridError
from tiles.grid import Grid, Window

__all__ = ["Area", "resolve_area"]

_POINTS_A_SIDE = 21
"""A side of a lon/lat box is a curve in UTM; this many points follow it to well under a pixel at scene size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """The part of a scene that is mapped.

    Attributes:
        window: Smallest window of whole pixels that covers it.
        outline: The area in the scene's CRS; pixels whose centre lies outside are left out. ``None``: the whole
            window is mapped.
    """

    window: Window
    outline: BaseGeometry | None = None

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

    Args:
        text: ``W,S,E,N`` in degrees (a box that crosses the antimeridian has W > E), a vector file with polygons in
            any CRS, or ``None`` for the whole scene.
        grid: The scene's grid.

    Raises:
        GridError: The text is neither, or the file cannot be read or has no polygon.
        AreaOutsideSceneError: The area does not touch the scene.
    """
    if text is None:
        return Area(window=grid.window)
    box = parse_box(text, GridError)
    outline = _project_box(box, grid) if box else _read_outline(text, grid)
    window = grid.compute_window(outline.bounds)
    if window is None:
        left, bottom, right, top = outline.bounds
        raise AreaOutsideSceneError(
            f"The area {text} (left {left:.6g}, bottom {bottom:.6g}, right {right:.6g}, top {top:.6g}) does not touch "
            f"the scene ({', '.join(f'{name} {v:.6g}' for name, v in grid.bounds._asdict().items())}, {grid.crs})."
        )
    return Area(window=window, outline=None if box else outline)


def _project_box(box: tuple[float, float, float, float], grid: Grid) -> BaseGeometry:
    west, south, east, north = box
    east += 360 if east < west else 0
    edge = shapely.segmentize(shapely.box(west, south, east, north), max(east - west, north - south) / _POINTS_A_SIDE)
    lon, lat = shapely.get_coordinates(edge).T
    x, y = Transformer.from_crs("EPSG:4326", grid.crs.to_wkt(), always_xy=True).transform(lon, lat)
    finite = np.isfinite(x) & np.isfinite(y)
    if not finite.any():
        raise AreaOutsideSceneError(f"The area {box} lies where the scene's CRS ({grid.crs}) is not defined.")
    return shapely.MultiPoint(np.column_stack([x[finite], y[finite]])).envelope


def _read_outline(text: str, grid: Grid) -> BaseGeometry:
    try:
        frame = geopandas.read_file(text)
    except (DataSourceError, OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise GridError(f"Cannot read the area of interest {text}: expected a vector file ({reason}).") from error
    if frame.crs is None:
        raise GridError(f"The area of interest {text} has no CRS: add one (ogr2ogr -a_srs EPSG:4326 ...).")
    polygons = frame.geometry[frame.geometry.geom_type.isin(["Polygon", "MultiPolygon"])]
    if polygons.empty:
        raise GridError(f"The area of interest {text} holds no polygon (found {len(frame)} features).")
    union: BaseGeometry = polygons.to_crs(grid.crs.to_wkt()).union_all()
    return union
