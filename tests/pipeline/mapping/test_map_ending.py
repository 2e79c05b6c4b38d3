"""What is left to do once the last strip is mapped: in batches of any size, and in two threads, with one result."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from numpy.typing import NDArray
from pandas.testing import assert_frame_equal
from rasterio.crs import CRS

from pipeline.output.rasters import MapWriter
from pipeline.output.vectors import write_vectors
from pipeline.trace import coastline, ellipsoid, rings
from pipeline.trace.coastline import CoastlineLayers, CoastlineOptions, SceneContext, build_coastline
from pipeline.trace.contour import ContourTracer
from tiles.grid import Grid
from tiles.masks import NODATA, OBSCURED

SIZE = 160
GRID = Grid(crs=CRS.from_epsg(32630), transform=Affine(10, 0, 6e5, 0, -10, 1.9e6), width=SIZE, height=SIZE)
CONTEXT = SceneContext(scene="S2", acquired=datetime(2025, 6, 16, tzinfo=UTC), model="m 1", probability_rmse=0.1)


def make_scene() -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Ragged shores of all sizes, a cloud, and an edge of data that is straight for longer than an edge may be."""
    random = np.random.default_rng(4)
    coarse = np.kron(random.random((SIZE // 40, SIZE // 40)), np.ones((40, 40)))
    probability = (0.7 * coarse + 0.3 * random.random((SIZE, SIZE))).astype(np.float32)
    state = np.zeros((SIZE, SIZE), np.uint8)
    state[:, :31], state[60:90, 70:130] = NODATA, OBSCURED
    return probability, state


def trace_and_build(options: CoastlineOptions | None = None) -> CoastlineLayers:
    probability, state = make_scene()
    tracer = ContourTracer(width=SIZE, height=SIZE)
    tracer.add_strip(probability, state)
    return build_coastline(tracer.finish(), grid=GRID, context=CONTEXT, options=options)


def frames_of(layers: CoastlineLayers) -> dict[str, gpd.GeoDataFrame]:
    return {"coastline": layers.coastline, "water": layers.water, "land": layers.land}


def assert_same(layers: CoastlineLayers, others: CoastlineLayers) -> None:
    for name, frame in frames_of(layers).items():
        assert len(frame)
        assert_frame_equal(frame, frames_of(others)[name], check_exact=True)


@pytest.mark.parametrize("simplify_m", [0.0, 25.0])
def test_how_many_vertices_are_looked_at_together_does_not_matter(
    simplify_m: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = CoastlineOptions(simplify_m=simplify_m, min_area_m2=500)
    whole = trace_and_build(options)
    assert len(whole.coastline) > 10
    for module in (coastline, ellipsoid, rings):
        monkeypatch.setattr(module, "_BATCH", 5)
    assert_same(whole, trace_and_build(options))


def test_the_coastline_may_be_built_while_the_maps_are_finished(tmp_path: Path) -> None:
    expected, results = trace_and_build(), []
    probability, state = make_scene()
    for number, apart in enumerate((False, True)):
        folder = tmp_path / str(number)
        folder.mkdir()
        with MapWriter(folder, grid=GRID) as maps, ThreadPoolExecutor(1) as pool:
            maps.write_rows(0, probability, state)
            ending = pool.submit(trace_and_build) if apart else pool.submit(maps.finish)
            other = maps.finish() if apart else trace_and_build()
            found, paths = (ending.result(), other) if apart else (other, ending.result())
        assert_same(expected, found)
        # The thread in which it was built is gone by now.
        write_vectors(frames_of(found), folder)
        results.append([path.read_bytes() for path in (*paths, folder / "coastline.gpkg")])
    assert results[0] == results[1]
