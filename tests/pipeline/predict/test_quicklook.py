"""The small picture of a scene: means of whatever tiles pass by, what is not known left out."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from pipeline.predict import quicklook
from pipeline.predict.quicklook import Quicklook
from tiles.grid import Grid, Window


def compute_means(values: np.ndarray, factor: int) -> np.ndarray:
    """The plain way: a loop over cells."""
    known = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    height, width = values.shape
    means = np.full((-(-height // factor), -(-width // factor)), np.nan)
    for row, col in np.ndindex(means.shape):
        cell = known[row * factor : (row + 1) * factor, col * factor : (col + 1) * factor]
        if np.isfinite(cell).any():
            means[row, col] = np.nanmean(cell)
    return means


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    tile=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    longest=st.integers(1, 70),
    unknown=st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    band_pixels=st.sampled_from([1, 100, 1 << 18]),
)
def test_tiles_of_any_size_give_the_mean_of_each_cell(
    size: tuple[int, int], tile: tuple[int, int], longest: int, unknown: float, band_pixels: int
) -> None:
    height, width = size
    grid = Grid(crs=CRS.from_epsg(32631), transform=Affine(10, 0, 0, 0, -10, 0), width=width, height=height)
    random = np.random.default_rng(height * 100 + width)
    values = random.random(size, dtype=np.float32)
    values[random.random(size) < unknown] = np.nan
    values[random.random(size) < unknown / 2] = np.inf
    look = Quicklook(grid, layers=2, longest=longest)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(quicklook, "_BAND_PIXELS", band_pixels)
        for row in range(0, height, tile[0]):
            for col in range(0, width, tile[1]):
                part = values[row : row + tile[0], col : col + tile[1]]
                look.add(Window(col, row, part.shape[1], part.shape[0]), part, layer=1)
    empty, means = look.compute()
    assert np.isnan(empty).all()
    np.testing.assert_allclose(means, compute_means(values, look.factor), rtol=1e-5)
