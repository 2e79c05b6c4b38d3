"""Windows against rasterio's, and grids that must refuse what would put pixels in the wrong place."""

from __future__ import annotations

import pytest
import rasterio.windows
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from tiles.errors import GridError
from tiles.grid import Grid, Window

UTM = CRS.from_epsg(32630)
GRID = Grid(crs=UTM, transform=Affine(10, 0, 300000, 0, -10, 4500000), width=40, height=30)
windows = st.builds(Window, st.integers(-20, 50), st.integers(-20, 50), st.integers(1, 40), st.integers(1, 40))


@given(windows, windows)
def test_intersection_is_rasterios(one: Window, other: Window) -> None:
    found = one.intersection(other)
    if not rasterio.windows.intersect(one.to_rasterio(), other.to_rasterio()):
        assert found is None
    else:
        expected = one.to_rasterio().intersection(other.to_rasterio())
        assert found is not None
        assert found.to_rasterio() == expected


@given(windows)
def test_the_window_of_a_crops_bounds_is_that_crop(window: Window) -> None:
    expected = window.intersection(GRID.window)
    assert GRID.compute_window(GRID.crop(window).bounds) == expected


def test_bounds_inside_pixels_grow_to_whole_pixels() -> None:
    assert GRID.compute_window((300011, 4499961, 300019, 4499989)) == Window(1, 1, 1, 3)
    assert GRID.compute_window((300010, 4499980, 300020, 4499990)) == Window(1, 1, 1, 1)
    assert GRID.compute_window((0, 0, 1, 1)) is None


@given(windows)
def test_bounds_of_a_crop_are_rasterios(window: Window) -> None:
    assert GRID.crop(window).bounds == pytest.approx(rasterio.windows.bounds(window.to_rasterio(), GRID.transform))


@pytest.mark.parametrize(
    "transform", [Affine(10, 1, 0, 0, -10, 0), Affine(10, 0, 0, 0, 10, 0), Affine(-10, 0, 0, 0, -10, 0)]
)
def test_rotated_mirrored_and_south_up_grids_are_refused(transform: Affine) -> None:
    with pytest.raises(GridError, match="north-up"):
        Grid(crs=UTM, transform=transform, width=2, height=2)


def test_empty_windows_and_grids_are_refused() -> None:
    with pytest.raises(GridError, match="0 x 5"):
        Window(0, 0, 0, 5)
    with pytest.raises(GridError, match="4 x 0"):
        Grid(crs=UTM, transform=GRID.transform, width=4, height=0)
