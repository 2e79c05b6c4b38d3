"""Where four Sentinel-2 tiles of two UTM zones meet: their real names and grids, and a plane common to all.

The plane is a transverse Mercator projection on the meridian between the zones, of scale 1, so that 10 m of it are
10 m on the ground (to 3e-6 within 15 km of the meridian). Tiles overlap by 9.8 km within a zone; across zones by as
much as the squares reach beyond the meridian, so a latitude is looked for at which that is little.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.crs import CRS

from tiles.errors import GridError
from tiles.grid import Grid, Window
from tiles.mgrs import MgrsSquare
from tiles.simulate.product.acquisition import TILE_SIZE

__all__ = ["CoastPlane", "CoastTile", "MeetingPlace", "draw_meeting_place", "get_transformer", "make_plane"]
__all__ += ["make_tiles"]

Points = NDArray[np.float64]

PIXEL_M = 10
_SNAP_PX = 6  # whole pixels of 60 m
_SQUARE_M = 100_000.0
_OVERLAP_M = 9_800.0
_LATITUDES = (15.0, 56.0)  # beyond 56 N the zones of Norway are irregular
_REACH_M = (400.0, 3_000.0)  # how far a square of the eastern zone may reach west of the meridian
_WHOLE_OVERLAP_PX = 2_000  # an area this large holds the whole overlap, and ground beyond it on either side
_LEAST_EXTENT_PX = 120


@lru_cache(maxsize=64)
def get_transformer(src_crs: str, dst_crs: str) -> Transformer:
    """The exact transformation between two CRS (authority code or WKT), x before y; kept, as making one is slow."""
    return Transformer.from_crs(src_crs, dst_crs, always_xy=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingPlace:
    """Where the tiles of two rows and two UTM zones meet.

    Attributes:
        zone: The western UTM zone, 1 to 59; the other is the next.
        north: Whether it lies in the northern hemisphere.
        row: Northing, in units of 100 km with the false northing, of the line between the two rows of squares.
        column: Easting of the western squares' left edge in units of 100 km.
        lat: Latitude of the middle of the rows' overlap on the meridian between the zones, degrees.
        reach_m: How far the eastern zone's squares reach west of the meridian.
    """

    zone: int
    north: bool
    row: int
    column: int
    lat: float
    reach_m: float

    @property
    def lon(self) -> float:
        """Longitude of the meridian between the zones, degrees."""
        return self.zone * 6.0 - 180.0

    @property
    def squares(self) -> tuple[MgrsSquare, MgrsSquare, MgrsSquare, MgrsSquare]:
        """North-west, north-east, south-west, south-east."""
        west, east, north = (self.zone, self.column), (self.zone + 1, 9 - self.column), self.north
        nw, ne, sw, se = (
            MgrsSquare(zone=zone, north=north, column=column, row=row)
            for row in (self.row, self.row - 1)
            for zone, column in (west, east)
        )
        return nw, ne, sw, se


@cache
def _list_places(*, north: bool) -> tuple[MeetingPlace, ...]:
    """All rows at which the squares of two zones hardly overlap; the same for every pair of zones."""
    sign = 1 if north else -1
    lat = sign * np.arange(*_LATITUDES, 0.005)
    crs = "EPSG:32631" if north else "EPSG:32731"
    easting, northing = get_transformer("EPSG:4326", crs).transform(np.full_like(lat, 6.0), lat)
    order = np.argsort(northing)
    places = []
    for row in range(int(northing.min() // _SQUARE_M) + 2, int(northing.max() // _SQUARE_M)):
        middle = row * _SQUARE_M - _OVERLAP_M / 2
        across = float(np.interp(middle, northing[order], easting[order]))
        column = int(across // _SQUARE_M)
        reach = (column + 1) * _SQUARE_M - across
        if _REACH_M[0] <= reach <= _REACH_M[1]:
            where = float(np.interp(middle, northing[order], lat[order]))
            places.append(MeetingPlace(zone=31, north=north, row=row, column=column, lat=where, reach_m=reach))
    return tuple(places)


def draw_meeting_place(seed: int) -> MeetingPlace:
    """Choose a pair of zones and a row at which four tiles meet.

    Args:
        seed: The same seed gives the same place.
    """
    rng = random.Random(f"meeting place {seed}")  # noqa: S311  (a simulation, no secret)
    place = rng.choice([*_list_places(north=True), *_list_places(north=False)])
    return MeetingPlace(
        zone=rng.randrange(1, 60),
        north=place.north,
        row=place.row,
        column=place.column,
        lat=place.lat,
        reach_m=place.reach_m,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CoastPlane:
    """The plane on which the world lies.

    Attributes:
        crs: Transverse Mercator on the meridian between the zones; x is 0 on it.
        grid: The area of interest in pixels of 10 m; the world's pixel (0, 0) is its upper left one.
    """

    crs: CRS
    grid: Grid

    @property
    def wkt(self) -> str:
        """The CRS in full."""
        return str(self.crs.to_wkt())

    def to_pixels(self, x: Points, y: Points) -> tuple[Points, Points]:
        """From metres of the plane to columns and rows, edges at integers."""
        return (x - self.grid.transform.c) / PIXEL_M, (self.grid.transform.f - y) / PIXEL_M

    def to_metres(self, points: Points) -> Points:
        """From (n, 2) columns and rows to (n, 2) x and y."""
        return np.column_stack(
            [self.grid.transform.c + PIXEL_M * points[:, 0], self.grid.transform.f - PIXEL_M * points[:, 1]]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CoastTile:
    """One tile, cropped to the area.

    Attributes:
        square: What it is named after.
        grid: The crop at 10 m, on whole 60 m pixels of the tile's own lattice.
        crop: Where the crop lies in the tile's 10 m pixels.
    """

    square: MgrsSquare
    grid: Grid
    crop: Window

    @property
    def name(self) -> str:
        """MGRS tile such as ``33TVM``."""
        return self.square.tile_id

    def compute_outline(self, *, step_px: int = 60) -> Points:
        """The crop's outline (n, 2) in its CRS, closed, clockwise from the upper left, a point every ``step_px``."""
        width, height = self.grid.width, self.grid.height
        across, down = (np.arange(0.0, side, step_px) for side in (width, height))
        cols = np.concatenate([across, np.full(len(down), width), width - across, np.zeros(len(down)), [0.0]])
        rows = np.concatenate([np.zeros(len(across)), down, np.full(len(across), height), height - down, [0.0]])
        transform = self.grid.transform
        return np.column_stack([transform.c + transform.a * cols, transform.f + transform.e * rows])


def make_plane(place: MeetingPlace, *, extent_px: int) -> CoastPlane:
    """Lay the plane and the area of interest over a meeting place.

    Args:
        place: Where.
        extent_px: Side of the area in pixels of 10 m. From 2000 on its centre is that of the tiles' overlap, below
            the meridian runs through its middle.

    Raises:
        GridError: The area is too small to be cut into tiles, or too large for the four of them.
    """
    if not _LEAST_EXTENT_PX <= extent_px <= TILE_SIZE:
        raise GridError(f"A coast's extent is {_LEAST_EXTENT_PX} to {TILE_SIZE} pixels of 10 m, found {extent_px}.")
    centre_x = _OVERLAP_M / 2 if extent_px >= _WHOLE_OVERLAP_PX else 0.0
    crs = CRS.from_string(
        f"+proj=tmerc +lat_0={place.lat:.6f} +lon_0={place.lon:.0f} +k=1 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs"
    )
    half = extent_px * PIXEL_M / 2
    transform = Affine(PIXEL_M, 0, centre_x - half, 0, -PIXEL_M, half)
    return CoastPlane(crs=crs, grid=Grid(crs=crs, transform=transform, width=extent_px, height=extent_px))


def make_tiles(place: MeetingPlace, plane: CoastPlane, *, overlap_px: int | None) -> tuple[CoastTile, ...]:
    """Crop the four tiles to the area: each to its quarter, and what it shares with its neighbours.

    Args:
        place: Where they meet.
        plane: The area.
        overlap_px: How wide the ground is that neighbours share, at most; ``None``: as wide as their real tiles have
            it, or a third of an area that is too small for that.

    Raises:
        GridError: The overlap leaves no tile ground of its own.
    """
    extent = plane.grid.width
    if overlap_px is None:
        overlap_px = TILE_SIZE if extent >= _WHOLE_OVERLAP_PX else extent // 3
    elif not 0 < overlap_px < extent:
        raise GridError(f"An overlap lies between 0 and the extent of {extent} px, found {overlap_px}.")
    near, far = 0, min(extent, (extent + overlap_px) // 2)
    tiles = []
    for square, (east, south) in zip(place.squares, ((0, 0), (1, 0), (0, 1), (1, 1)), strict=True):
        cols = (extent - far, extent) if east else (near, far)
        rows = (extent - far, extent) if south else (near, far)
        tiles.append(_crop_tile(square, plane, Window(cols[0], rows[0], cols[1] - cols[0], rows[1] - rows[0])))
    return tuple(tiles)


def _crop_tile(square: MgrsSquare, plane: CoastPlane, part: Window) -> CoastTile:
    """The smallest window of whole 60 m pixels of a tile that covers a part of the plane, as far as the tile goes."""
    corner_x, corner_y = square.corner
    crs, side = CRS.from_string(square.crs), PIXEL_M * _SNAP_PX
    tile = Grid(
        crs=crs, transform=Affine(PIXEL_M, 0, corner_x, 0, -PIXEL_M, corner_y), width=TILE_SIZE, height=TILE_SIZE
    )
    coarse = Grid(
        crs=crs, transform=Affine(side, 0, corner_x, 0, -side, corner_y), width=TILE_SIZE // 6, height=TILE_SIZE // 6
    )
    transformer = get_transformer(plane.wkt, square.crs)
    left, bottom, right, top = plane.grid.crop(part).bounds
    window = coarse.compute_window(transformer.transform_bounds(left, bottom, right, top, densify_pts=51))
    if window is None:
        raise GridError(f"Tile {square.tile_id} does not reach the area. Choose a smaller extent.")
    crop = Window(*(value * _SNAP_PX for value in (window.col_off, window.row_off, window.width, window.height)))
    return CoastTile(square=square, grid=tile.crop(crop), crop=crop)
