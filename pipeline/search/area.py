"""The area of a search: from what a user gives to shapes in degrees that a host understands.

Hosts differ in what they make of a shape over the antimeridian, so each side of it is asked for by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from pipeline.boxes import parse_box
from pipeline.lonlat import cut_at_antimeridian, to_lonlat
from pipeline.search.errors import SearchError
from tiles.vector_file import CROSSING_NOTE, VectorLayer, read_layers

__all__ = ["SearchArea", "resolve_search_area", "unwrap"]

_NORTH, _SOUTH = 84.0, -80.0
"""Degrees: UTM, and with it the tiles of Sentinel-2, ends here."""

_MOST_VERTICES = 500
_POINT_RADIUS = 1e-4
"""Degrees, some 10 m: what makes an area of a point or a line."""

_STEPS = 200
"""Points along the longest side of an area in a projected CRS: its straight edges are curves in degrees."""

_BEYOND = f"Sentinel-2 is tiled in UTM, from {-_SOUTH:.0f}°S to {_NORTH:.0f}°N"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchArea:
    """Where to look.

    Attributes:
        text: As the user gave it.
        geometry: Polygons in degrees within ±180, cut at the antimeridian, valid.
        notes: What was changed about it, a sentence each.
    """

    text: str
    geometry: BaseGeometry
    notes: tuple[str, ...] = ()

    def compute_sides(self) -> tuple[BaseGeometry, ...]:
        """What to ask for: one geometry, or one on each side where the area comes up to the antimeridian from both.

        They have few vertices and hold the whole area, so what comes back is filtered by ``intersects`` once more.
        """
        parts = shapely.get_parts(self.geometry)
        bounds = shapely.bounds(parts)
        if not ((bounds[:, 0] <= -180).any() and (bounds[:, 2] >= 180).any()):
            return (_simplify_around(self.geometry),)
        west = bounds[:, 2] <= 0
        sides = [parts[~west], parts[west]]
        return tuple(_simplify_around(shapely.union_all(side)) for side in sides if len(side))

    def intersects(self, geometry: BaseGeometry) -> bool:
        """Whether a footprint touches the area.

        Args:
            geometry: In degrees; continuous where it crosses the antimeridian, as ``unwrap`` makes it.
        """
        return any(
            bool(shapely.intersects(self.geometry, translate(geometry, xoff=turn))) for turn in (-360.0, 0.0, 360.0)
        )


def resolve_search_area(text: str) -> SearchArea:
    """Decide where a user wants to look.

    Args:
        text: ``W,S,E,N`` in degrees (W > E crosses the antimeridian), or a vector file in any CRS, all its layers
            together; its lines and points count as what lies within some 10 m of them.

    Raises:
        SearchError: The text is neither, the file cannot be read or is empty, or the area lies where Sentinel-2 has
            no tiles: beyond 84°N or 80°S, or around a pole.
    """
    box = parse_box(text, SearchError)
    area = SearchArea(text=text, geometry=_draw_box(*box)) if box is not None else _read_area(text)
    return _keep_within_tiles(area)


def unwrap(geometry: BaseGeometry) -> BaseGeometry:
    """Bring a shape in degrees that crosses the antimeridian into one piece.

    Shapes that are cut there as RFC 7946 wants come together again; a ring that jumps from one end of the world to
    the other is taken to cross, as no scene is half the globe wide. The result may reach beyond 180 degrees.

    Args:
        geometry: A footprint, in degrees within ±180.
    """
    west, _, east, _ = geometry.bounds
    if geometry.is_empty or east - west <= 180:
        return geometry

    def turn(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([np.where(xy[:, 0] < 0, xy[:, 0] + 360, xy[:, 0]), xy[:, 1]])

    turned: BaseGeometry = shapely.make_valid(shapely.transform(geometry, turn))
    return shapely.union_all(shapely.get_parts(turned))


def _draw_box(west: float, south: float, east: float, north: float) -> BaseGeometry:
    """A box as polygons, cut where it crosses the antimeridian."""
    if east > west:
        return shapely.box(west, south, east, north)
    boxes = [shapely.box(w, south, e, north) for w, e in ((west, 180.0), (-180.0, east)) if w < e]
    return shapely.MultiPolygon(boxes)


def _read_area(text: str) -> SearchArea:
    layers = read_layers(text, kind="shapes", noun="area", error_type=SearchError)
    lonlat = np.concatenate([_to_degrees(layer, text) for layer in layers])
    flat = np.array([shape if shape.area else shape.buffer(_POINT_RADIUS) for shape in lonlat], dtype=object)
    cut = shapely.make_valid(cut_at_antimeridian(flat))
    notes = (CROSSING_NOTE,) if any(layer.crosses for layer in layers) else ()
    return SearchArea(text=text, geometry=shapely.union_all(cut), notes=notes)


def _to_degrees(layer: VectorLayer, text: str) -> NDArray[Any]:
    """(n,) shapes in longitude and latitude, continuous, edges where they were drawn."""
    axis, meridian = layer.crs.axis_info[0], layer.crs.prime_meridian
    is_plain = axis.unit_name == "degree" and (meridian is None or meridian.longitude == 0)
    return layer.shapes if layer.crs.is_geographic and is_plain else _project(layer.shapes, layer.crs, text)


def _project(parts: NDArray[Any], crs: CRS, text: str) -> NDArray[Any]:
    _refuse_poles(parts, crs, text)
    left, bottom, right, top = shapely.total_bounds(parts)
    dense = shapely.segmentize(parts, max(right - left, top - bottom, 1.0) / _STEPS)
    lonlat = np.array([to_lonlat(np.array([part], dtype=object), crs)[0] for part in dense], dtype=object)
    if not np.isfinite(shapely.get_coordinates(lonlat)).all():
        raise SearchError(
            f"The area {text} reaches beyond where its CRS ({crs.name}) is defined. Check its coordinates."
        )
    return lonlat


def _refuse_poles(parts: NDArray[Any], crs: CRS, text: str) -> None:
    try:
        transformer = Transformer.from_crs("OGC:CRS84", crs, always_xy=True)
        poles = [shapely.Point(transformer.transform(0.0, latitude)) for latitude in (90.0, -90.0)]
    except CRSError:  # pragma: no cover - a CRS that PROJ cannot reach fails at the areas themselves
        return
    finite = [pole for pole in poles if np.isfinite([pole.x, pole.y]).all()]
    if any(bool(shapely.intersects(part, pole)) for part in parts for pole in finite):
        raise SearchError(f"The area {text} goes around a pole: {_BEYOND}. Give an area that stays within.")


def _keep_within_tiles(area: SearchArea) -> SearchArea:
    _, south, _, north = area.geometry.bounds
    if south >= _SOUTH and north <= _NORTH:
        return area
    inside = shapely.intersection(area.geometry, shapely.box(-180, _SOUTH, 180, _NORTH))
    if inside.area == 0:
        raise SearchError(
            f"The area {area.text} (latitude {south:.6g} to {north:.6g}) lies too near a pole: {_BEYOND}. "
            "Give an area that reaches in there."
        )
    note = f"The area reaches to latitude {north if north > _NORTH else south:.6g}; {_BEYOND}: the rest was left out."
    return replace(area, geometry=inside, notes=(*area.notes, note))


def _simplify_around(geometry: BaseGeometry) -> BaseGeometry:
    """A shape of few vertices that holds the whole of another, within the world."""
    if shapely.get_num_coordinates(geometry) <= _MOST_VERTICES:
        return geometry
    world = shapely.box(-180, -90, 180, 90)
    for tolerance in (0.001, 0.01, 0.05, 0.2, 1.0):
        grown = shapely.simplify(shapely.buffer(geometry, tolerance, quad_segs=1), tolerance / 2)
        thin = shapely.intersection(grown, world)
        if shapely.get_num_coordinates(thin) <= _MOST_VERTICES and shapely.covers(thin, geometry):
            return thin
    return shapely.box(*geometry.bounds)
