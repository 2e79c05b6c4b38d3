"""Where the tiles of a simulated coast lie: real names and lattices, a plane that keeps metres."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Geod

from tiles.errors import GridError
from tiles.grid import Grid
from tiles.mgrs import MgrsSquare
from tiles.simulate.coast.tiles import (
    CoastPlane,
    CoastTile,
    draw_meeting_place,
    get_transformer,
    make_plane,
    make_tiles,
)
from tiles.simulate.coast.view import compute_plane_positions, compute_plane_window

_SEEDS = st.integers(0, 10_000)


@settings(max_examples=12)
@given(seed=_SEEDS, extent=st.sampled_from([120, 300, 1000, 2400]))
def test_four_real_tiles_of_two_zones_share_the_middle_and_keep_ground_of_their_own(seed: int, extent: int) -> None:
    place = draw_meeting_place(seed)
    plane = make_plane(place, extent_px=extent)
    tiles = make_tiles(place, plane, overlap_px=None)
    assert [tile.square.zone for tile in tiles] == [place.zone, place.zone + 1] * 2
    assert len({tile.name for tile in tiles}) == 4
    for tile in tiles:
        corner_x, corner_y = tile.square.corner
        assert MgrsSquare.from_corner(crs=tile.square.crs, left=corner_x, top=corner_y) == tile.square
        bounds = tile.grid.bounds
        assert (bounds.left - corner_x) % 60 == (corner_y - bounds.top) % 60 == 0
        assert tile.grid.width % 6 == tile.grid.height % 6 == 0
        assert corner_x <= bounds.left < bounds.right <= corner_x + 109_800
        assert corner_y - 109_800 <= bounds.bottom < bounds.top <= corner_y
    middle, (near, far) = extent / 2, (2, extent - 2)
    points = np.array([(middle, middle), (near, near), (far, near), (near, far), (far, far)])
    inside = np.array([_contains(tile, plane, points) for tile in tiles])
    assert inside[:, 0].all()
    assert (inside[:, 1:] == np.eye(4, dtype=bool)).all()


def _contains(tile: CoastTile, plane: CoastPlane, points: np.ndarray) -> np.ndarray:
    xy = plane.to_metres(points)
    x, y = get_transformer(plane.crs.to_wkt(), tile.square.crs).transform(xy[:, 0], xy[:, 1])
    left, bottom, right, top = tile.grid.bounds
    return np.asarray((x >= left) & (x < right) & (y > bottom) & (y <= top))


@settings(max_examples=12)
@given(seed=_SEEDS)
def test_ten_metres_of_the_plane_are_ten_metres_on_the_ground(seed: int) -> None:
    place = draw_meeting_place(seed)
    plane = make_plane(place, extent_px=2400)
    corners = plane.to_metres(np.array([[0, 0], [2400, 0], [2400, 2400], [0, 2400], [1200, 1200]], dtype=float))
    to_degrees = get_transformer(plane.crs.to_wkt(), "EPSG:4326")
    for step in ((10.0, 0.0), (0.0, 10.0), (7.0, -7.0)):
        lon, lat = to_degrees.transform(corners[:, 0], corners[:, 1])
        lon_to, lat_to = to_degrees.transform(corners[:, 0] + step[0], corners[:, 1] + step[1])
        metres = Geod(ellps="WGS84").inv(lon, lat, lon_to, lat_to)[2]
        np.testing.assert_allclose(metres, np.hypot(*step), rtol=1e-4)


@settings(max_examples=12)
@given(seed=_SEEDS, step=st.sampled_from([1, 2, 6]), number=st.integers(0, 3))
def test_pixels_are_placed_on_the_plane_to_a_hundredth(seed: int, step: int, number: int) -> None:
    place = draw_meeting_place(seed)
    plane = make_plane(place, extent_px=2400)
    grid = make_tiles(place, plane, overlap_px=None)[number].grid
    coarse = Grid(crs=grid.crs, transform=grid.transform @ Affine.scale(step), width=150, height=90)
    rows, cols = compute_plane_positions(coarse, plane)
    x, y = np.meshgrid(
        coarse.transform.c + coarse.transform.a * (np.arange(150) + 0.5),
        coarse.transform.f + coarse.transform.e * (np.arange(90) + 0.5),
    )
    exact = get_transformer(grid.crs.to_wkt(), plane.crs.to_wkt()).transform(x, y)
    exact_cols, exact_rows = plane.to_pixels(*exact)
    assert np.abs(rows - exact_rows).max() < 0.01
    assert np.abs(cols - exact_cols).max() < 0.01
    if step == 1:
        window = compute_plane_window(coarse, plane)
        assert window.row_off % 6 == window.col_off % 6 == window.width % 6 == window.height % 6 == 0
        assert window.row_off + 60 <= exact_rows.min()
        assert exact_rows.max() <= window.row_stop - 60


def test_impossible_areas_are_refused() -> None:
    place = draw_meeting_place(1)
    with pytest.raises(GridError, match="120 to 10980"):
        make_plane(place, extent_px=60)
    plane = make_plane(place, extent_px=300)
    with pytest.raises(GridError, match="between 0 and the extent"):
        make_tiles(place, plane, overlap_px=300)


def test_the_same_seed_meets_at_the_same_place() -> None:
    places = [draw_meeting_place(seed) for seed in range(40)]
    assert places == [draw_meeting_place(seed) for seed in range(40)]
    assert len({place.zone for place in places}) > 10
    assert {place.north for place in places} == {True, False}
