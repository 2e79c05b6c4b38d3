"""Statistics of a window over all dates, and pixels of scenes that lie elsewhere."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pyproj import Transformer
from rasterio.crs import CRS

from pipeline.mosaic.lattice import Lattice
from pipeline.mosaic.statistics import (
    OUTSIDE,
    Layer,
    LayerWindow,
    compute_source_places,
    compute_statistics,
    order_layers,
    read_layer,
)
from tests.pipeline.mapped_folder import Ground, make_grid, write_mapped
from tiles import masks
from tiles.errors import RasterReadError
from tiles.grid import Window

SHAPE = (3, 4)
GRID = make_grid(epsg=32630, left=600_000, top=5_500_000, width=4, height=3)
MORNING = datetime(2024, 7, 1, 11, 20, tzinfo=UTC)
STEPS = st.sampled_from([np.nan, 0.0, 0.25, 0.5, 0.75, 1.0])


def make_layer(number: int, overpass: int) -> Layer:
    return Layer(
        number=number, folder=Path(), grid=GRID, overpass=overpass, acquired=MORNING + timedelta(days=overpass)
    )


def see(
    probability: np.ndarray,
    *,
    error: np.ndarray | float = 0.1,
    obscured: np.ndarray | bool = False,
    covered: np.ndarray | bool = True,
) -> LayerWindow:
    return LayerWindow(
        probability=probability.astype(np.float32),
        error=np.full(SHAPE, error, np.float32),
        obscured=np.broadcast_to(obscured, SHAPE).copy(),
        covered=np.broadcast_to(covered, SHAPE).copy(),
    )


def test_the_error_is_the_mean_of_the_dates_that_saw_the_ground_or_the_last_ones() -> None:
    shown = np.full((3, *SHAPE), 0.5, np.float32)
    shown[2, 0] = shown[:, 1] = np.nan  # the first row was not seen on the last date, the second never
    errors = (0.1, 0.2, 0.6)
    layers = [make_layer(number, number) for number in range(3)]
    found = compute_statistics(
        layers, lambda layer: see(shown[layer.number], error=errors[layer.number]), threshold=0.5, shape=SHAPE
    )
    for statistic, first, last in (("median", 0.15, 0.3), ("frequency", 0.15, 0.3), ("latest", 0.2, 0.6)):
        error = found.get_error(statistic)
        np.testing.assert_allclose(error[0], first, rtol=1e-6)
        np.testing.assert_allclose(error[2], last, rtol=1e-6)
        assert np.isnan(error[1]).all()


@given(arrays(np.float32, (5, *SHAPE), elements=STEPS))
def test_numpy_says_the_same_of_five_overpasses(fields: np.ndarray) -> None:
    layers = [make_layer(number, number) for number in range(5)]
    found = compute_statistics(layers, lambda layer: see(fields[layer.number]), threshold=0.5, shape=SHAPE)
    known = np.isfinite(fields)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of places that were never seen
        np.testing.assert_array_equal(found.median, np.nanmedian(fields, axis=0).astype(np.float32))
        wet = np.nanmean(np.where(known, fields >= 0.5, np.nan), axis=0)
    np.testing.assert_allclose(found.frequency, wet, rtol=1e-6)
    np.testing.assert_array_equal(found.observations, known.sum(axis=0))
    last = np.where(known.any(axis=0), 4 - known[::-1].argmax(axis=0), -1)
    seen = last >= 0
    rows, cols = np.nonzero(seen)
    np.testing.assert_array_equal(found.latest[seen], fields[last[seen], rows, cols])
    day = (MORNING - datetime(1970, 1, 1, tzinfo=UTC)).days
    np.testing.assert_array_equal(found.latest_day[seen], day + last[seen])
    np.testing.assert_array_equal(found.state == masks.VALID, seen)


@given(arrays(np.float32, (2, *SHAPE), elements=STEPS))
def test_two_tiles_of_one_overpass_count_once(fields: np.ndarray) -> None:
    layers = [make_layer(0, 0), make_layer(1, 0)]
    found = compute_statistics(layers, lambda layer: see(fields[layer.number]), threshold=0.5, shape=SHAPE)
    expected = np.where(np.isnan(fields[0]), fields[1], fields[0])
    np.testing.assert_array_equal(found.median, expected)
    assert found.observations.max() <= 1
    used = np.where(np.isfinite(fields[0]), 0, np.where(np.isfinite(fields[1]), 1, -1))
    np.testing.assert_array_equal(found.used[0], used)


def test_what_an_overpass_has_seen_whole_is_not_read_again() -> None:
    asked = []

    def read(layer: Layer) -> LayerWindow:
        asked.append(layer.number)
        return see(np.full(SHAPE, 0.5))

    compute_statistics([make_layer(0, 0), make_layer(1, 0), make_layer(2, 1)], read, threshold=0.5, shape=SHAPE)
    assert asked == [0, 2]


def test_cloud_each_time_nodata_and_beyond_are_told_apart() -> None:
    nothing = np.full(SHAPE, np.nan)
    obscured, covered = np.zeros(SHAPE, bool), np.ones(SHAPE, bool)
    obscured[0, 0], covered[0, 1] = True, False
    found = compute_statistics(
        [make_layer(0, 0)], lambda _: see(nothing, obscured=obscured, covered=covered), threshold=0.5, shape=SHAPE
    )
    assert found.state[0, 0] == masks.OBSCURED
    assert found.state[0, 1] == OUTSIDE
    assert (found.state[1:] == masks.NODATA).all()


@pytest.mark.parametrize("epsg", [3035, 32631, 4326])
def test_places_in_another_crs_are_those_of_pyproj(epsg: int) -> None:
    size = 1e-4 if epsg == 4326 else 10.0
    to_other = Transformer.from_crs("EPSG:32630", f"EPSG:{epsg}", always_xy=True)
    left, top = to_other.transform(703_000, 5_503_000)
    grid = make_grid(epsg=epsg, left=left, top=top, width=300, height=200, size=size)
    src = make_grid(epsg=32630, left=700_000, top=5_505_000, width=1000, height=1000)
    row, col = compute_source_places(grid, src)
    rows, cols = np.mgrid[:200, :300] + 0.5
    x, y = grid.transform @ (cols, rows)
    back = Transformer.from_crs(f"EPSG:{epsg}", "EPSG:32630", always_xy=True).transform(x.ravel(), y.ravel())
    np.testing.assert_allclose(col.ravel(), (np.asarray(back[0]) - 700_000) / 10 - 0.5, atol=2e-5)
    np.testing.assert_allclose(row.ravel(), (5_505_000 - np.asarray(back[1])) / 10 - 0.5, atol=2e-5)


PLANE = Transformer.from_crs("OGC:CRS84", "EPSG:32630", always_xy=True)


def compute_slope(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    """A shore from north to south at an easting of 702 500 m, as seen in zone 30."""
    return np.asarray(PLANE.transform(lon, lat)[0]) - 702_500


def test_a_warped_scene_shows_what_lies_there(tmp_path: Path) -> None:
    ground = Ground(distance_m=compute_slope, width_m=1000)
    grid = make_grid(epsg=32630, left=702_000, top=5_503_000, width=100, height=100)
    layer = Layer(
        number=0,
        folder=write_mapped(tmp_path, "a", grid, ground),
        grid=grid,
        overpass=0,
        acquired=MORNING,
    )
    lattice = Lattice(name="laea", crs=CRS.from_epsg(3035), resolution=10.0)
    to_lattice = Transformer.from_crs("EPSG:32630", "EPSG:3035", always_xy=True)
    x, y = to_lattice.transform(702_500, 5_502_500)
    window = Window(int(x // 10) - 100, int(-y // 10) - 100, 200, 200)
    seen = read_layer(layer, lattice, window)
    here = lattice.compute_grid(window)
    rows, cols = np.mgrid[:200, :200] + 0.5
    east, north = here.transform @ (cols, rows)
    easting, northing = Transformer.from_crs("EPSG:3035", "EPSG:32630", always_xy=True).transform(east, north)
    known = np.isfinite(seen.probability)
    expected = 0.5 + (easting - 702_500) / 2000
    assert np.abs(seen.probability - expected)[known].max() < 0.0021  # half a step of the file
    # Known exactly where all four pixel centres around are the scene's.
    inside = (easting > 702_005) & (easting < 702_995) & (northing < 5_502_995) & (northing > 5_502_005)
    np.testing.assert_array_equal(known, inside)
    assert (seen.covered >= inside).all()


@pytest.mark.parametrize("epsg", [32630, 3035])
def test_a_scene_states_its_error_pixel_by_pixel_where_it_can(tmp_path: Path, epsg: int) -> None:
    grid = make_grid(epsg=32630, left=702_000, top=5_503_000, width=100, height=100)
    folder = write_mapped(tmp_path, "a", grid, Ground(distance_m=compute_slope, width_m=1000))
    stated = np.zeros((100, 100), np.uint8)  # in steps of 0.004 and half a step more
    stated[:, 40:60] = 50
    share = np.full((100, 100), 125, np.uint8)
    with rasterio.open(folder / "probability.tif") as src:
        profile = src.profile | {"count": 2}
    with rasterio.open(folder / "share.tif", "w", **profile) as dst:
        dst.write(np.stack((share, stated)))
    layer = Layer(number=0, folder=folder, grid=grid, overpass=0, acquired=MORNING, error=0.3)
    lattice = Lattice(name="lattice", crs=CRS.from_epsg(epsg), resolution=10.0)
    x, y = Transformer.from_crs("EPSG:32630", epsg, always_xy=True).transform([702_500, 702_800], [5_502_500] * 2)
    pixels = [Window(int(left // 10), int(-top // 10), 1, 1) for left, top in zip(x, y, strict=True)]
    near, away = (read_layer(layer, lattice, window).error.item() for window in pixels)
    assert near == pytest.approx(0.202)
    assert away == pytest.approx(0.3)


def test_own_pixels_come_first_within_an_overpass() -> None:
    lattice = Lattice(name="utm30", crs=CRS.from_epsg(32630), resolution=10.0)
    other = Layer(
        number=0,
        folder=Path(),
        grid=make_grid(epsg=32631, left=2e5, top=5.5e6, width=9, height=9),
        overpass=0,
        acquired=None,
    )
    assert [layer.number for layer in order_layers([other, make_layer(1, 0), make_layer(2, 1)], lattice)] == [1, 0, 2]


def test_a_broken_map_is_named(tmp_path: Path) -> None:
    grid = make_grid(epsg=32630, left=702_000, top=5_503_000, width=64, height=64)
    folder = write_mapped(tmp_path, "broken", grid, Ground(distance_m=compute_slope))
    (folder / "probability.tif").write_bytes(b"II*\0")
    layer = Layer(number=0, folder=folder, grid=grid, overpass=0, acquired=MORNING)
    lattice = Lattice(name="utm30", crs=CRS.from_epsg(32630), resolution=10.0)
    with pytest.raises(RasterReadError, match=r"broken.*Map it again"):
        read_layer(layer, lattice, Window(70_200, -550_300, 64, 64))
