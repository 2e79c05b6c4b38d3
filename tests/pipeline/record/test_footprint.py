"""Where a map has data, in degrees: a hull of its valid pixels, cut and turned at the antimeridian."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from pyproj import Transformer
from rasterio.crs import CRS
from shapely.geometry import box, shape

from pipeline.output.classes import NODATA, WATER
from pipeline.record.footprint import compute_bbox, compute_footprint
from tiles.grid import Grid

UTM = Grid(crs=CRS.from_epsg(32630), transform=Affine(100, 0, 500000, 0, -100, 5600000), width=60, height=40)


def write_water(path: Path, classes: np.ndarray, grid: Grid) -> Path:
    profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "crs": grid.crs, "transform": grid.transform}
    with rasterio.open(path, "w", width=grid.width, height=grid.height, nodata=NODATA, **profile) as dst:
        dst.write(classes.astype(np.uint8), 1)
    return path


def test_the_hull_of_the_pixels_with_data_is_drawn(tmp_path: Path) -> None:
    classes = np.full(UTM.shape, NODATA)
    classes[10:30, 20:50] = WATER
    geometry, bbox = compute_footprint(UTM, write_water(tmp_path / "water.tif", classes, UTM))
    back = shapely.transform(
        shape(geometry), Transformer.from_crs("OGC:CRS84", UTM.crs, always_xy=True).transform, interleaved=False
    )
    expected = box(502000, 5597000, 505000, 5599000)
    assert back.symmetric_difference(expected).area < 1e-3 * expected.area
    assert bbox == pytest.approx(shape(geometry).bounds, abs=1e-9)


def test_where_nothing_has_data_the_whole_grid_is_drawn(tmp_path: Path) -> None:
    empty, _ = compute_footprint(UTM, write_water(tmp_path / "a.tif", np.full(UTM.shape, NODATA), UTM))
    whole, _ = compute_footprint(UTM, write_water(tmp_path / "b.tif", np.full(UTM.shape, WATER), UTM))
    assert shape(empty).symmetric_difference(shape(whole)).area < 1e-9


def test_a_map_across_the_antimeridian_is_two_parts_and_its_west_is_larger_than_its_east(tmp_path: Path) -> None:
    grid = Grid(crs=CRS.from_epsg(32701), transform=Affine(600, 0, 150000, 0, -600, 8100000), width=90, height=60)
    geometry, (west, south, east, north) = compute_footprint(
        grid, write_water(tmp_path / "water.tif", np.full(grid.shape, WATER), grid)
    )
    assert geometry["type"] == "MultiPolygon"
    assert west > 179
    assert east < -179
    assert -18 < south < north < -16


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((10.0, 1.0, 11.0, 2.0), [10.0, 1.0, 11.0, 2.0]),
        ((179.0, 1.0, 181.5, 2.0), [179.0, 1.0, -178.5, 2.0]),
        ((-181.5, 1.0, -179.0, 2.0), [178.5, 1.0, -179.0, 2.0]),
        ((-180.0, 1.0, 180.0, 2.0), [-180.0, 1.0, 180.0, 2.0]),
        ((0.12345649, 0.0, 0.5, 1.0), [0.123456, 0.0, 0.5, 1.0]),
    ],
)
def test_bounds_are_brought_within_180_degrees(bounds: tuple[float, ...], expected: list[float]) -> None:
    assert compute_bbox(box(*bounds)) == expected
