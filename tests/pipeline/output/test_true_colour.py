"""True colour: what is darker stays darker, sea and sand are both seen, and the small picture lies where it should."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rasterio.crs import CRS

from pipeline.output.true_colour import compute_stretch, write_true_colour
from tiles.grid import Grid

REFLECTANCE = hnp.arrays(np.float32, (3, 4, 5), elements=st.floats(-0.125, 1.5, width=32) | st.just(np.nan))


def shore() -> np.ndarray:
    """Sea in the upper two thirds, sand below, and a strip without data on the left."""
    rgb = np.empty((3, 60, 40))
    rgb[:, :40], rgb[:, 40:] = np.array([0.02, 0.03, 0.04])[:, None, None], np.array([0.35, 0.3, 0.25])[:, None, None]
    rgb[..., :8] = np.nan
    return rgb


@given(REFLECTANCE, hnp.arrays(bool, (4, 5)))
def test_the_stretch_keeps_the_order_of_brightness(rgb: np.ndarray, clear: np.ndarray) -> None:
    colours = compute_stretch(rgb, clear)
    known = np.isfinite(rgb).all(axis=0)
    assert (colours[~known] == 255).all()
    for band in range(3):
        order = np.argsort(rgb[band][known])
        assert (np.diff(colours[..., band][known][order].astype(int)) >= 0).all()


def test_dark_water_and_bright_sand_are_both_seen() -> None:
    colours = compute_stretch(shore(), np.ones((60, 40), bool))
    sea, sand = colours[10, 20].astype(int), colours[50, 20].astype(int)
    assert sea.max() > 20
    assert sand.max() > 180
    assert (sand - sea).min() > 100


def test_the_small_picture_lies_where_the_scene_does_and_masks_what_is_not_there(tmp_path: Path) -> None:
    grid = Grid(crs=CRS.from_epsg(32630), transform=Affine(100, 0, 6e5, 0, -100, 5.6e6), width=40, height=60)
    rgb, clear, path = shore(), np.ones((60, 40), bool), tmp_path / "truecolour.tif"
    write_true_colour(path, compute_stretch(rgb, clear), np.isfinite(rgb).all(axis=0), grid)
    with rasterio.open(path) as dataset:
        assert (dataset.crs, dataset.transform, dataset.shape) == (grid.crs, grid.transform, grid.shape)
        assert np.array_equal(dataset.dataset_mask() > 0, np.isfinite(rgb).all(axis=0))
        shown = np.moveaxis(dataset.read(), 0, -1).astype(int)
    wanted = compute_stretch(rgb, clear).astype(int)
    inner = np.s_[48:, 16:]  # JPEG blurs squares of 16 pixels that hold an edge
    assert np.abs(shown[inner] - wanted[inner]).max() <= 6
