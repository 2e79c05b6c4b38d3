"""Lattices: pixels that fill a CRS, cells that fill the lattice, meridians that part it."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio.crs import CRS

from pipeline.errors import MosaicError
from pipeline.mosaic.lattice import CELL_PX, Lattice, parse_utm_zone
from tiles.grid import Grid

UTM30 = Lattice(name="utm30", crs=CRS.from_epsg(32630), resolution=10.0, west=-6.0, east=0.0)


def test_pixels_are_counted_from_the_origin_of_the_crs() -> None:
    (cell,) = UTM30.find_cells((500_000, 5_500_000, 500_010, 5_500_010))
    grid = UTM30.compute_grid(cell.window)
    assert grid.bounds.left <= 500_000 < grid.bounds.right
    assert grid.bounds.bottom <= 5_500_000 < grid.bounds.top
    assert grid.bounds.left % (10 * CELL_PX) == 0


@given(left=st.floats(1e5, 9e5), bottom=st.floats(-9e6, 9e6), width=st.floats(1, 50_000), height=st.floats(1, 50_000))
def test_cells_cover_a_box_and_all_touch_it(left: float, bottom: float, width: float, height: float) -> None:
    box = (left, bottom, left + width, bottom + height)
    bounds = [UTM30.compute_grid(cell.window).bounds for cell in UTM30.find_cells(box)]
    assert min(b.left for b in bounds) <= box[0] + 1e-3
    assert max(b.right for b in bounds) >= box[2] - 1e-3
    assert min(b.bottom for b in bounds) <= box[1] + 1e-3
    assert max(b.top for b in bounds) >= box[3] - 1e-3
    assert all(b.left < box[2] and b.right > box[0] and b.bottom < box[3] and b.top > box[1] for b in bounds)


def test_a_product_lies_on_the_lattice_of_its_zone_in_both_hemispheres() -> None:
    def make(epsg: int, left: float, top: float, size: float = 10.0) -> Grid:
        transform = Affine(size, 0, left, 0, -size, top)
        return Grid(crs=CRS.from_epsg(epsg), transform=transform, width=60, height=60)

    north = UTM30.resolve_offset(make(32630, 499_980, 60))
    south = UTM30.resolve_offset(make(32730, 499_980, 10_000_060))
    assert north == south == (-6, 49_998)
    assert UTM30.resolve_offset(make(32630, 499_985, 60)) is None
    assert UTM30.resolve_offset(make(32630, 499_980, 60, size=20.0)) is None
    assert UTM30.resolve_offset(make(32631, 499_980, 60)) is None


@given(row=st.integers(-700_000, 700_000))
def test_limits_lie_next_to_the_meridian_and_do_not_depend_on_what_else_is_asked(row: int) -> None:
    first, last = UTM30.compute_limits(range(row, row + 1))
    wide_first, wide_last = UTM30.compute_limits(range(row - 3000, row + 3000))
    assert (first[0], last[0]) == (wide_first[3000], wide_last[3000])
    to_degrees = Transformer.from_crs("EPSG:32630", "OGC:CRS84", always_xy=True)

    def lon(col: int, at: int) -> float:
        return float(to_degrees.transform((col + 0.5) * 10, -(at + 0.5) * 10)[0])

    assert max(lon(last[0], row), lon(last[0], row + 1)) < 0
    assert max(lon(last[0] + 2, row), lon(last[0] + 2, row + 1)) > 0
    assert min(lon(first[0], row), lon(first[0], row + 1)) > -6
    assert min(lon(first[0] - 2, row), lon(first[0] - 2, row + 1)) < -6


def test_without_neighbours_there_is_no_limit() -> None:
    alone = Lattice(name="utm30", crs=CRS.from_epsg(32630), resolution=10.0)
    first, last = alone.compute_limits(range(5))
    assert (first < -1e9).all()
    assert (last > 1e9).all()


def test_zones_are_read_from_the_crs_alone() -> None:
    assert parse_utm_zone(CRS.from_epsg(32601)) == (1, True)
    assert parse_utm_zone(CRS.from_epsg(32760)) == (60, False)
    assert parse_utm_zone(CRS.from_epsg(4326)) is None
    assert parse_utm_zone(CRS.from_epsg(32661)) is None


def test_a_pixel_has_a_size() -> None:
    with pytest.raises(MosaicError, match="pixel size above 0"):
        Lattice(name="x", crs=CRS.from_epsg(3035), resolution=0)
    assert np.isclose(Lattice(name="x", crs=CRS.from_epsg(3035), resolution=10).pixel_m, 10)
