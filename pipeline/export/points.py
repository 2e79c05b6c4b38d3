"""Points along lines, a distance apart: what profiles, samples and tables of a coast begin with."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from pipeline.output.fields import Field, Layer

__all__ = ["POINTS", "build_points", "make_point_layer"]

Floats = NDArray[np.float64]

POINTS: Final = "points"
"""Name of the layer."""

_OF_WHOLE_LINES = frozenset({"id", "line", "closed", "length_m", "area_m2", "start_reason", "end_reason"})
"""Fields that a point of a line has no use for."""

_OWN = (
    Field(name="id", short="id", type="int", meaning="Number of the feature within its layer."),
    Field(name="line", short="line", type="int", meaning="Number (id) of the feature of the coastline."),
    Field(name="along_m", short="along_m", type="real", unit="m", meaning="Way along that line from its start."),
    Field(name="lon", short="lon", type="real", unit="degrees", meaning="Longitude on WGS 84."),
    Field(name="lat", short="lat", type="real", unit="degrees", meaning="Latitude on WGS 84."),
)


def make_point_layer(coastline: Layer) -> Layer:
    """The layer of points along the lines of a layer: each says what its line says.

    Args:
        coastline: The layer of lines.
    """
    said = tuple(field for field in coastline.fields if field.name not in _OF_WHOLE_LINES)
    return replace(
        coastline,
        name=POINTS,
        title="Points along the coastline",
        geometry="Point",
        meaning="Points along the coastline, equally far apart on the ellipsoid; each says what its line says.",
        fields=(*_OWN, *said),
        style=POINTS,
    )


def build_points(lines: gpd.GeoDataFrame, every_m: float) -> gpd.GeoDataFrame:
    """Place points along lines.

    Args:
        lines: With ``id``, in any CRS.
        every_m: Metres from one to the next; the first is at a line's start, and none where a closed line ends.

    Returns:
        Points in order of the lines, with the fields of ``make_point_layer``.
    """
    xy, owner = shapely.get_coordinates(lines.geometry.to_numpy(), return_index=True)
    lon, lat = _to_degrees(lines.crs).transform(xy[:, 0], xy[:, 1])
    geod = pyproj.CRS.from_user_input(lines.crs).get_geod() or pyproj.Geod(ellps="WGS84")
    steps = np.zeros(len(xy))
    steps[1:] = geod.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])[2]
    parts = shapely.get_num_coordinates(shapely.get_parts(lines.geometry.to_numpy()))
    steps[np.concatenate(([0], np.cumsum(parts)))[:-1]] = 0  # from one part or line to the next
    way = np.cumsum(steps)
    numbers = np.arange(len(lines))
    first, last = np.searchsorted(owner, numbers), np.searchsorted(owner, numbers, side="right") - 1
    length = way[last] - way[first]
    count = np.floor(length / every_m).astype(np.int64) + 1
    is_closed = (xy[first] == xy[last]).all(axis=1)
    count -= is_closed & ((count - 1) * every_m >= length) & (count > 1)
    line = np.repeat(numbers, count)
    along = (np.arange(len(line)) - np.repeat(np.cumsum(count) - count, count)) * every_m
    # The edge on which each lies, and how far along it.
    end = np.clip(np.searchsorted(way, way[first[line]] + along, side="left"), first[line] + 1, last[line])
    share = np.clip((way[first[line]] + along - way[end - 1]) / np.maximum(steps[end], 1e-9), 0, 1)[:, None]
    places = xy[end - 1] * (1 - share) + xy[end] * share
    degrees = _to_degrees(lines.crs).transform(*places.T)
    columns = lines.drop(columns=[lines.geometry.name, "id", "line"], errors="ignore").iloc[line].reset_index(drop=True)
    own = {"line": lines["id"].to_numpy()[line], "along_m": along, "lon": degrees[0], "lat": degrees[1]}
    return gpd.GeoDataFrame(
        columns.assign(id=np.arange(1, len(line) + 1), **own), geometry=shapely.points(places), crs=lines.crs
    )


def _to_degrees(crs: object) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
