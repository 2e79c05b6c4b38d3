"""The endless pixels that a mosaic is made on: one lattice for a CRS, cut into cells, and owned up to a meridian.

All Sentinel-2 tiles of a UTM zone lie on one lattice of 10 m pixels, whose corner is the CRS's origin. So their
mosaic is one raster, however they overlap. Where two zones meet, each owns the ground up to the meridian between
them; ``zone_seam`` sews what lies between their last pixels.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from affine import Affine
from pyproj import Transformer
from rasterio.crs import CRS

from pipeline.errors import MosaicError
from pipeline.trace.traced import Floats, Ints
from tiles.grid import Grid, Window

__all__ = ["CELL_PX", "Cell", "Lattice", "find_transformer", "parse_utm_zone"]

CELL_PX = 1024
"""Side of a cell in pixels: what one task computes, and one chunk of the store."""

_CLEARANCE_PX = 0.25
"""Pixels whose centre lies nearer to the meridian belong to neither zone, so that a seam has a width everywhere."""

_MERIDIAN_STEP = 0.002
"""Degrees of latitude between points of a meridian; the chord of 220 m is straight to a tenth of a millimetre."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Cell:
    """A square of a lattice: ``row`` and ``col`` count cells from the CRS's origin, down and to the right."""

    row: int
    col: int

    @property
    def window(self) -> Window:
        """Its pixels, counted from the CRS's origin."""
        return Window(self.col * CELL_PX, self.row * CELL_PX, CELL_PX, CELL_PX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lattice:
    """Pixels that fill a CRS: the outer upper left corner of pixel (row 0, col 0) is the origin.

    Attributes:
        name: Short name, safe as a file name: ``utm30``, ``EPSG_3035``.
        crs: Coordinate reference system.
        resolution: Side of a pixel in the CRS's units.
        west: Meridian in degrees from which on it owns the ground; ``None``: no limit.
        east: Meridian up to which it owns the ground.

    Raises:
        MosaicError: The resolution is not positive.
    """

    name: str
    crs: CRS
    resolution: float
    west: float | None = None
    east: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.resolution < math.inf:
            raise MosaicError(f"Expected a pixel size above 0, found {self.resolution} in {self.name}.")

    @property
    def pixel_m(self) -> float:
        """Side of a pixel in metres; of a geographic CRS, along a meridian."""
        unit: float = self.crs.linear_units_factor[1] if self.crs.is_projected else 111_320.0
        return self.resolution * unit

    def compute_grid(self, window: Window) -> Grid:
        """The grid of a window of pixels, counted from the CRS's origin."""
        size = self.resolution
        transform = Affine(size, 0, window.col_off * size, 0, -size, -window.row_off * size)
        return Grid(crs=self.crs, transform=transform, width=window.width, height=window.height)

    def find_cells(self, bounds: tuple[float, float, float, float]) -> list[Cell]:
        """The cells that touch a box (left, bottom, right, top) in the lattice's CRS."""
        left, bottom, right, top = (value / (self.resolution * CELL_PX) for value in bounds)
        rows = range(math.floor(-top + 1e-9), math.ceil(-bottom - 1e-9))
        cols = range(math.floor(left + 1e-9), math.ceil(right - 1e-9))
        return [Cell(row=row, col=col) for row in rows for col in cols]

    def resolve_offset(self, grid: Grid) -> tuple[int, int] | None:
        """Where a grid lies on the lattice, if its pixels are the lattice's own.

        The two hemispheres of a UTM zone are one lattice: their northings differ by 10 000 km.

        Args:
            grid: Of a scene.

        Returns:
            ``(row, col)`` of its first pixel, or ``None`` where it has to be warped.
        """
        shift = _compute_northing_shift(grid.crs, self.crs)
        if shift is None:
            return None
        size = self.resolution
        places = (-(grid.transform.f + shift) / size, grid.transform.c / size)
        whole = tuple(round(place) for place in places)
        same_size = all(abs(side - size) < 1e-9 * size for side in grid.resolution)
        lies_on = all(abs(place - number) < 1e-3 for place, number in zip(places, whole, strict=True))
        return (whole[0], whole[1]) if same_size and lies_on else None

    def compute_limits(self, rows: range) -> tuple[Ints, Ints]:
        """The columns of pixel centres between which each row of marching squares is owned.

        A square of row ``r`` lies between the pixel centres of rows ``r`` and ``r + 1``; it is owned where all four
        lie on the near side of the meridians.

        Args:
            rows: Rows of squares.

        Returns:
            (rows,) first and last column of pixel centres; without a limit far beyond any column.
        """
        far = np.iinfo(np.int32).max
        if len(rows) == 0:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        nodes = np.arange(rows.start, rows.stop + 1)
        first, last = np.full(len(nodes), -far, np.int64), np.full(len(nodes), far, np.int64)
        if self.west is not None:
            first = np.ceil(self._compute_meridian(self.west, nodes) + _CLEARANCE_PX).astype(np.int64)
        if self.east is not None:
            last = np.floor(self._compute_meridian(self.east, nodes) - _CLEARANCE_PX).astype(np.int64)
        return np.maximum(first[:-1], first[1:]), np.minimum(last[:-1], last[1:])

    def _compute_meridian(self, lon: float, rows: Ints) -> Floats:
        """(rows,) where a meridian crosses rows of pixel centres, in columns of pixel centres."""
        y = -(rows + 0.5) * self.resolution
        to_degrees = find_transformer(self.crs.to_wkt(), "OGC:CRS84")
        middle = to_degrees.transform([500_000.0] * 2, [y.max(), y.min()])[1]
        step = _MERIDIAN_STEP
        # Points at fixed latitudes, whatever the rows, so that the column of a row never changes.
        knots = np.arange(math.floor((min(middle) - 1) / step), math.ceil((max(middle) + 1) / step) + 1)
        lat = (knots * step).clip(-89.9, 89.9)
        to_plane = find_transformer("OGC:CRS84", self.crs.to_wkt())
        x_line, y_line = to_plane.transform(np.full(len(lat), lon), lat)
        crossed: Floats = np.interp(y, y_line, x_line) / self.resolution - 0.5
        return crossed


@lru_cache(maxsize=256)
def find_transformer(src: str, dst: str) -> Transformer:
    """A transformation between two CRS, x before y; making one takes longer than many of its uses.

    Args:
        src: CRS as text.
        dst: CRS as text.
    """
    return Transformer.from_crs(src, dst, always_xy=True)


def parse_utm_zone(crs: CRS) -> tuple[int, bool] | None:
    """UTM zone (1 to 60) on WGS 84, and whether it is the northern half; ``None`` for any other CRS."""
    match = re.fullmatch(r"EPSG:32([67])(\d\d)", ":".join(crs.to_authority() or ("", "")))
    return (int(match[2]), match[1] == "6") if match and 1 <= int(match[2]) <= 60 else None


def _compute_northing_shift(src: CRS, dst: CRS) -> float | None:
    """What to add to a northing of one CRS to have that of another; ``None`` where they differ in more than that."""
    if src == dst:
        return 0.0
    from_zone, to_zone = parse_utm_zone(src), parse_utm_zone(dst)
    if from_zone is None or to_zone is None or from_zone[0] != to_zone[0]:
        return None
    return 10_000_000.0 if from_zone[1] else -10_000_000.0
