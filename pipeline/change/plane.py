"""The plane in metres that two dates share, and the blocks of ground by which they are compared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray

from pipeline.change.options import ChangeError
from pipeline.change.source import DatedCoast
from pipeline.output.map_scale import format_position
from pipeline.trace.traced import Floats

__all__ = [
    "BLOCK_M",
    "Box",
    "Plane",
    "clip_polygons",
    "get_polygons",
    "list_blocks",
    "resolve_extents",
    "resolve_plane",
]

BLOCK_M: Final = 5120.0
"""Side of a block. A constant, so that the result does not depend on the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A rectangle of the plane, in metres."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def polygon(self) -> shapely.Polygon:
        """The same as a polygon."""
        return shapely.box(self.left, self.bottom, self.right, self.top)

    def grow(self, metres: float) -> Box:
        """The box and what lies within a distance of it."""
        return Box(
            left=self.left - metres, bottom=self.bottom - metres, right=self.right + metres, top=self.top + metres
        )

    def intersect(self, other: Box) -> Box | None:
        """What two boxes share; ``None`` where that has no area."""
        left, bottom = max(self.left, other.left), max(self.bottom, other.bottom)
        right, top = min(self.right, other.right), min(self.top, other.top)
        return Box(left=left, bottom=bottom, right=right, top=top) if left < right and bottom < top else None

    def holds(self, xy: Floats) -> NDArray[np.bool_]:
        """(n,) True for places inside; of two boxes side by side one holds a place on their common edge."""
        x, y = xy.T
        inside: NDArray[np.bool_] = (x >= self.left) & (x < self.right) & (y >= self.bottom) & (y < self.top)
        return inside


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """Where distances are measured.

    Attributes:
        crs: In metres.
        snap: Coordinates of overlaid polygons are multiples of this, which keeps overlays from failing.
    """

    crs: pyproj.CRS
    snap: float = 0.001

    def project(self, xy: Floats, crs: Any) -> Floats:  # noqa: ANN401 (any CRS that pyproj takes)
        """Bring (n, 2) coordinates from another CRS into the plane."""
        return _transform(xy, _text(crs), self.crs.to_wkt())

    def unproject(self, xy: Floats, crs: Any) -> Floats:  # noqa: ANN401
        """Bring (n, 2) coordinates of the plane into another CRS."""
        return _transform(xy, self.crs.to_wkt(), _text(crs))

    def compute_degrees(self, xy: Floats) -> Floats:
        """(n, 2) longitude and latitude, WGS 84."""
        return self.unproject(xy, "OGC:CRS84")

    def compute_areas(self, polygons: NDArray[Any]) -> Floats:
        """Area of (n,) polygons on the ellipsoid, in square metres, holes taken out."""
        geod = self.crs.get_geod() or pyproj.Geod(ellps="WGS84")
        # Long straight edges of the plane are no geodesics.
        lonlat = shapely.transform(shapely.segmentize(polygons, 500.0), self.compute_degrees)
        oriented = shapely.orient_polygons(lonlat)
        return np.array([geod.geometry_area_perimeter(polygon)[0] for polygon in oriented], dtype=np.float64)


def _text(crs: Any) -> str:  # noqa: ANN401
    return crs if isinstance(crs, str) else str(crs.to_wkt())


@lru_cache(maxsize=64)
def _transformer(src: str, dst: str) -> pyproj.Transformer | None:
    first, second = pyproj.CRS.from_user_input(src), pyproj.CRS.from_user_input(dst)
    return None if first == second else pyproj.Transformer.from_crs(first, second, always_xy=True)


def _transform(xy: Floats, src: str, dst: str) -> Floats:
    transformer = _transformer(src, dst)
    if transformer is None:
        return xy
    return np.stack(transformer.transform(*xy.T), axis=1) if len(xy) else xy


def clip_polygons(polygons: NDArray[Any], box: Box, plane: Plane) -> shapely.Geometry:
    """The union of (n,) polygons within a box, on the plane's snapping grid."""
    frame = box.polygon
    parts = polygons[shapely.intersects(polygons, frame)]
    clipped = shapely.intersection(shapely.make_valid(parts), frame, grid_size=plane.snap)
    return shapely.union_all(get_polygons(clipped), grid_size=plane.snap)


def get_polygons(geometry: Any) -> NDArray[Any]:  # noqa: ANN401 (one geometry, or an array of them)
    """(n,) polygons of geometries; points and lines in which overlays touch are left out."""
    parts = np.atleast_1d(shapely.get_parts(shapely.get_parts(geometry)))  # collections hold multipolygons
    return np.asarray(parts[shapely.get_type_id(parts) == shapely.GeometryType.POLYGON], dtype=object)


def resolve_plane(coast: DatedCoast) -> Plane:
    """Choose the plane: the date's own UTM zone, in which its grid stays square, else one of equal areas around it."""
    if coast.crs.utm_zone is not None:
        return Plane(crs=coast.crs)
    left, bottom, right, top = _list_bounds(coast)[0]
    middle = np.array([[(left + right) / 2, (bottom + top) / 2]])
    lon, lat = _transform(middle, coast.crs.to_wkt(), "OGC:CRS84")[0]
    return Plane(crs=_name_plane(lat, lon))


def _name_plane(lat: float, lon: float) -> pyproj.CRS:
    """A plane of equal areas, under a name by which a user knows it: others would show it as unknown."""
    plane = pyproj.CRS.from_proj4(f"+proj=laea +lat_0={lat:.4f} +lon_0={lon:.4f} +datum=WGS84 +units=m")
    named = plane.to_json_dict() | {"name": f"WGS 84 / Lambert azimuthal equal area at {lat:.4f}, {lon:.4f}"}
    return pyproj.CRS.from_json_dict(named | {"base_crs": pyproj.CRS("EPSG:4326").to_json_dict()})


def resolve_extents(old: DatedCoast, new: DatedCoast, plane: Plane) -> tuple[Box, ...]:
    """Find where both dates have rasters or vectors.

    Args:
        old: Earlier date.
        new: Later date.
        plane: Shared by both.

    Returns:
        Boxes, which may overlap.

    Raises:
        ChangeError: There is no such place.
    """
    first, second = _list_boxes(old, plane), _list_boxes(new, plane)
    shared = tuple(both for a in first for b in second if (both := a.intersect(b)) is not None)
    if not shared:
        raise ChangeError(
            f"{old.path} and {new.path} do not overlap: {_describe_place(old)} and {_describe_place(new)}. "
            "Give two dates of one place."
        )
    return shared


def list_blocks(extents: tuple[Box, ...]) -> tuple[Box, ...]:
    """The blocks, on one lattice of the plane, that meet any of the extents; each once, row by row from the south."""
    places: set[tuple[int, int]] = set()
    for extent in extents:
        rows = range(int(extent.bottom // BLOCK_M), int(-(-extent.top // BLOCK_M)))
        cols = range(int(extent.left // BLOCK_M), int(-(-extent.right // BLOCK_M)))
        places |= {(row, col) for row in rows for col in cols}
    return tuple(
        Box(left=col * BLOCK_M, bottom=row * BLOCK_M, right=(col + 1) * BLOCK_M, top=(row + 1) * BLOCK_M)
        for row, col in sorted(places)
    )


def _list_boxes(coast: DatedCoast, plane: Plane) -> list[Box]:
    boxes = []
    for bounds in _list_bounds(coast):
        ring = shapely.get_coordinates(shapely.segmentize(shapely.box(*bounds), (bounds[2] - bounds[0]) / 16))
        xy = plane.project(ring, coast.crs)
        if np.isfinite(xy).all():
            (left, bottom), (right, top) = xy.min(axis=0), xy.max(axis=0)
            boxes.append(Box(left=float(left), bottom=float(bottom), right=float(right), top=float(top)))
    return boxes


def _list_bounds(coast: DatedCoast) -> list[tuple[float, float, float, float]]:
    if coast.vectors is None:
        return [tuple(part.grid.bounds) for part in coast.parts]
    info = pyogrio.read_info(coast.vectors, layer=coast.layers[0], force_total_bounds=True)
    bounds = info["total_bounds"]  # none, or without end, where a layer is empty
    if bounds is None or not bounds[0] <= bounds[2]:
        raise ChangeError(f"{coast.vectors} holds no lines: there is nothing to compare.")
    return [tuple(bounds)]


def _describe_place(coast: DatedCoast) -> str:
    left, bottom, right, top = _list_bounds(coast)[0]
    middle = np.array([[(left + right) / 2, (bottom + top) / 2]])
    lon, lat = _transform(middle, coast.crs.to_wkt(), "OGC:CRS84")[0]
    return f"around {format_position(lon, lat)}"
