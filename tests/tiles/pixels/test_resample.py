"""Interpolation lies between pixel centres, and is the same whichever way columns are reached."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tiles.grid import Grid
from tiles.pixels.resample import AxisSampling, compute_sampling, interpolate

CRS = rasterio.CRS.from_epsg(32630)


def make_grid(resolution: float, size: int, *, origin: float = 0.0) -> Grid:
    transform = Affine(resolution, 0, 500000 + origin, 0, -resolution, 4000000 - origin)
    return Grid(crs=CRS, transform=transform, width=size, height=size)


def gather(values: NDArray[np.float32], rows: AxisSampling, cols: AxisSampling) -> NDArray[np.float32]:
    """The formula, pixel by pixel through index arrays."""
    above, below = values[rows.lower], values[rows.upper]
    mixed = above + (below - above) * rows.weight[:, None]
    left, right = mixed[:, cols.lower], mixed[:, cols.upper]
    answer: NDArray[np.float32] = left + (right - left) * cols.weight
    return answer


@given(
    st.sampled_from([10.0, 20.0, 60.0, 15.0, 25.0, 7.0]),
    st.integers(-130, 300),
    st.integers(1, 260),
    st.sampled_from([0.0, -30.0, 4.0]),
)
def test_slices_reach_what_numbers_reach(resolution: float, start: int, length: int, origin: float) -> None:
    fine, coarse = make_grid(10, 240), make_grid(resolution, round(2400 / resolution), origin=origin)
    values = np.random.default_rng(0).random(coarse.shape, dtype=np.float32)
    rows, cols = (compute_sampling(coarse, fine, start=start, stop=start + length, axis=axis) for axis in (0, 1))
    expected = gather(values, rows, cols)
    np.testing.assert_array_equal(interpolate(values, rows, cols), expected)
    out = np.full((length + 3, length), np.float32(9))
    interpolate(values, rows, cols, out=out[:length])
    np.testing.assert_array_equal(out[:length], expected)
    assert (out[length:] == 9).all()


@pytest.mark.parametrize("resolution", [20, 60])
def test_a_slope_stays_a_slope(resolution: int) -> None:
    fine, coarse = make_grid(10, 240), make_grid(resolution, 2400 // resolution)
    centres = (np.arange(coarse.width) + 0.5) * resolution
    values = np.broadcast_to(centres.astype(np.float32), coarse.shape)
    rows, cols = (compute_sampling(coarse, fine, start=60, stop=180, axis=axis) for axis in (0, 1))
    found = interpolate(np.ascontiguousarray(values), rows, cols)
    np.testing.assert_allclose(found, np.broadcast_to((np.arange(60, 180) + 0.5) * 10, found.shape), rtol=1e-6)
