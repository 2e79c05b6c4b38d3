"""A cell's statistics as they are stored, its mark and table of sources, and the lines traced from it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pyproj import Proj
from rasterio.crs import CRS

import pipeline.mosaic.lattice
import pipeline.mosaic.store
import pipeline.mosaic.tracer
import pipeline.mosaic.waters
import pipeline.mosaic.work
from pipeline.mosaic.chains import read_chains
from pipeline.mosaic.lattice import Cell, Lattice
from pipeline.mosaic.statistics import OUTSIDE, Layer, LayerWindow, Statistic
from pipeline.mosaic.store import Store
from pipeline.mosaic.work import CellJob, compute_cell, read_sources, trace_stored_cell
from tests.pipeline.mapped_folder import make_grid
from tiles import masks
from tiles.grid import Window

SIDE = 128
CELL = Cell(row=-5, col=3)
START = datetime(2024, 7, 1, 11, 20, tzinfo=UTC)
GRID = make_grid(epsg=32631, left=3 * SIDE * 10, top=5 * SIDE * 10, width=SIDE, height=SIDE)
LAYERS = [
    Layer(number=10 + n, folder=Path(), grid=GRID, overpass=n, acquired=START + timedelta(days=n)) for n in range(3)
]
COLS, ROWS = np.meshgrid(np.arange(SIDE), np.arange(SIDE))


def shore(col: float) -> NDArray[np.float32]:
    """Water to the east of a column, rising by 0.1 a pixel, one half at the column's centre."""
    return (0.5 + 0.1 * (COLS - col)).clip(0, 1).astype(np.float32)


@pytest.fixture
def fields(monkeypatch: pytest.MonkeyPatch) -> dict[int, NDArray[np.float32]]:
    """Probability on each date, by the layer's number; NaN under cloud. The test may change them."""
    for module in (
        pipeline.mosaic.lattice,
        pipeline.mosaic.store,
        pipeline.mosaic.tracer,
        pipeline.mosaic.waters,
        pipeline.mosaic.work,
    ):
        monkeypatch.setattr(module, "CELL_PX", SIDE)
    views = {layer.number: shore(60 + 2 * n) for n, layer in enumerate(LAYERS)}

    def read(layer: Layer, lattice: Lattice, window: Window) -> LayerWindow:
        assert lattice.name == "utm31"
        part = views[layer.number][window.slices(within=CELL.window)]
        error = np.full(part.shape, 0.1, np.float32)
        return LayerWindow(probability=part, error=error, obscured=np.isnan(part), covered=np.ones(part.shape, bool))

    monkeypatch.setattr(pipeline.mosaic.work, "read_layer", read)
    return views


def make_job(folder: Path, *, statistic: Statistic = "median", threshold: float = 0.5) -> CellJob:
    lattice = Lattice(name="utm31", crs=CRS.from_epsg(32631), resolution=10.0)
    store = Store(path=folder / "store", lattice=lattice, domain=CELL.window)
    store.create()
    return CellJob(store=store, folder=folder, threshold=threshold, statistic=statistic)


def read(job: CellJob, name: str) -> NDArray[np.integer]:
    return job.store.read(name, CELL.window)


def test_the_line_follows_half_of_the_dates_or_the_threshold(tmp_path: Path) -> None:
    assert make_job(tmp_path, statistic="frequency", threshold=0.4).level == 0.5
    assert make_job(tmp_path, statistic="median", threshold=0.4).level == 0.4
    assert make_job(tmp_path, statistic="latest", threshold=0.4).level == 0.4


def test_numbers_are_stored_in_their_steps(tmp_path: Path, fields: dict[int, NDArray[np.float32]]) -> None:
    fields[12][:, 100:] = np.nan
    for field in fields.values():
        field[5] = np.nan
    job = make_job(tmp_path)
    assert compute_cell(job, CELL, LAYERS) == SIDE * SIDE - SIDE
    surface, row = read(job, "surface"), 7
    # The median of the three is the one in the middle: 0.5 at column 62, 0.6 at the next.
    assert surface[row, [0, 62, 63, 99]].tolist() == [0, 25_000, 30_000, 50_000]
    assert read(job, "frequency")[row, [59, 60, 61, 62, 63, 64]].tolist() == [0, 83, 83, 167, 167, 250]
    assert read(job, "latest")[row, [63, 64, 99, 100]].tolist() == [0, 1, 1, 1]
    assert read(job, "latest_day")[row, [99, 100]].tolist() == [19_907, 19_906]
    assert read(job, "observations")[row, [99, 100]].tolist() == [3, 2]
    assert read(job, "median")[row, [0, 62]].tolist() == [0, 125]
    for name, fill in {"surface": 65535, "frequency": 255, "median": 255, "latest": 255, "latest_day": 0}.items():
        assert (read(job, name)[5] == fill).all(), name
    assert (read(job, "state")[5] == masks.OBSCURED).all()
    assert (read(job, "state")[6] == masks.VALID).all()


def test_the_surface_is_that_of_the_statistic(tmp_path: Path, fields: dict[int, NDArray[np.float32]]) -> None:
    assert len(fields) == 3
    surfaces: dict[Statistic, list[int]] = {"frequency": [16_666, 33_333, 50_000], "latest": [5_000, 15_000, 25_000]}
    for statistic, surface in surfaces.items():
        (tmp_path / statistic).mkdir()
        job = make_job(tmp_path / statistic, statistic=statistic)
        compute_cell(job, CELL, LAYERS)
        assert read(job, "surface")[7, [60, 62, 64]].tolist() == surface


def test_sources_are_numbered_near_the_shore_and_on_the_edge_alone(
    tmp_path: Path, fields: dict[int, NDArray[np.float32]]
) -> None:
    fields[11][40:50] = np.nan
    job = make_job(tmp_path)
    compute_cell(job, CELL, LAYERS)
    sources = read(job, "sources")
    two, three = 1 + read_sources(job, CELL).index((10, 12)), 1 + read_sources(job, CELL).index((10, 11, 12))
    assert {two, three} == {1, 2}
    # The first and last column, the last pixel of land and the first of water.
    assert {col: sources[20, col] for col in np.flatnonzero(sources[20])} == dict.fromkeys((0, 61, 62, 127), three)
    assert {col: sources[45, col] for col in np.flatnonzero(sources[45])} == dict.fromkeys((0, 61, 62, 127), two)
    assert (sources[[0, -1]] == three).all()


def test_of_the_latest_date_only_its_scene_is_a_source(tmp_path: Path, fields: dict[int, NDArray[np.float32]]) -> None:
    fields[12][:, :70] = np.nan
    job = make_job(tmp_path, statistic="latest")
    compute_cell(job, CELL, LAYERS)
    assert read_sources(job, CELL) == [(11,), (12,)]
    assert read(job, "sources")[20, [0, SIDE - 1]].tolist() == [1, 2]


def test_many_dates_are_worked_on_in_strips_with_the_same_answer(
    tmp_path: Path, fields: dict[int, NDArray[np.float32]], monkeypatch: pytest.MonkeyPatch
) -> None:
    fields[11][3:70, ::3] = np.nan
    (tmp_path / "whole").mkdir()
    whole, strips = make_job(tmp_path / "whole"), make_job(tmp_path)
    compute_cell(whole, CELL, LAYERS)
    heights = []
    inner = pipeline.mosaic.work.read_layer

    def note(layer: Layer, lattice: Lattice, window: Window) -> LayerWindow:
        heights.append((layer.number, window.row_off - CELL.window.row_off, window.height))
        return inner(layer, lattice, window)

    monkeypatch.setattr(pipeline.mosaic.work, "read_layer", note)
    monkeypatch.setattr(pipeline.mosaic.work, "_STACK_BYTES", 8 * SIDE * 3 * 100)
    compute_cell(strips, CELL, LAYERS)
    assert heights == [(n, 0, 100) for n in (10, 11, 12)] + [(n, 100, 28) for n in (10, 11, 12)]
    for name in ("surface", "frequency", "observations", "state", "latest_day"):
        np.testing.assert_array_equal(read(strips, name), read(whole, name))
    heights.clear()
    monkeypatch.setattr(pipeline.mosaic.work, "_STACK_BYTES", 1)
    strips.find_mark(CELL).unlink()
    compute_cell(strips, CELL, LAYERS)
    assert [height for number, _, height in heights if number == 10] == [64, 64]  # flatter would not pay


def test_a_cell_is_done_once(tmp_path: Path, fields: dict[int, NDArray[np.float32]]) -> None:
    job = make_job(tmp_path)
    count = compute_cell(job, CELL, LAYERS)
    mark = job.find_mark(CELL)
    assert (mark.name, job.find_chains(CELL).name) == ("cell_-5_3.json", "chains_-5_3.npz")
    assert json.loads(mark.read_text()) == {"seen": count, "sources": [[10, 11, 12]]}
    fields.clear()  # whoever asked for pixels now would fail
    assert compute_cell(job, CELL, LAYERS) == count == SIDE * SIDE


def test_no_layer_at_all_leaves_a_cell_outside(tmp_path: Path, fields: dict[int, NDArray[np.float32]]) -> None:
    assert len(fields) == 3
    job = make_job(tmp_path)
    assert compute_cell(job, CELL, []) == 0
    assert (read(job, "state") == OUTSIDE).all()


def test_the_line_lies_where_the_surface_is_the_level(tmp_path: Path, fields: dict[int, NDArray[np.float32]]) -> None:
    assert len(fields) == 3
    job = make_job(tmp_path, threshold=0.55)
    compute_cell(job, CELL, LAYERS)
    ends = trace_stored_cell(job, CELL)
    chains = read_chains(job.find_chains(CELL))
    assert len(chains) == len(ends.ends) == 1
    assert ends.length.tolist() == [SIDE]
    # 0.5 at the centre of column 62, 0.1 a pixel: 0.55 half a pixel on.
    np.testing.assert_allclose(chains.xy[:, 0], (3 * SIDE + 63.0) * 10, atol=1e-3)
    assert sorted(chains.xy[[0, -1], 1].tolist()) == [(4 * SIDE + 0.5) * 10, (5 * SIDE - 0.5) * 10]
    assert chains.xy[0, 1] < chains.xy[-1, 1]  # land, in the west, lies on the left of the way north
    # 0.1 a pixel, whose 10 m in the zone are less on the ground so far from its meridian.
    lon, lat = Proj("EPSG:32631")(*chains.xy[0], inverse=True)
    scale = Proj("EPSG:32631").get_factors(lon, lat).meridional_scale
    assert scale > 1.002
    np.testing.assert_allclose(chains.slope, 0.01 * scale, rtol=1e-4)
    assert (chains.source == 1).all()
    assert (chains.observations == 3).all()
    assert chains.reasons.tolist() == [[3, 3]]  # nothing lies beyond the domain


def test_a_cell_without_a_shore_leaves_no_file(tmp_path: Path, fields: dict[int, NDArray[np.float32]]) -> None:
    for field in fields.values():
        field[:] = 0.9
    job = make_job(tmp_path)
    compute_cell(job, CELL, LAYERS)
    assert len(trace_stored_cell(job, CELL).ends) == 0
    assert not job.find_chains(CELL).exists()
