from __future__ import annotations

from itertools import product

import numpy as np
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from tiles.chips import CHIP_PX, list_chips
from tiles.grid import Grid, Window


def make_grid(width: int, height: int, *, left: float = 399_960.0, top: float = 5_600_040.0) -> Grid:
    return Grid(crs=CRS.from_epsg(32630), transform=Affine(10, 0, left, 0, -10, top), width=width, height=height)


@given(st.integers(1, 700), st.integers(1, 700), st.integers(0, 200), st.integers(0, 200))
def test_chips_of_a_small_grid_cover_each_pixel_once(width: int, height: int, east: int, south: int) -> None:
    grid = make_grid(width, height, left=399_960 + 10 * east, top=5_600_040 - 10 * south)
    seen = np.zeros(grid.shape, dtype=int)
    for chip in list_chips(grid):
        seen[chip.slices()] += 1
    assert (seen == 1).all()


@given(st.integers(0, 300), st.integers(0, 300))
def test_whole_chips_of_a_part_are_chips_of_the_whole(col: int, row: int) -> None:
    whole = make_grid(600, 600)
    part = whole.crop(Window(col, row, 300, 300))
    places = {(chip.col_off, chip.row_off) for chip in list_chips(whole)}
    inner = [chip for chip in list_chips(part) if chip.shape == (CHIP_PX, CHIP_PX)]
    assert len(inner) >= 9
    assert {(chip.col_off + col, chip.row_off + row) for chip in inner} <= places


def test_a_full_tile_keeps_one_chip_in_sixteen_and_a_part_of_it_has_them_too() -> None:
    whole = make_grid(10_980, 10_980)
    chips = list_chips(whole)
    assert 1_700 < len(chips) < 2_000
    assert sum(chip.width * chip.height for chip in chips) * 15 < 10_980**2
    corner = {(chip.col_off, chip.row_off) for chip in list_chips(whole.crop(Window(0, 0, 1_000, 1_000)))}
    wanted = {(chip.col_off, chip.row_off) for chip in chips if max(chip.col_off, chip.row_off) < 1_000}
    assert len(wanted) >= 16
    assert wanted <= corner


def test_chips_do_not_overlap() -> None:
    chips = list_chips(make_grid(4_000, 3_000))
    rows, cols = ({getattr(chip, name) for chip in chips} for name in ("row_off", "col_off"))
    assert len(chips) == len(set(product(rows, cols)))


@given(st.integers(0, 699), st.integers(0, 699), st.integers(1, 300), st.integers(1, 300))
def test_chips_near_a_window_are_those_that_share_pixels_with_it(col: int, row: int, width: int, height: int) -> None:
    grid, window = make_grid(4_000, 700, left=399_970), Window(col, row, width, height)
    assert list_chips(grid, near=window) == tuple(chip for chip in list_chips(grid) if chip.intersection(window))
