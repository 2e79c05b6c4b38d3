"""Lengths and areas on the ellipsoid of a scene's CRS, for any CRS, across the antimeridian too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyproj

from pipeline.traced import Floats, Ints
from tiles.grid import Grid

__all__ = ["Ground"]

_LONGEST_PX = 16
"""Straight edges of the scene are no geodesics: longer ones are cut, so that areas follow the grid."""


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
    def _to_degrees(self) -> pyproj.Transformer:
        # The CRS's own latitudes: a change of datum has no place in a length.
        return pyproj.Transformer.from_crs(self.crs, self.crs.geodetic_crs or "EPSG:4326", always_xy=True)

    @cached_property
    def plane(self) -> pyproj.CRS:
        """A plane in metres around the grid's centre that keeps areas, and all but keeps lengths over one scene."""
        lon, lat = self.compute_degrees(np.array([[self.grid.width / 2, self.grid.height / 2]]))[0]
        geodetic = self.crs.geodetic_crs or pyproj.CRS.from_epsg(4326)
        ellipsoid = geodetic.ellipsoid
        size = f"+a={ellipsoid.semi_major_metre} +b={ellipsoid.semi_minor_metre}" if ellipsoid else "+ellps=WGS84"
        return pyproj.CRS.from_proj4(f"+proj=laea +lat_0={lat} +lon_0={lon} {size} +units=m")

    @cached_property
    def pixel_m(self) -> tuple[float, float]:
        """Width and height of the pixel in the middle of the grid, in metres."""
        x, y = self.grid.width / 2, self.grid.height / 2
        ends = self.compute_degrees(np.array([[x - 0.5, y], [x + 0.5, y], [x, y - 0.5], [x, y + 0.5]]))
        metres = self._geod.inv(*ends[0::2].T, *ends[1::2].T)[2]
        return float(metres[0]), float(metres[1])

    def compute_coordinates(self, xy: Floats) -> Floats:
        """(n, 2) coordinates in the grid's CRS from pixel coordinates."""
        t = self.grid.transform
        return xy * (t.a, t.e) + (t.c, t.f)

    def compute_degrees(self, xy: Floats) -> Floats:
        """(n, 2) longitude and latitude from pixel coordinates."""
        return np.stack(self._to_degrees.transform(*self.compute_coordinates(xy).T), axis=1)

    def compute_steps(self, xy: Floats) -> Floats:
        """(n - 1,) metres from each of (n, 2) pixel coordinates to the next."""
        metres = np.zeros(max(0, len(xy) - 1))
        for first in range(0, len(metres), _BATCH):
            degrees = self.compute_degrees(xy[first : first + _BATCH + 1])
            metres[first : first + _BATCH] = self._geod.inv(*degrees[:-1].T, *degrees[1:].T)[2]
        return metres

    def compute_ring_areas(self, xy: Floats, start: Ints) -> Floats:
        """Signed area of rings in square metres, positive where a ring turns to the left on a north-up map.

        Args:
            xy: (n, 2) pixel coordinates, ring after ring, the first vertex not repeated.
            start: (rings + 1,) where each ring begins, and the end.
        """
        areas = np.zeros(len(start) - 1)
        for first, last in _batches(start):
            part = start[first : last + 1]
            corners, begin = _cut_long_edges(xy[part[0] : part[-1]], part - part[0])
            lon, lat = self.compute_degrees(corners).T
            spans = zip(begin[:-1].tolist(), begin[1:].tolist(), strict=True)
            areas[first:last] = [self._geod.polygon_area_perimeter(lon[a:b], lat[a:b])[0] for a, b in spans]
        return areas


def _batches(start: Ints) -> Iterator[tuple[int, int]]:
    """First ring and the one after the last, for rings with about ``_BATCH`` vertices together."""
    first, count = 0, len(start) - 1
    while first < count:
        last = max(first + 1, int(np.searchsorted(start, start[first] + _BATCH, side="right")) - 1)
        yield first, last
        first = last


def _cut_long_edges(xy: Floats, start: Ints) -> tuple[Floats, Ints]:
    after = np.arange(1, len(xy) + 1)
    after[start[1:] - 1] = start[:-1]
    span = xy[after] - xy
    parts = np.maximum(1, np.ceil(np.abs(span).max(axis=1) / _LONGEST_PX)).astype(np.int64)
    before = np.concatenate(([0], np.cumsum(parts)))
    number = np.repeat(np.arange(len(xy)), parts)
    share = (np.arange(before[-1]) - before[number]) / parts[number]
    return xy[number] + span[number] * share[:, None], before[start]
