from __future__ import annotations

from pathlib import Path

import numpy as np
import pyogrio
import pytest
import shapely
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from tiles.grid import Grid
from tiles.simulate.product.swath import Swath, draw_swath
from tiles.simulate.product.truth import clip_line_to_swath, write_shoreline

_GRID = Grid(crs=CRS.from_epsg(32630), transform=Affine(10, 0, 300_000, 0, -10, 5_000_040), width=120, height=120)

points = st.lists(st.tuples(st.integers(0, 120), st.integers(0, 120)), min_size=3, max_size=12, unique=True)


def _half_plane(swath: Swath) -> shapely.Polygon:
    far = 1e5
    return shapely.Polygon(swath.clip_polygon([(-far, -far), (far, -far), (far, far), (-far, far)]))


@given(points, st.integers(0, 50), st.booleans())
def test_clipping_agrees_with_geos(corners: list[tuple[int, int]], seed: int, closed: bool) -> None:
    swath = draw_swath(seed=seed, size_m=1200)
    line = np.array(corners + corners[:1] * closed, float)
    parts = clip_line_to_swath(line, swath=swath, pixel_m=10.0)
    expected = shapely.intersection(shapely.LineString(line * 10), _half_plane(swath))
    # Lines that cross themselves are dissolved by GEOS, so lengths agree only where they do not.
    if shapely.LineString(line).is_simple:
        assert sum(shapely.LineString(part * 10).length for part in parts) == pytest.approx(expected.length, abs=1e-6)
    for part in parts:
        assert swath.compute_depth(part * 10).min() > -1e-6


def test_direction_is_kept_and_a_closed_line_is_cut_at_the_edge_alone() -> None:
    swath = Swath(edge_m=500.0, slope=0.0, side=1, shifts_m={"B02": 0.0})
    square = np.array([[20, 20], [20, 80], [80, 80], [80, 20], [20, 20]], float)
    (part,) = clip_line_to_swath(square, swath=swath, pixel_m=10.0)
    assert part.tolist() == [[50, 80], [80, 80], [80, 20], [50, 20]]


def test_lines_come_back_in_the_crs(tmp_path: Path) -> None:
    line = np.array([[0, 0], [60, 30], [120, 0]], float)
    ring = np.array([[10, 50], [20, 50], [20, 60], [10, 50]], float)
    assert write_shoreline(tmp_path / "shoreline.gpkg", [line, ring], grid=_GRID, swath=None) == 2
    frame = pyogrio.read_dataframe(tmp_path / "shoreline.gpkg", layer="shoreline")
    assert frame.crs.to_epsg() == 32630
    assert frame.geometry[0].equals(
        shapely.LineString([(300_000, 5_000_040), (300_600, 4_999_740), (301_200, 5_000_040)])
    )
    assert frame.closed.tolist() == [False, True]
    assert frame.length_m[1] == pytest.approx(200 + 100 * 2**0.5)


def test_a_scene_without_shore_has_an_empty_layer(tmp_path: Path) -> None:
    assert write_shoreline(tmp_path / "shoreline.gpkg", [], grid=_GRID, swath=None) == 0
    info = pyogrio.read_info(tmp_path / "shoreline.gpkg", layer="shoreline")
    assert info["features"] == 0
    assert info["geometry_type"] == "LineString"
