"""A grid of pixels on the ground, and windows into it.

Conventions, everywhere in the project: pixel (row 0, col 0) has its *outer* upper left corner at
``transform @ (0, 0)`` and its centre at ``transform @ (0.5, 0.5)`` (GDAL's ``PixelIsArea``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import rasterio.windows
from affine import Affine
from rasterio.coords import BoundingBox
from rasterio.crs import CRS

from tiles.errors import GridError

__all__ = ["Grid", "Window"]


@dataclass(frozen=True, slots=True)
class Window:
    """A rectangle of whole pixels: ``col_off, row_off, width, height``, as rasterio orders them."""

    col_off: int
    row_off: int
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise GridError(f"A window needs at least one pixel each way, found {self.width} x {self.height} (w x h).")

    @property
    def row_stop(self) -> int:
        """First row below the window."""
        return self.row_off + self.height

    @property
    def col_stop(self) -> int:
        """First column right of the window."""
        return self.col_off + self.width

    @property
    def shape(self) -> tuple[int, int]:
        """``(height, width)``, the shape of an array that fills the window."""
        return self.height, self.width

    def to_rasterio(self) -> rasterio.windows.Window:
        """The same window for ``dataset.read(window=...)``."""
        return rasterio.windows.Window(self.col_off, self.row_off, self.width, self.height)

    def slices(self, *, within: Window | None = None) -> tuple[slice, slice]:
        """Row and column slices of this window in an array that covers ``within`` (default: the grid from 0, 0)."""
        row_base, col_base = (within.row_off, within.col_off) if within else (0, 0)
        return (
            slice(self.row_off - row_base, self.row_stop - row_base),
            slice(self.col_off - col_base, self.col_stop - col_base),
        )

    def intersection(self, other: Window) -> Window | None:
        """The pixels in both windows, or ``None`` where there are none."""
        col_off, row_off = max(self.col_off, other.col_off), max(self.row_off, other.row_off)
        width = min(self.col_stop, other.col_stop) - col_off
        height = min(self.row_stop, other.row_stop) - row_off
        return Window(col_off, row_off, width, height) if width > 0 and height > 0 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Where the pixels of a raster lie.

    Attributes:
        crs: Coordinate reference system.
        transform: From (col, row) to CRS coordinates; north up (no rotation), ``a > 0 > e``.
        width: Columns.
        height: Rows.

    Raises:
        GridError: The grid is empty, rotated, south up or mirrored.
    """

    crs: CRS
    transform: Affine
    width: int
    height: int

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise GridError(f"A grid needs at least one pixel each way, found {self.width} x {self.height} (w x h).")
        t = self.transform
        if t.b != 0 or t.d != 0 or t.a <= 0 or t.e >= 0:
            raise GridError(
                f"Expected a north-up raster without rotation, found the transform {tuple(t)[:6]}. "
                "Warp it first (gdalwarp, or rio warp)."
            )

    @property
    def shape(self) -> tuple[int, int]:
        """``(height, width)``."""
        return self.height, self.width

    @property
    def resolution(self) -> tuple[float, float]:
        """Pixel size ``(x, y)`` in units of the CRS, both positive."""
        return self.transform.a, -self.transform.e

    @property
    def bounds(self) -> BoundingBox:
        """Outer edges ``(left, bottom, right, top)`` in the CRS."""
        left, top = self.transform @ (0, 0)
        right, bottom = self.transform @ (self.width, self.height)
        return BoundingBox(left, bottom, right, top)

    @property
    def window(self) -> Window:
        """The window that covers the whole grid."""
        return Window(0, 0, self.width, self.height)

    def crop(self, window: Window) -> Grid:
        """The grid of the pixels in ``window``, which may reach beyond this grid."""
        return Grid(
            crs=self.crs,
            transform=self.transform @ Affine.translation(window.col_off, window.row_off),
            width=window.width,
            height=window.height,
        )

    def compute_window(self, bounds: tuple[float, float, float, float]) -> Window | None:
        """The smallest window of whole pixels that covers ``bounds``, cut to this grid.

        Args:
            bounds: ``(left, bottom, right, top)`` in the CRS of the grid.

        Returns:
            The window, or ``None`` where the bounds do not touch the grid.
        """
        left, bottom, right, top = bounds
        col_start, row_start = ~self.transform @ (left, top)
        col_stop, row_stop = ~self.transform @ (right, bottom)
        # A bound that lies on a pixel edge, up to rounding, must not pull in one more pixel.
        col_off, row_off = math.floor(col_start + 1e-6), math.floor(row_start + 1e-6)
        width = math.ceil(col_stop - 1e-6) - col_off
        height = math.ceil(row_stop - 1e-6) - row_off
        if width < 1 or height < 1:
            return None
        return Window(col_off, row_off, width, height).intersection(self.window)
