"""Where the features of a page lie: metres from the middle of what is shown, and the way from there to degrees."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from rasterio.warp import transform_bounds

__all__ = ["Box", "Plane", "merge_boxes", "resolve_plane"]

_DENSITY: Final = 21
_DEGREE: Final = 7
_MOST_STRETCH: Final = 0.02
"""A projection whose metres are longer or shorter than metres on the ground by more than this share is not kept."""


class Box(NamedTuple):
    """Bounds, in metres on the plane or in degrees."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def longest(self) -> float:
        """The longer side."""
        return max(self.right - self.left, self.top - self.bottom)


def merge_boxes(boxes: Iterable[Box]) -> Box:
    """Bounds of all."""
    values = np.array(list(boxes))
    return Box(*values[:, :2].min(axis=0).tolist(), *values[:, 2:].max(axis=0).tolist())


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """A plane in metres.

    Attributes:
        crs: Whose coordinates, less ``origin``, are those of the page.
        origin: In ``crs``; small numbers need fewer digits.
        box: What the page shows when it is opened, from ``origin``.
    """

    crs: pyproj.CRS
    origin: tuple[float, float]
    box: Box

    def place(self, geometries: NDArray[Any], crs: Any) -> NDArray[Any]:  # noqa: ANN401 (any CRS that pyproj takes)
        """Bring geometries from another CRS onto the plane."""
        return shapely.transform(geometries, lambda xy: self.project(xy, crs))

    def project(self, xy: NDArray[np.float64], crs: Any) -> NDArray[np.float64]:  # noqa: ANN401
        """Bring (n, 2) coordinates from another CRS onto the plane."""
        source = pyproj.CRS.from_user_input(crs)
        if source != self.crs:
            xy = np.column_stack(pyproj.Transformer.from_crs(source, self.crs, always_xy=True).transform(*xy.T))
        placed: NDArray[np.float64] = xy - np.array(self.origin, dtype=np.float64)
        return placed

    def bound(self, bounds: tuple[float, float, float, float], crs: Any) -> Box:  # noqa: ANN401
        """Bring bounds from another CRS onto the plane."""
        source = pyproj.CRS.from_user_input(crs)
        if source != self.crs:
            bounds = transform_bounds(source.to_wkt(), self.crs.to_wkt(), *bounds, densify_pts=_DENSITY)
        x, y = self.origin
        return Box(bounds[0] - x, bounds[1] - y, bounds[2] - x, bounds[3] - y)

    def fit_degrees(self) -> dict[str, Any]:
        """Polynomials that give longitude and latitude of any place of the box, for a page that knows no projections.

        Returns:
            ``scale`` (metres of one unit), ``powers`` of x and y, coefficients ``lon`` and ``lat``, and ``error``: the
            largest difference from the projection in degrees, over a grid in the box with a tenth beyond.
        """
        left, bottom, right, top = self.box
        middle = np.array([(left + right) / 2, (bottom + top) / 2])
        scale = 0.55 * max(self.box.longest, 1.0)
        unit = np.stack(np.meshgrid(*[np.cos(np.linspace(0, np.pi, _DENSITY))] * 2), axis=-1).reshape(-1, 2)
        to_degrees = pyproj.Transformer.from_crs(self.crs, "OGC:CRS84", always_xy=True)
        lon, lat = to_degrees.transform(*(unit * scale + middle + self.origin).T)
        lon0 = to_degrees.transform(*(middle + self.origin))[0]
        lon = lon - 360 * np.round((lon - lon0) / 360)
        powers = [(i, j) for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)]
        terms = np.column_stack([unit[:, 0] ** i * unit[:, 1] ** j for i, j in powers])
        known = np.isfinite(lon) & np.isfinite(lat)
        fits = [np.linalg.lstsq(terms[known], values[known], rcond=None)[0] for values in (lon, lat)]
        errors = [
            np.abs(terms[known] @ fit - values[known]).max() for fit, values in zip(fits, (lon, lat), strict=True)
        ]
        return {
            "middle": middle.tolist(),
            "scale": scale,
            "powers": powers,
            "lon": fits[0].tolist(),
            "lat": fits[1].tolist(),
            "error": float(max(errors)),
        }


def resolve_plane(crs: Any, bounds: tuple[float, float, float, float]) -> Plane:  # noqa: ANN401
    """The plane of a page: the CRS of what it shows where its metres are metres, else one around its middle.

    Args:
        crs: Of the bounds.
        bounds: Left, bottom, right, top of what is shown; in degrees, right may lie beyond 180.
    """
    source = pyproj.CRS.from_user_input(crs)
    left, bottom, right, top = bounds
    if _is_metric(source, ((left + right) / 2, (bottom + top) / 2)):
        middle = round((left + right) / 2), round((bottom + top) / 2)
        box = Box(left - middle[0], bottom - middle[1], right - middle[0], top - middle[1])
        return Plane(crs=source, origin=middle, box=box)
    to_degrees = pyproj.Transformer.from_crs(source, "OGC:CRS84", always_xy=True)
    lon, lat = to_degrees.transform((left + right) / 2, (bottom + top) / 2)
    around = pyproj.CRS(f"+proj=laea +lon_0={lon:.6f} +lat_0={lat:.6f} +datum=WGS84 +units=m")
    return Plane(
        crs=around, origin=(0, 0), box=Plane(crs=around, origin=(0, 0), box=Box(0, 0, 1, 1)).bound(bounds, crs)
    )


def _is_metric(crs: pyproj.CRS, middle: tuple[float, float]) -> bool:
    if not crs.is_projected or any(axis.unit_conversion_factor != 1 for axis in crs.axis_info[:2]):
        return False
    to_degrees = pyproj.Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
    x, y = middle
    lon, lat = to_degrees.transform([x - 50, x + 50, x, x], [y, y, y - 50, y + 50])
    if not np.isfinite([*lon, *lat]).all():
        return False
    geod = pyproj.Geod(ellps="WGS84")
    lengths = (geod.inv(lon[i], lat[i], lon[i + 1], lat[i + 1])[2] for i in (0, 2))
    return all(abs(length / 100 - 1) < _MOST_STRETCH for length in lengths)
