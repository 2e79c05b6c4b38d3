"""Polygons as cells: the same cells as GDAL's rasterizer draws."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from rasterio.features import rasterize

from pipeline.trace.coarse import CoarseGrid, fill_polygons, fill_rings
from pipeline.trace.contour import ContourTracer
from pipeline.trace.ellipsoid import Ground
from pipeline.trace.simplify import build_polygons
from tiles.grid import Grid


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 6))
@settings(deadline=None, max_examples=25)
def test_a_cell_belongs_to_the_polygon_around_its_centre(seed: int, across: int, down: int) -> None:
    rng = np.random.default_rng(seed)
    field = np.kron(rng.random((8, 8)), np.ones((8, 8))) * 0.6 + 0.4 * rng.random((64, 64))
    state = (rng.random((64, 64)) < 0.01).astype(np.uint8)
    tracer = ContourTracer(width=64, height=64)
    tracer.add_strip(field.astype(np.float32), state)
    traced = tracer.finish()
    coarse = CoarseGrid(factor=(across, down), shape=(-(-64 // down), -(-64 // across)), cell_m=50.0)
    row, col = np.indices(coarse.shape)
    centres = shapely.points(col + 0.5, row + 0.5)
    for rings in (traced.water, traced.land):
        polygons = build_polygons(rings, traced.xy / coarse.factor)
        clear = shapely.distance(centres, shapely.union_all(shapely.boundary(polygons))) > 1e-9  # the edge is anybody's
        value = rng.integers(1, 9, len(polygons))
        expected = rasterize(zip(polygons, value, strict=True), coarse.shape, dtype="int32")[clear]
        assert clear.mean() > 0.5
        assert (fill_rings(rings, value, traced.xy, coarse)[clear] == expected).all()
        assert (fill_polygons(build_polygons(rings, traced.xy), coarse)[clear] == (expected > 0)).all()
        part = CoarseGrid(
            factor=coarse.factor, shape=(coarse.shape[0] - 3, coarse.shape[1] - 2), cell_m=50.0, corner=(2, 3)
        )
        assert (fill_rings(rings, value, traced.xy, part) == fill_rings(rings, value, traced.xy, coarse)[3:, 2:]).all()
        value[value > 4] = 0
        assert (fill_rings(rings, value, traced.xy, coarse)[clear] == np.where(expected > 4, 0, expected)).all()


def test_polygons_reach_beyond_the_cells() -> None:
    coarse = CoarseGrid(factor=(1, 1), shape=(6, 8), cell_m=50.0)
    ring = shapely.box(-100, -50, 100, 70).difference(shapely.box(2, 1, 50, 3))
    drawn = fill_polygons(np.array([ring, shapely.Polygon()]), coarse)
    expected = np.ones((6, 8), dtype=bool)
    expected[1:3, 2:] = False
    assert (drawn == expected).all()
    assert not fill_polygons(np.array([shapely.box(20, 20, 30, 30)]), coarse).any()


@pytest.mark.parametrize(
    ("size", "factor", "shape"), [(10, (5, 5), (3, 2)), (20, (2, 2), (6, 5)), (60, (1, 1), (11, 9))]
)
def test_cells_are_some_fifty_metres(size: int, factor: tuple[int, int], shape: tuple[int, int]) -> None:
    grid = Grid(crs=CRS.from_epsg(32632), transform=Affine(size, 0, 5e5, 0, -size, 5e6), width=9, height=11)
    coarse = CoarseGrid.of(Ground(grid))
    assert (coarse.factor, coarse.shape) == (factor, shape)
    assert coarse.cell_m == pytest.approx(factor[0] * size, rel=1e-3)
