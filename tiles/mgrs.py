"""The tiling grid of Sentinel-2: which MGRS square a tile covers, and where its upper left corner lies.

A tile is named after the 100 km square of the Military Grid Reference System that it covers from the square's top
left corner, 109.8 km to the east and south. Its corner is snapped outwards to a multiple of 60 m, so that pixels of
10, 20 and 60 m share it; in the south the northing is counted from the equator for that.

Source: NGA.STND.0037_2.0.0_GRIDS (The Universal Grids and the Transverse Mercator and Polar Stereographic Map
Projections), section 3 and appendix B, for the letters; the corners follow the products themselves.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from rasterio.warp import transform

from tiles.errors import GridError

__all__ = ["MgrsSquare", "resolve_utm_zone"]

_COLUMN_LETTERS = ("STUVWXYZ", "ABCDEFGH", "JKLMNPQR")  # by zone % 3; 100 km columns 1 to 8
_ROW_LETTERS = "ABCDEFGHJKLMNPQRSTUV"  # repeats every 2000 km; even zones start at F
_BAND_LETTERS = "CDEFGHJKLMNPQRSTUVWX"  # 8 degrees each from 80 S, X reaches to 84 N
_SQUARE_M = 100_000
_SNAP_M = 60
_FALSE_NORTHING_M = 10_000_000


def resolve_utm_zone(crs: str) -> tuple[int, bool]:
    """Decide which UTM zone an authority code means.

    Args:
        crs: ``EPSG:32601`` to ``EPSG:32660`` (north) or ``EPSG:32701`` to ``EPSG:32760`` (south).

    Returns:
        The zone, 1 to 60, and whether it is the northern half.

    Raises:
        GridError: It is no UTM zone on WGS 84.
    """
    match = re.fullmatch(r"EPSG:32([67])(\d\d)", crs.strip().upper())
    zone = int(match[2]) if match else 0
    if match is None or not 1 <= zone <= 60:
        raise GridError(
            f"Expected a UTM zone on WGS 84 (EPSG:32601 to 32660 north, EPSG:32701 to 32760 south), found {crs!r}. "
            "Sentinel-2 tiles come in no other CRS."
        )
    return zone, match[1] == "6"


@dataclass(frozen=True, slots=True, kw_only=True)
class MgrsSquare:
    """One 100 km square of a UTM zone, and the Sentinel-2 tile that is named after it.

    Attributes:
        zone: UTM zone, 1 to 60.
        north: Whether it lies in the northern hemisphere.
        column: Easting of the left edge in units of 100 km, 1 to 8.
        row: Northing of the lower edge in units of 100 km, false northing included.

    Raises:
        GridError: The square lies outside the zone's lettering.
    """

    zone: int
    north: bool
    column: int
    row: int

    def __post_init__(self) -> None:
        if not (1 <= self.zone <= 60 and 1 <= self.column <= 8 and 0 <= self.row < 100):
            raise GridError(
                f"Expected a zone of 1 to 60, a column of 1 to 8 and a row of 0 to 99, "
                f"found zone {self.zone}, column {self.column}, row {self.row}."
            )

    @classmethod
    def from_corner(cls, *, crs: str, left: float, top: float) -> MgrsSquare:
        """The square whose tile has this upper left corner.

        Args:
            crs: UTM zone, ``EPSG:326xx`` or ``EPSG:327xx``.
            left: Easting of the outer edge in metres (ULX of the granule).
            top: Northing of the outer edge in metres (ULY of the granule).
        """
        zone, north = resolve_utm_zone(crs)
        return cls(zone=zone, north=north, column=round(left / _SQUARE_M), row=round(top / _SQUARE_M) - 1)

    @property
    def crs(self) -> str:
        """Authority code of the UTM zone."""
        return f"EPSG:{(32600 if self.north else 32700) + self.zone}"

    @property
    def corner(self) -> tuple[int, int]:
        """``(ULX, ULY)``: easting and northing of the tile's outer upper left corner in metres."""
        base = 0 if self.north else _FALSE_NORTHING_M
        top = (self.row + 1) * _SQUARE_M - base
        return math.floor(self.column * _SQUARE_M / _SNAP_M) * _SNAP_M, base + math.ceil(top / _SNAP_M) * _SNAP_M

    @property
    def centre(self) -> tuple[float, float]:
        """``(longitude, latitude)`` of the square's centre in degrees, EPSG:4326."""
        x, y = (self.column + 0.5) * _SQUARE_M, (self.row + 0.5) * _SQUARE_M
        (lon,), (lat,) = transform(self.crs, "EPSG:4326", [x], [y])[:2]
        return lon, lat

    @property
    def tile_id(self) -> str:
        """Name of the tile such as ``33TVM``: zone, latitude band, column and row letter."""
        band = min(math.floor((self.centre[1] + 80) / 8), len(_BAND_LETTERS) - 1)
        column = _COLUMN_LETTERS[self.zone % 3][self.column - 1]
        row = _ROW_LETTERS[(self.row + (5 if self.zone % 2 == 0 else 0)) % len(_ROW_LETTERS)]
        return f"{self.zone:02d}{_BAND_LETTERS[max(band, 0)]}{column}{row}"
