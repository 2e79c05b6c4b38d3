"""The rasters of a mosaic: values, markers, scales, colours and overviews as readers find them in the files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rio_cogeo.cogeo import cog_validate

import pipeline.mosaic.lattice
import pipeline.mosaic.rasters
import pipeline.mosaic.store
from pipeline.errors import OutputError
from pipeline.mosaic.lattice import Cell, Lattice
from pipeline.mosaic.rasters import RASTERS, write_rasters
from pipeline.mosaic.store import VARIABLES, Store
from tiles import masks
from tiles.grid import Window

SIDE = 16
WINDOW = Window(0, -16, 16, 16)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store of one cell of 16 pixels."""
    for module in (pipeline.mosaic.lattice, pipeline.mosaic.store):
        monkeypatch.setattr(module, "CELL_PX", SIDE)
    lattice = Lattice(name="utm31", crs=CRS.from_epsg(32631), resolution=10.0)
    made = Store(path=tmp_path / "utm31", lattice=lattice, domain=WINDOW)
    made.create()
    return made


def fill(store: Store, **values: NDArray[np.integer] | int) -> None:
    whole = {
        name: np.broadcast_to(np.asarray(value, VARIABLES[name]["dtype"]), (SIDE, SIDE))
        for name, value in values.items()
    }
    store.write(Cell(row=-1, col=0), whole)


def write(store: Store, folder: Path, *, window: Window = WINDOW, level: float = 0.5) -> None:
    folder.mkdir(exist_ok=True)
    write_rasters(store, folder, window=window, level=level, tags={"TILE": "31UAA"})


def read(path: Path) -> NDArray[np.integer]:
    with rasterio.open(path) as src:
        values: NDArray[np.integer] = src.read(1)
        return values


@pytest.mark.parametrize("level", [0.5, 0.4])
def test_water_is_from_the_level_on_and_only_where_the_ground_was_seen(
    store: Store, tmp_path: Path, level: float
) -> None:
    at = round(level * 50_000)
    surface, state = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE))
    surface[0, :3] = at - 1, at, at + 1
    surface[1, :4] = 50_000
    state[1, :4] = masks.VALID, masks.OBSCURED, masks.NODATA, 3
    fill(store, surface=surface.astype(np.uint16), state=state.astype(np.uint8))
    write(store, tmp_path / "out", level=level)
    water = read(tmp_path / "out" / "water.tif")
    assert water[0, :4].tolist() == [0, 1, 1, 0]
    assert water[1, :5].tolist() == [1, 2, 255, 255, 0]


def test_each_raster_holds_what_the_store_does_in_its_units(store: Store, tmp_path: Path) -> None:
    fill(store, surface=0, state=0, frequency=125, median=100, latest=1, latest_day=19_000, observations=300)
    write(store, tmp_path / "out")
    expected = {
        "water": (0, "uint8", 255, 1.0, 0.0),
        "frequency": (125, "uint8", 255, 0.004, 0.0),
        "probability": (100, "uint8", 255, 0.004, 0.002),
        "observations": (300, "uint16", None, 1.0, 0.0),
        "latest": (1, "uint8", 255, 1.0, 0.0),
        "latest_day": (19_000, "uint16", 0, 1.0, 0.0),
    }
    assert set(RASTERS) == set(expected)
    for name, (value, dtype, nodata, scale, offset) in expected.items():
        path = tmp_path / "out" / f"{name}.tif"
        with rasterio.open(path) as src:
            assert (src.read(1) == value).all(), name
            assert (src.dtypes, src.nodata, src.scales, src.offsets) == ((dtype,), nodata, (scale,), (offset,))
            assert src.descriptions == (name,)
            assert src.tags()["TILE"] == "31UAA"
            assert src.tags()["TIFFTAG_IMAGEDESCRIPTION"] == RASTERS[name].title
            assert (src.crs.to_epsg(), src.transform.c, src.transform.f) == (32631, 0, 160)
            assert src.compression.value == "DEFLATE"
        assert cog_validate(str(path))[0]
    assert not list((tmp_path / "out").glob(".*"))


def test_classes_have_colours_names_and_styles(store: Store, tmp_path: Path) -> None:
    write(store, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        *(f"{name}.tif" for name in RASTERS),
        *("water.tif.aux.xml", "latest.tif.aux.xml", "water.qml", "latest.qml"),
        *("probability.qml", "frequency.qml", "observations.qml"),
    }
    for name in ("water", "latest"):
        with rasterio.open(tmp_path / "out" / f"{name}.tif") as src:
            colours = src.colormap(1)
        assert colours[1] == (45, 114, 178, 255)
        assert colours[255] == (0, 0, 0, 0)
    styles = [(tmp_path / "out" / f"{name}.qml").read_text() for name in ("water", "latest", "probability")]
    assert styles[0] == styles[1] != styles[2]


@pytest.mark.parametrize("rows", [1, 5, 16, 100])
def test_strips_of_any_height_give_the_same_window(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    numbers = np.arange(SIDE * SIDE).reshape(SIDE, SIDE).astype(np.uint16)
    fill(store, observations=numbers)
    monkeypatch.setattr(pipeline.mosaic.rasters, "_STRIP_ROWS", rows)
    write(store, tmp_path / "out", window=Window(3, -14, 10, 20))
    expected = np.zeros((20, 10), np.uint16)
    expected[:14] = numbers[2:, 3:13]
    np.testing.assert_array_equal(read(tmp_path / "out" / "observations.tif"), expected)


def test_overviews_are_the_commonest_class_and_the_mean_of_shares(store: Store, tmp_path: Path) -> None:
    frequency, latest = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE))
    frequency[::2, ::2] = 200
    latest[::2, ::2] = 1
    fill(store, frequency=frequency.astype(np.uint8), latest=latest.astype(np.uint8))
    # Overviews begin where a raster is wider than a block of 512.
    write(store, tmp_path / "out", window=Window(0, -16, 1100, 16))
    with rasterio.open(tmp_path / "out" / "frequency.tif") as src:
        assert src.overviews(1)[0] == 2
        assert src.block_shapes == [(512, 512)]
    with rasterio.open(tmp_path / "out" / "frequency.tif", overview_level=0) as src:
        assert (src.read(1)[:8, :8] == 50).all()
    with rasterio.open(tmp_path / "out" / "latest.tif", overview_level=0) as src:
        assert (src.read(1)[:8, :8] == 0).all()


def test_a_folder_that_is_not_there_is_one_line(store: Store, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"Could not write .*water\.tif") as caught:
        write_rasters(store, tmp_path / "gone", window=WINDOW, level=0.5, tags={})
    assert "\n" not in str(caught.value)
