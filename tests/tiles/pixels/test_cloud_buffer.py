"""Clouds grow by a distance, from patches alone, the same in any window that has the margin."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.crs import CRS

from tiles.errors import OptionError
from tiles.grid import Grid
from tiles.pixel_size import compute_pixel_m
from tiles.pixels.cloud_buffer import CORE_M, NO_BUFFER, CloudBuffer


def draw_square(shape: tuple[int, int], row: int, col: int, size: int) -> NDArray[np.bool_]:
    hidden = np.zeros(shape, dtype=bool)
    hidden[row : row + size, col : col + size] = True
    return hidden


def test_a_cloud_of_one_pixel_of_60_m_grows_to_a_disc() -> None:
    buffer = CloudBuffer(radius_m=120, width_m=60, height_m=60)
    grown = buffer.grow(draw_square((9, 9), 4, 4, 1))
    rows, cols = np.mgrid[:9, :9] - 4
    np.testing.assert_array_equal(grown, np.hypot(rows, cols) <= 2)


def test_pixels_that_are_not_square_grow_by_the_same_distance() -> None:
    buffer = CloudBuffer(radius_m=100, width_m=10, height_m=20)
    grown = buffer.grow(draw_square((41, 61), 17, 25, 6))
    assert np.flatnonzero(grown[20]).tolist() == list(range(15, 41))
    assert np.flatnonzero(grown[:, 28]).tolist() == list(range(12, 28))


@pytest.mark.parametrize("size_m", [10, 20])
def test_threads_and_specks_stay_and_do_not_grow(size_m: int) -> None:
    least = round(CORE_M / size_m)
    buffer = CloudBuffer(radius_m=100, width_m=size_m, height_m=size_m)
    speck = draw_square((40, 40), 10, 10, least - 1)
    thread = np.zeros((40, 40), dtype=bool)
    thread[20 : 20 + least - 1] = True  # surf along a beach
    for small in (speck, thread, speck | thread):
        np.testing.assert_array_equal(buffer.grow(small), small)
    patch = draw_square((40, 40), 10, 10, least)
    assert buffer.grow(patch).sum() > 4 * patch.sum()


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0, 130),
    st.sampled_from([(10.0, 10.0), (20.0, 20.0), (60.0, 60.0), (7.3, 11.9)]),
    st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 30), st.integers(1, 30)),
)
def test_a_window_with_its_margin_agrees_with_the_whole(
    seed: int, radius_m: float, pixel_m: tuple[float, float], part: tuple[int, int, int, int]
) -> None:
    rng = np.random.default_rng(seed)
    hidden = np.kron(rng.random((10, 10)) < 0.1, np.ones((6, 6))).astype(bool) | (rng.random((60, 60)) < 0.05)
    buffer = CloudBuffer(radius_m=radius_m, width_m=pixel_m[0], height_m=pixel_m[1])
    row, col, height, width = part
    rows, cols = buffer.margin
    top, left = max(0, row - rows), max(0, col - cols)
    cut = hidden[top : row + height + rows, left : col + width + cols]
    whole = buffer.grow(hidden)[row : row + height, col : col + width]
    np.testing.assert_array_equal(buffer.grow(cut)[row - top :, col - left :][:height, :width], whole)
    assert (whole | ~hidden[row : row + height, col : col + width]).all()


def test_the_distance_is_the_same_on_a_coarser_grid() -> None:
    crs = CRS.from_epsg(32630)
    fine = Grid(crs=crs, transform=Affine(10, 0, 300000, 0, -10, 4500000), width=600, height=600)
    coarse = Grid(crs=crs, transform=Affine(20, 0, 300000, 0, -20, 4500000), width=300, height=300)
    scaled = CloudBuffer.measure(fine, 100).scale(fine, coarse)
    assert (scaled.width_m, scaled.height_m) == pytest.approx((20, 20), rel=1e-3)
    assert scaled.radius_m == 100


@pytest.mark.parametrize("left", [100_000, 300_000, 450_000, 700_000])
def test_three_pixels_of_20_m_are_60_m_wherever_in_a_zone(left: float) -> None:
    grid = Grid(crs=CRS.from_epsg(32630), transform=Affine(20, 0, left, 0, -20, 4500000), width=100, height=100)
    grown = CloudBuffer.measure(grid, 60).grow(draw_square((31, 31), 14, 14, 3))
    assert np.flatnonzero(grown[15]).tolist() == list(range(11, 20))


@pytest.mark.parametrize(
    ("epsg", "transform", "expected"),
    [
        (32630, (10, 0, 500000, 0, -10, 4500000), (10 / 0.9996, 10 / 0.9996)),
        (3857, (10, 0, 0, 0, -10, 8399737.89), (5.02, 5.00)),  # at 60 degrees north, half of what the map says
        (4326, (1e-4, 0, 10, 0, -1e-4, 60), (5.58, 11.14)),
    ],
)
def test_pixels_are_measured_on_the_ground(
    epsg: int, transform: tuple[float, ...], expected: tuple[float, float]
) -> None:
    grid = Grid(crs=CRS.from_epsg(epsg), transform=Affine(*transform), width=2, height=2)
    assert compute_pixel_m(grid) == pytest.approx(expected, rel=5e-3)


def test_without_a_distance_nothing_grows_and_no_margin_is_read() -> None:
    hidden = draw_square((20, 20), 5, 5, 9)
    assert NO_BUFFER.grow(hidden) is hidden
    assert NO_BUFFER.margin == (0, 0)
    with pytest.raises(OptionError, match="0 m or more, found -1"):
        CloudBuffer(radius_m=-1)
