"""Cubes that are understood, and those that are refused with a clear word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from affine import Affine

from pipeline.cubes.layout import find_layout
from strandline import StrandlineError
from tests.pipeline.cubes.cube_sources import CRS, NAMES, make_cube, make_pixels
from tiles.bands import L2A_STACK
from tiles.errors import BandError, GridError, SceneError


def cube(height: int = 20, width: int = 24) -> xr.Dataset:
    return make_cube(make_pixels((height, width)))


def without_crs() -> xr.Dataset:
    return cube().drop_vars("spatial_ref")


def stacked() -> xr.DataArray:
    return cube().to_dataarray("band")


def move(along: str, how: Callable[[np.ndarray], np.ndarray]) -> xr.Dataset:
    found = cube()
    return found.assign_coords({along: how(found[along].values.copy())})


def swap(values: np.ndarray) -> np.ndarray:
    values[[3, 4]] = values[[4, 3]]
    return values


def double(values: np.ndarray) -> np.ndarray:
    values[4] = values[3]
    return values


def stretch(values: np.ndarray) -> np.ndarray:
    values[-1] += 400
    return values


@pytest.mark.parametrize(
    ("found", "crs"),
    [
        (cube(), 32630),
        (without_crs().assign_attrs(crs="EPSG:32631"), 32631),
        (without_crs().assign_attrs(crs="epsg:32631"), 32631),
        (without_crs().assign_coords(epsg=32632), 32632),
        (without_crs().assign_coords({"proj:code": "EPSG:32632"}), 32632),
        (cube().assign_coords(crs=((), 0, cube().spatial_ref.attrs)).drop_vars("spatial_ref"), 32630),
        (cube().rename(x="lon", y="lat"), 32630),
        (stacked(), 32630),
        (stacked().isel(time=0), 32630),
        (stacked().to_dataset(name="reflectance"), 32630),
    ],
)
def test_where_a_cube_lies(found: xr.Dataset, crs: int) -> None:
    layout = find_layout(found)
    assert layout.grid.crs.to_epsg() == crs
    assert layout.grid.transform == Affine(10, 0, 600_000, 0, -10, 5_000_000)
    assert layout.grid.shape == (20, 24)
    assert tuple(layout.bands) == ("B02", "B03", "B04", "B08")


def test_stackstac_has_its_coordinates_at_the_corner() -> None:
    corner = (
        cube()
        .assign_coords(x=cube().x - 5, y=cube().y + 5)
        .assign_attrs(transform=Affine(10, 0, 600_000, 0, -10, 5_000_000))
    )
    assert find_layout(corner).grid.transform == Affine(10, 0, 600_000, 0, -10, 5_000_000)
    part = find_layout(corner.isel(x=slice(3, None), y=slice(2, 10)))  # whose attributes still speak of the whole
    assert part.grid.transform == Affine(10, 0, 600_030, 0, -10, 4_999_980)


def test_rows_from_south_to_north_are_turned() -> None:
    layout = find_layout(cube().isel(y=slice(None, None, -1)))
    assert layout.flipped == ("y",)
    assert layout.grid == find_layout(cube()).grid
    np.testing.assert_array_equal(layout.bands["B03"], cube().B03)


def test_bands_along_a_dimension_by_every_kind_of_name() -> None:
    numbered = stacked().assign_coords(band=[1, 2, 3, 4])
    named = numbered.assign_attrs(long_name=("blue", "green", "red", "nir"))
    assert tuple(find_layout(named).bands) == ("B02", "B03", "B04", "B08")
    layout = find_layout(
        make_cube(make_pixels((9, 9), names=L2A_STACK), names=L2A_STACK).to_dataarray("band").drop_vars("band")
    )
    assert tuple(layout.bands) == L2A_STACK
    assert "their order was assumed" in layout.notes[0]
    mixed = stacked().assign_coords(band=["SCL", "visual", "nir", "green"])
    layout = find_layout(mixed)
    assert tuple(layout.bands) == ("B03", "B08")
    assert layout.classification is not None


REFUSED: dict[str, tuple[xr.Dataset | xr.DataArray, type[StrandlineError], str]] = {
    "no rows": (cube().rename(y="north"), SceneError, "dimensions y and x, or latitude and longitude; found"),
    "two more dimensions": (cube().expand_dims("orbit"), SceneError, "found also orbit, time"),
    "no band": (cube().rename(B02="a", B03="b", B04="c", B08="d"), BandError, "found a, b, c, d"),
    "no names": (stacked().assign_coords(band=[1, 2, 3, 4]), BandError, "found 1, 2, 3, 4"),
    "only clouds": (cube()[["B02"]].rename(B02="SCL"), BandError, "only SCL"),
    "a band twice": (cube().assign(blue=cube().B02), BandError, "found B02 again as blue"),
    "no CRS": (without_crs(), GridError, "a cube that says its CRS"),
    "no coordinates": (cube().drop_vars("x"), GridError, "coordinates along x, found none"),
    "unsorted": (move("y", swap), GridError, "along y, found values that are not sorted"),
    "duplicates": (move("x", double), GridError, "along x, found duplicates"),
    "uneven": (move("x", stretch), GridError, "found steps from 10 to 410"),
    "rotated in odc's and GDAL's way": (
        cube().assign_coords(
            spatial_ref=((), 0, cube().spatial_ref.attrs | {"GeoTransform": "600000 9 1 5000000 1 -9"})
        ),
        GridError,
        "a rotated transform",
    ),
    "rotated by its attributes": (cube().assign_attrs(transform=Affine(9, 1, 0, 1, -9, 0)), GridError, "rotated"),
    "rotated in rioxarray's way": (
        cube().assign_coords(xc=(("y", "x"), np.zeros((20, 24))), yc=(("y", "x"), np.zeros((20, 24)))),
        GridError,
        "two-dimensional coordinates xc, yc",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_cube_is_refused(case: str) -> None:
    found, kind, message = REFUSED[case]
    with pytest.raises(kind, match=message):
        find_layout(found)


def test_real_rasters_in_degrees(shared: Path) -> None:
    import rioxarray

    found = rioxarray.open_rasterio(shared / "scenes/sundarbans_20200127_L2A_12band.tif")
    assert isinstance(found, xr.DataArray)
    layout = find_layout(found)
    assert layout.grid.crs.is_geographic
    assert tuple(layout.bands) == L2A_STACK
    assert layout.grid.transform.almost_equals(found.rio.transform(), precision=1e-9)
    assert CRS.startswith("EPSG")


def test_a_name_counts_for_a_single_band_and_names_for_as_many() -> None:
    one = stacked().isel(band=[3]).drop_vars("band")
    assert tuple(find_layout(one.assign_attrs(long_name="nir")).bands) == ("B08",)
    assert tuple(find_layout(one.assign_attrs(long_name=["nir"])).bands) == ("B08",)
    four = stacked().drop_vars("band")
    for names in ("nir", ("nir", "red")):
        with pytest.raises(BandError, match="found number 1, number 2, number 3, number 4"):
            find_layout(four.assign_attrs(long_name=names))


@pytest.mark.parametrize(("off_px", "fits"), [(0.009, True), (0.011, False), (-0.009, True), (-0.011, False)])
def test_a_coordinate_may_lie_a_hundredth_of_a_pixel_off(off_px: float, fits: bool) -> None:
    moved = cube()
    x = moved.x.values.copy()
    x[5] += 10 * off_px
    if fits:
        assert find_layout(moved.assign_coords(x=x)).grid.resolution[0] == 10
    else:
        with pytest.raises(GridError, match="even spacing along x"):
            find_layout(moved.assign_coords(x=x))


def test_one_row_or_column_is_as_high_as_it_is_wide() -> None:
    row = find_layout(cube().isel(y=[4]))
    assert row.grid.transform == Affine(10, 0, 600_000, 0, -10, 4_999_960)
    assert row.flipped == ()
    col = find_layout(cube().isel(x=[3]))
    assert col.grid.transform == Affine(10, 0, 600_030, 0, -10, 5_000_000)
    assert find_layout(cube().isel(x=[3], y=[4])).grid.resolution == (1, 1)


def test_columns_from_east_to_west_are_turned() -> None:
    layout = find_layout(cube().isel(x=slice(None, None, -1)))
    assert layout.flipped == ("x",)
    assert layout.grid == find_layout(cube()).grid


@pytest.mark.parametrize("transform", ["600000 9 1 5000000 0 -9", "600000 9 0 5000000 1 -9", [9, 0, 0, 1, -9, 0]])
def test_one_term_off_the_diagonal_is_a_rotation(transform: object) -> None:
    attrs = {"GeoTransform": transform} if isinstance(transform, str) else {}
    turned = cube().assign_coords(spatial_ref=((), 0, cube().spatial_ref.attrs | attrs))
    turned = turned if attrs else turned.assign_attrs(transform=transform)
    with pytest.raises(GridError, match="rotated"):
        find_layout(turned)


def test_an_upright_transform_in_text_is_none() -> None:
    attrs = cube().spatial_ref.attrs | {"GeoTransform": "600000 10 0 5000000 0 -10"}
    assert find_layout(cube().assign_coords(spatial_ref=((), 0, attrs))).grid.shape == (20, 24)


def test_dates_have_names_and_a_number() -> None:
    layout = find_layout(make_cube(make_pixels((4, 4), steps=2)))
    assert (layout.steps, layout.name_step(1)) == (2, "2024-06-06T10:30:00")
    single = find_layout(cube().isel(time=0))
    assert (single.steps, single.name_step(0), single.is_lazy) == (1, "step 0", False)
    clouds = cube().assign(SCL=cube().B02.astype("uint8").chunk())
    assert find_layout(clouds).is_lazy


def test_variables_that_are_only_counted_are_what_their_long_name_says() -> None:
    cube = make_cube(make_pixels((4, 4))).rename({name: f"band_{number}" for number, name in enumerate(NAMES, 1)})
    with pytest.raises(BandError, match="found band_1, band_2, band_3, band_4"):
        find_layout(cube)
    for number, name in enumerate(reversed(NAMES), 1):
        cube[f"band_{number}"].attrs["long_name"] = name
    bands = find_layout(cube).bands
    assert {name: array.name for name, array in bands.items()} == {
        name: f"band_{number}" for number, name in enumerate(reversed(NAMES), 1)
    }


def test_names_that_may_count_are_asked_for() -> None:
    cube = make_cube(make_pixels((4, 4))).rename({name: f"B{number}" for number, name in enumerate(NAMES, 1)})
    with pytest.raises(BandError, match=r"found B1, B2, B3, B4, which may as well only count"):
        find_layout(cube)
