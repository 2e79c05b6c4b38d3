"""Kinds of water by blocks: samples lie in the middles of coarse cells, and blocks agree with each other."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS

from pipeline.mosaic import waters
from pipeline.mosaic.lattice import CELL_PX, Cell, Lattice
from pipeline.mosaic.waters import BlockWaters, list_blocks, read_samples, tell_block, write_samples
from pipeline.trace.waters import LAKE, RIVER, SEA

LATTICE = Lattice(name="utm31", crs=CRS.from_epsg(32631), resolution=10.0)
CELLS = [Cell(row=row, col=col) for row in range(-503, -497) for col in range(47, 53)]


def place_pixels(cell: Cell) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Kilometres right of and below the corner of the first cell."""
    rows, cols = np.mgrid[:CELL_PX, :CELL_PX] + 0.5
    first = CELLS[0].window
    y, x = rows + cell.window.row_off - first.row_off, cols + cell.window.col_off - first.col_off
    return x / 100, y / 100


def is_wet(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Sea up to 20 km, a canal from there to 50 km, a lake."""
    canal = (x >= 20) & (x < 50) & (np.abs(y - 25.0) < 0.1)
    return np.asarray((x < 20) | canal | (np.hypot(x - 45, y - 45) < 2))


def write_coast(folder: Path) -> Path:
    for cell in CELLS:
        x, y = place_pixels(cell)
        path = folder / f"samples_{cell.row}_{cell.col}.npz"
        write_samples(path, cell, LATTICE, wet=is_wet(x, y), seen=np.ones(x.shape, bool))
    left, top = CELLS[0].window.col_off * 10, -CELLS[0].window.row_off * 10
    ocean = gpd.GeoDataFrame(geometry=[shapely.box(left - 1e5, top - 2e5, left + 2e4, top + 1e5)], crs=32631)
    ocean.to_file(folder / "ocean.gpkg")
    return folder / "ocean.gpkg"


def test_samples_are_the_middles_of_coarse_cells_whatever_the_cell(tmp_path: Path) -> None:
    seen = {}
    for cell in (Cell(row=-2, col=3), Cell(row=-2, col=4), Cell(row=-1, col=3)):
        window = cell.window
        row, col = np.mgrid[window.row_off : window.row_stop, window.col_off : window.col_stop]
        path = tmp_path / f"samples_{cell.row}_{cell.col}.npz"
        write_samples(path, cell, LATTICE, wet=(row + col) % 2 == 0, seen=row % 3 > 0)
        seen[cell] = read_samples(path)
        middle = np.arange(-5000, 10_000) * 5 + 2
        rows, cols = (
            middle[(middle >= first) & (middle < first + CELL_PX)] for first in (window.row_off, window.col_off)
        )
        expected = np.where((rows[:, None] + cols) % 2 == 0, 2, 1)
        assert (seen[cell] == np.where(rows[:, None] % 3 > 0, expected, 0)).all()
    shapes = {part.shape for part in seen.values()}
    assert shapes <= {(204, 205), (205, 204), (204, 204), (205, 205)}


def test_sea_canal_and_lake_are_told_apart(tmp_path: Path) -> None:
    ocean = write_coast(tmp_path)
    for block in list_blocks(CELLS):
        tell_block(tmp_path, LATTICE, block, ocean)
    for (x_km, y_km), kind in (
        ((20, 10), SEA),
        ((20, 40), SEA),
        ((30, 25.1), RIVER),
        ((44, 24.9), RIVER),
        ((47, 45), LAKE),
    ):
        first = CELLS[0].window
        xy = np.array([[first.col_off * 10 + 1000 * x_km, -first.row_off * 10 - 1000 * y_km]])
        east = {24.9: 50, 25.1: -50}.get(y_km, 0)  # along the northern bank of the canal, and back along the other
        line = xy + np.array([[-east, 50 * (east == 0)], [0, 0], [east, -50 * (east == 0)]])
        cell = Cell(row=int(-xy[0, 1] // (10 * CELL_PX)), col=int(xy[0, 0] // (10 * CELL_PX)))
        found = BlockWaters.of(tmp_path, LATTICE, cell).look(line)
        assert (found == kind).all(), (x_km, y_km, found)


def test_smaller_blocks_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ocean = write_coast(tmp_path)
    answers = []
    line = np.array([[19.9, y] for y in np.arange(55, 5, -0.25)] + [[x, 25.0] for x in np.arange(20.5, 49, 0.25)])
    first = CELLS[0].window
    xy = line * (1000, -1000) + (first.col_off * 10, -first.row_off * 10)
    for size in (10, 3):
        monkeypatch.setattr(waters, "BLOCK_CELLS", size)
        waters._read_block.cache_clear()
        for block in list_blocks(CELLS):
            tell_block(tmp_path, LATTICE, block, ocean)
        cells = [Cell(row=int(-y // (10 * CELL_PX)), col=int(x // (10 * CELL_PX))) for x, y in xy]
        found = [
            BlockWaters.of(tmp_path, LATTICE, cell).look(place[None]) for cell, place in zip(cells, xy, strict=True)
        ]
        answers.append(np.concatenate(found))
        for path in tmp_path.glob("waters_*"):
            path.unlink()
    assert set(answers[0].tolist()) == {SEA, RIVER}
    assert (answers[0] == answers[1]).all()


def test_what_was_seen_of_a_block_is_told_whatever_lies_unseen_around_it(tmp_path: Path) -> None:
    """The answer for a few cells is that of the whole block, of which nothing else was seen."""
    cell = CELLS[0]
    rows, cols = np.mgrid[:CELL_PX, :CELL_PX]
    seen = (rows >= 300) & (rows < 700) & (cols >= 200) & (cols < 900)
    wet = (cols < 400) | ((np.abs(rows - 500) < 10) & (cols < 850)) | (np.hypot(rows - 600, cols - 700) < 60)
    left, top = cell.window.col_off * 10, -cell.window.row_off * 10
    ocean = gpd.GeoDataFrame(geometry=[shapely.box(left - 1e4, top - 2e4, left + 4e3, top + 1e4)], crs=32631)
    ocean.to_file(tmp_path / "ocean.gpkg")
    found = []
    for name, marked in (("part", seen), ("whole", seen | (rows == 0) | (cols == 0) | (rows == CELL_PX - 3))):
        folder = tmp_path / name
        folder.mkdir()
        # A frame of land that is seen far around makes all of the cell known; no answer within depends on it.
        path = folder / f"samples_{cell.row}_{cell.col}.npz"
        write_samples(path, cell, LATTICE, wet=wet & seen, seen=marked)
        (block,) = list_blocks([cell])
        tell_block(folder, LATTICE, block, tmp_path / "ocean.gpkg")
        with np.load(folder / f"waters_{block[0]}_{block[1]}.npz") as file:
            found.append(file["cell"])
    assert set(np.unique(found[0]).tolist()) == {0, SEA, RIVER, LAKE}
    assert (found[0] == found[1]).all()


def test_a_block_of_which_nothing_was_seen_has_no_waters(tmp_path: Path) -> None:
    cell, nothing = CELLS[0], np.zeros((CELL_PX, CELL_PX), bool)
    write_samples(tmp_path / f"samples_{cell.row}_{cell.col}.npz", cell, LATTICE, wet=nothing, seen=nothing)
    (block,) = list_blocks([cell])
    assert not tell_block(tmp_path, LATTICE, block, None)
    with np.load(tmp_path / f"waters_{block[0]}_{block[1]}.npz") as file:
        assert not file["cell"].any()
