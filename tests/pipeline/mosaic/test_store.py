"""The mosaic's Zarr group: what is written is read back, and beyond it there is the fill."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rioxarray  # noqa: F401 (gives .rio)
import xarray as xr
from rasterio.crs import CRS

import pipeline.mosaic.lattice
import pipeline.mosaic.store
from pipeline.mosaic.lattice import Cell, Lattice
from pipeline.mosaic.statistics import OUTSIDE
from pipeline.mosaic.store import VARIABLES, Store
from tests.conftest import skip_without
from tiles.grid import Window

SIDE = 8


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store of two cells of 8 pixels, side by side."""
    for module in (pipeline.mosaic.lattice, pipeline.mosaic.store):
        monkeypatch.setattr(module, "CELL_PX", SIDE)
    lattice = Lattice(name="utm31", crs=CRS.from_epsg(32631), resolution=10.0)
    made = Store(path=tmp_path / "utm31", lattice=lattice, domain=Window(8, -16, 16, 8))
    made.create()
    return made


def test_what_is_not_written_is_the_fill(store: Store) -> None:
    fills = {
        "surface": 65535,
        "error": 255,
        "frequency": 255,
        "median": 255,
        "latest": 255,
        "latest_day": 0,
        "observations": 0,
        "state": OUTSIDE,
        "sources": 0,
    }
    assert set(VARIABLES) == set(fills)
    for name, fill in fills.items():
        values = store.read(name, store.domain)
        assert values.shape == (8, 16)
        assert (values == fill).all()


def test_a_cell_is_read_back_at_its_place_and_the_fill_around_the_domain(store: Store) -> None:
    numbers = np.arange(SIDE * SIDE, dtype=np.uint32).reshape(SIDE, SIDE)
    store.write(Cell(row=-2, col=2), {"sources": numbers, "state": np.ones((SIDE, SIDE), np.uint8)})
    expected = np.zeros((10, 12), np.uint32)
    expected[1:9, 2:10] = numbers
    np.testing.assert_array_equal(store.read("sources", Window(14, -17, 12, 10)), expected)
    states = store.read("state", Window(14, -17, 12, 10))
    assert (states == OUTSIDE).sum() == states.size - SIDE * SIDE
    assert (store.read("state", Window(16, -16, 8, 8)) == 1).all()
    assert (store.read("state", Window(100, 100, 3, 2)) == OUTSIDE).all()


def test_creating_it_again_keeps_what_is_there(store: Store) -> None:
    store.write(Cell(row=-2, col=1), {"latest": np.full((SIDE, SIDE), 1, np.uint8)})
    store.create()
    assert (store.read("latest", Window(8, -16, 8, 8)) == 1).all()
    assert sorted(path.name for path in store.path.parent.iterdir()) == ["utm31"]


def test_xarray_sees_pixel_centres_and_values_in_their_units(store: Store) -> None:
    ones = np.ones((SIDE, SIDE))
    stored = {"surface": 25_000, "frequency": 125, "median": 125, "latest_day": 10, "observations": 3}
    store.write(
        Cell(row=-2, col=1),
        {name: (ones * number).astype(VARIABLES[name]["dtype"]) for name, number in stored.items()},
    )
    with xr.open_zarr(store.path, consolidated=False, decode_coords="all") as group:
        assert group.x.values[:2].tolist() == [85, 95]
        assert group.y.values[:2].tolist() == [155, 145]
        assert (group.x.attrs["units"], group.x.attrs["axis"], group.y.attrs["axis"]) == ("m", "X", "Y")
        assert group.rio.crs.to_epsg() == 32631
        assert group.surface.values[0, 0] == pytest.approx(0.5)
        assert group.frequency.values[0, 0] == pytest.approx(0.5)
        assert group["median"].values[0, 0] == pytest.approx(0.502)
        assert group.latest_day.values[0, 0] == np.datetime64("1970-01-11")
        assert group.observations.values[0, 0] == 3
        assert np.isnan(group.surface.values[0, 8])


def test_gdal_sees_the_grid_the_crs_and_the_units(store: Store) -> None:
    store.write(Cell(row=-2, col=1), {"surface": np.full((SIDE, SIDE), 25_000, np.uint16)})
    with rasterio.open(f'ZARR:"{store.path}":/surface') as dataset:
        assert dataset.crs == CRS.from_epsg(32631)
        assert tuple(dataset.transform)[:6] == (10, 0, 80, 0, -10, 160)
        assert (dataset.nodata, dataset.scales) == (65535, (2e-5,))
        assert dataset.read(1)[0, [0, 8]].tolist() == [25_000, 65535]


def test_an_older_gdal_sees_the_crs(store: Store) -> None:
    gdalinfo = shutil.which("gdalinfo") or skip_without("gdalinfo")
    said = subprocess.run([gdalinfo, f'ZARR:"{store.path}":/latest'], check=True, capture_output=True, text=True).stdout
    assert 'ID["EPSG",32631]]' in said


def test_a_lattice_in_degrees_has_coordinates_in_degrees(tmp_path: Path) -> None:
    lattice = Lattice(name="deg", crs=CRS.from_epsg(4326), resolution=0.001)
    store = Store(path=tmp_path / "deg", lattice=lattice, domain=Window(0, 0, 1024, 1024))
    store.create()
    with xr.open_zarr(store.path, consolidated=False) as group:
        assert group.x.attrs["units"] == group.y.attrs["units"] == "degree"
