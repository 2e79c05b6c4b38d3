"""Bring features to another CRS: by the best shift of datum that is here, edges where they were, cut at 180 degrees.

One operation serves all of a layer: PROJ would choose anew from place to place, and a line would step where it does.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.transformer import AreaOfInterest, TransformerGroup

from pipeline.errors import OptionError
from pipeline.lonlat import cut_at_antimeridian
from tiles.vector_edges import compute_period, cut_edges

if TYPE_CHECKING:
    import geopandas as gpd

__all__ = ["LON_LAT", "Placing", "measure_metre", "place_in_degrees", "plan_placing", "resolve_crs"]

Floats = NDArray[np.float64]
Shapes = NDArray[Any]

LON_LAT: Final = pyproj.CRS("OGC:CRS84")

_TOLERANCE_M: Final = 0.1
"""How far an edge may run from where it belongs."""

_SHORT_M: Final = 1000.0
"""Edges up to this stay as straight in whatever CRS: by some 2 cm times the tangent of the latitude."""

_LOOSE_M: Final = 1.0
"""A shift of datum is spoken of where it is no better than this; ETRS89 is by definition within a metre of WGS 84."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placing:
    """The way from one CRS to another.

    Attributes:
        src_crs: In which edges are straight.
        crs: In which features are wanted.
        operation: Between the two; ``None`` where they are one.
        note: What the user should know of the shift of datum; ``None``: nothing.
    """

    src_crs: pyproj.CRS
    crs: pyproj.CRS
    operation: pyproj.Transformer | None
    note: str | None = None

    def place(self, shapes: Shapes) -> Shapes:
        """Bring shapes there.

        Args:
            shapes: (n,) points, lines or polygons, together less than half the globe wide; long edges get vertices, so
                that they run where they ran, and short ones none.

        Returns:
            (n,) shapes; what crosses the end of the world is cut there into parts.
        """
        period = compute_period(self.crs)
        placed = shapes if self.operation is None else self._change(shapes, self.operation, period)
        return placed if period is None else cut_at_antimeridian(placed, half=period / 2)

    def _change(self, shapes: Shapes, operation: pyproj.Transformer, period: float | None) -> Shapes:
        first = shapely.get_coordinates(shapes)[:1]
        start = operation.transform(*first[0])[0] if len(first) else 0.0

        def change(xy: Floats) -> Floats:
            placed = np.stack(operation.transform(xy[:, 0], xy[:, 1]), axis=1)
            if period is not None:  # whole turns of the world bring each place next to the first
                placed[:, 0] -= period * np.round((placed[:, 0] - start) / period)
            return placed

        dense = shapes.copy()
        long = _have_long_edges(shapes, _SHORT_M * measure_metre(self.src_crs))
        if long.any():
            dense[long] = cut_edges(shapes[long], change, tolerance=_TOLERANCE_M * measure_metre(self.crs))
        return np.asarray(shapely.transform(dense, change), dtype=object)


def measure_metre(crs: pyproj.CRS) -> float:
    """A metre in units of a CRS, along a meridian.

    Args:
        crs: Projected, or of longitude and latitude.
    """
    factor = float(crs.axis_info[0].unit_conversion_factor)
    return 1 / (factor * 6371008.8) if crs.is_geographic else 1 / factor


def resolve_crs(text: str) -> str:
    """Check what a user names as CRS of vectors.

    Args:
        text: ``EPSG:3035``, ``ESRI:102001``, a name, or WKT that says which one it is.

    Returns:
        Its code, ``EPSG:3035``, by which every program knows it.

    Raises:
        OptionError: It is none, has no code, or is no CRS for maps.
    """
    try:
        crs = pyproj.CRS.from_user_input(text)
    except pyproj.exceptions.CRSError:
        raise OptionError(
            f"Expected a CRS such as EPSG:3035, found {text!r}: look for its code at epsg.org.", option="crs"
        ) from None
    code = crs.to_authority()
    if code is None or not (crs.is_projected or crs.is_geographic) or len(crs.axis_info) != 2:
        raise OptionError(
            f"Expected the code of a flat CRS such as EPSG:3035, found {text!r} ({crs.name}): other "
            "programs could not tell it.",
            option="crs",
        )
    return ":".join(code)


def plan_placing(src_crs: pyproj.CRS, crs: pyproj.CRS, bounds: tuple[float, float, float, float]) -> Placing:
    """Choose the way from one CRS to another for an area.

    Args:
        src_crs: Of the features.
        crs: In which they are wanted.
        bounds: (left, bottom, right, top) of the features in ``src_crs``; not finite where there are none.

    Raises:
        OptionError: There is no way there that is better than a guess.
    """
    if src_crs.equals(crs, ignore_axis_order=True):
        return Placing(src_crs=src_crs, crs=crs, operation=None)
    with warnings.catch_warnings():  # of grids that are not here: the note says so
        warnings.simplefilter("ignore", UserWarning)
        group = TransformerGroup(
            src_crs, crs, always_xy=True, area_of_interest=_find_area(src_crs, bounds), allow_ballpark=False
        )
    if not group.transformers:
        raise OptionError(
            f"Expected a CRS that is defined where the features lie, found {crs.name} for features in "
            f"{src_crs.name}: no shift of datum leads there. Choose another CRS.",
            option="crs",
        )
    operation = group.transformers[0]
    return Placing(src_crs=src_crs, crs=crs, operation=operation, note=_describe_shift(group, crs))


def place_in_degrees(features: gpd.GeoSeries) -> Shapes:
    """Bring features to longitude and latitude on WGS 84, as files want them that know no other CRS.

    Args:
        features: (n,) in any CRS.
    """
    crs = pyproj.CRS.from_user_input(features.crs)
    return plan_placing(crs, LON_LAT, tuple(features.total_bounds)).place(features.to_numpy())


def _describe_shift(group: TransformerGroup, crs: pyproj.CRS) -> str | None:
    accuracy = group.transformers[0].accuracy
    if accuracy <= _LOOSE_M:
        return None
    note = f"The shift of datum to {crs.name} is right to {accuracy:g} m"
    better = group.unavailable_operations[:1]
    if group.best_available or not better or not better[0].grids:
        return f"{note}."
    names = ", ".join(grid.short_name for grid in better[0].grids)
    return f"{note}; a better one needs the grid {names}, which is not here (pyproj sync --file {names})."


def _find_area(crs: pyproj.CRS, bounds: tuple[float, float, float, float]) -> AreaOfInterest | None:
    if not np.isfinite(bounds).all():
        return None
    degrees = pyproj.Transformer.from_crs(crs, LON_LAT, always_xy=True)
    west, south, east, north = degrees.transform_bounds(*bounds)
    return AreaOfInterest(west, south, east, north) if np.isfinite([west, south, east, north]).all() else None


def _have_long_edges(shapes: Shapes, length: float) -> NDArray[np.bool_]:
    """(n,) True where an edge is longer."""
    xy, owner = shapely.get_coordinates(shapes, return_index=True)
    # From one part to the next of a shape is no edge, but to take it for one costs little.
    far = (owner[1:] == owner[:-1]) & (np.hypot(*np.diff(xy, axis=0).T) > length)
    found = np.zeros(len(shapes), dtype=bool)
    found[owner[1:][far]] = True
    return found
