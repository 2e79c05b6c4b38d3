"""Lengths and areas on the ellipsoid of a scene's CRS, for any CRS, across the antimeridian too."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyproj

from pipeline.trace.traced import Floats, Ints, find_batches
from tiles.grid import Grid
from tiles.pixel_size import compute_pixel_m

__all__ = ["Ground", "sum_by_line"]

_LONGEST_PX = 16
"""Straight edges of the grid are not straight elsewhere: longer ones are cut, so that areas follow the grid."""

_WIDEST_DEG = 180
"""Wider grids hold the place across the globe from their centre, where a plane around it ends: theirs is a cylinder."""

_BATCH = 1 << 18
"""Vertices that are projected together, so that memory does not grow with the coastline."""


@dataclass(frozen=True)
class Ground:
    """The ellipsoid under a grid of pixels.

    Attributes:
        grid: The scene's grid.
    """

    grid: Grid

    @cached_property
    def crs(self) -> pyproj.CRS:
        """The grid's CRS, as pyproj knows it."""
        return pyproj.CRS.from_user_input(self.grid.crs)

    @cached_property
    def _geod(self) -> pyproj.Geod:
        geod = self.crs.get_geod()
        return geod if geod is not None else pyproj.Geod(ellps="WGS84")

    @cached_property
    def _ellipsoid(self) -> str:
        geodetic = self.crs.geodetic_crs
        ellipsoid = geodetic.ellipsoid if geodetic else None
        return f"+a={ellipsoid.semi_major_metre} +b={ellipsoid.semi_minor_metre}" if ellipsoid else "+ellps=WGS84"

    @cached_property
    def _to_degrees(self) -> pyproj.Transformer:
        # The CRS's own latitudes, for a change of datum has no place in a length; but in degrees, from Greenwich.
        return pyproj.Transformer.from_crs(self.crs, f"+proj=longlat {self._ellipsoid}", always_xy=True)

    @cached_property
    def plane(self) -> pyproj.CRS:
        """A plane in metres around the grid's centre that keeps areas, and all but keeps lengths over one scene."""
        lon, lat = self.compute_degrees(np.array([[self.grid.width / 2, self.grid.height / 2]]))[0]
        is_around = self.crs.is_geographic and self.grid.width * abs(self.grid.transform.a) > _WIDEST_DEG
        kind = "+proj=cea" if is_around else f"+proj=laea +lat_0={lat}"
        return pyproj.CRS.from_proj4(f"{kind} +lon_0={lon} {self._ellipsoid} +units=m")

    @cached_property
    def to_plane(self) -> pyproj.Transformer:
        """From the grid's CRS to the plane; backwards with ``direction="INVERSE"``."""
        return pyproj.Transformer.from_crs(self.crs, self.plane, always_xy=True)

    @cached_property
    def pixel_m(self) -> tuple[float, float]:
        """Width and height of the pixel in the middle of the grid, in metres."""
        return compute_pixel_m(self.grid)

    def compute_coordinates(self, xy: Floats) -> Floats:
        """(n, 2) coordinates in the grid's CRS from pixel coordinates."""
        t = self.grid.transform
        return xy * (t.a, t.e) + (t.c, t.f)

    def compute_degrees(self, xy: Floats) -> Floats:
        """(n, 2) longitude and latitude from pixel coordinates."""
        return self._transform(self._to_degrees, xy)

    def compute_places(self, xy: Floats) -> Floats:
        """(n, 2) metres in ``plane`` from pixel coordinates."""
        return self._transform(self.to_plane, xy)

    def _transform(self, transformer: pyproj.Transformer, xy: Floats) -> Floats:
        places = np.empty((len(xy), 2))
        for first in range(0, len(xy), _BATCH):
            part = slice(first, first + _BATCH)
            places[part, 0], places[part, 1] = transformer.transform(*self.compute_coordinates(xy[part]).T)
        return places

    def compute_line_lengths(self, degrees: Floats, vertex: Ints, start: Ints) -> Floats:
        """Length of lines in metres.

        Args:
            degrees: (vertices, 2) longitude and latitude.
            vertex: Numbers of vertices, line after line.
            start: (lines + 1,) where each line begins in ``vertex``, and the end.
        """
        lengths = np.zeros(len(start) - 1)
        for first, last in find_batches(start, _BATCH):
            part = start[first : last + 1]
            lon, lat = np.take(degrees, vertex[part[0] : part[-1]], axis=0).T
            metres = self._geod.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])[2]
            lengths[first:last] = sum_by_line(metres, part - part[0])
        return lengths

    def compute_ring_areas(self, xy: Floats, vertex: Ints, start: Ints) -> Floats:
        """Signed area of rings in square metres, positive where a ring turns to the left on a north-up map.

        Args:
            xy: (vertices, 2) pixel coordinates.
            vertex: Numbers of vertices, ring after ring, the first one not repeated.
            start: (rings + 1,) where each ring begins in ``vertex``, and the end.
        """
        areas = np.zeros(len(start) - 1)
        for first, last in find_batches(start, _BATCH):
            part = start[first : last + 1]
            chosen, begin = vertex[part[0] : part[-1]], part - part[0]
            ring = np.take(xy, chosen, axis=0)
            before, corners = _cut_long_edges(ring, begin)
            if len(corners):
                ring = np.insert(ring, before, corners, axis=0)
                begin = begin + np.searchsorted(before, begin, side="right")
            ring = self.compute_places(ring)
            ring -= np.repeat(ring[begin[:-1]], np.diff(begin), axis=0)  # small numbers, of which no digit is lost
            x, y = ring.T  # from a ring's end to its first vertex, which is (0, 0) now, there is nothing to add
            areas[first:last] = sum_by_line(x[:-1] * y[1:] - x[1:] * y[:-1], begin) / 2
        return areas


def sum_by_line(values: Floats, start: Ints) -> Floats:
    """Sum over each line of values between its vertices.

    Args:
        values: One from each vertex to the next, those from the end of a line to the beginning of the next included.
        start: (lines + 1,) where each line begins among the vertices, and the end.
    """
    if len(start) == 1:
        return np.zeros(0)
    padded = np.append(values, 0.0)
    padded[start[1:] - 1] = 0
    return np.add.reduceat(padded, start[:-1])


def _cut_long_edges(xy: Floats, start: Ints) -> tuple[Ints, Floats]:
    """Where to insert corners into rings so that no edge is long, and their pixel coordinates."""
    span = np.empty_like(xy)
    span[:-1] = xy[1:] - xy[:-1]
    span[start[1:] - 1] = xy[start[:-1]] - xy[start[1:] - 1]
    long = np.flatnonzero((np.abs(span[:, 0]) > _LONGEST_PX) | (np.abs(span[:, 1]) > _LONGEST_PX))
    parts = np.ceil(np.abs(span[long]).max(axis=1) / _LONGEST_PX).astype(np.int64)
    edge = np.repeat(np.arange(len(long)), parts - 1)
    number = np.arange(len(edge)) - np.repeat(np.cumsum(parts - 1) - (parts - 1), parts - 1) + 1
    return long[edge] + 1, xy[long[edge]] + span[long[edge]] * (number / parts[edge])[:, None]
