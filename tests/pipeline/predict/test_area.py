"""The area of interest: the same ground by a box and by a file, of all layers, in any CRS."""

from __future__ import annotations

from pathlib import Path

import geopandas
import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from scipy.ndimage import binary_dilation
from shapely.geometry.base import BaseGeometry

from pipeline.predict.area import resolve_area
from tiles.errors import AreaOutsideSceneError, GridError
from tiles.grid import Grid
from tiles.vector_file import CROSSING_NOTE

CRS84 = "OGC:CRS84"


def make_grid(lon: float, lat: float, *, side: int = 240) -> Grid:
    """A scene of 10 m pixels around a place, in its UTM zone."""
    epsg = (32600 if lat >= 0 else 32700) + int((lon + 180) // 6) % 60 + 1
    x, y = pyproj.Transformer.from_crs(CRS84, f"EPSG:{epsg}", always_xy=True).transform(lon, lat)
    return Grid(
        crs=CRS.from_epsg(epsg),
        transform=Affine(10, 0, x - 5 * side, 0, -10, y + 5 * side),
        width=side,
        height=side,
    )


def draw(text: str, grid: Grid) -> np.ndarray:
    """True for pixels of the grid that are mapped."""
    area = resolve_area(text, grid)
    mapped = np.zeros(grid.shape, bool)
    outside = area.compute_outside(area.window, grid)
    mapped[area.window.slices()] = True if outside is None else ~outside
    return mapped


def write(path: Path, *shapes: BaseGeometry, crs: str = "EPSG:4326", layer: str | None = None) -> str:
    frame = geopandas.GeoDataFrame(geometry=list(shapes), crs=crs)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        driver = {"driver": "KML"} if path.suffix == ".kml" else {}
        frame.to_file(path, **driver, **({"layer": layer} if layer else {}))
    return str(path)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lon=st.floats(-160, 160),
    lat=st.floats(-70, 70),
    west=st.floats(0.003, 10),
    east=st.floats(0.003, 10),
    south=st.floats(0.003, 4),
    north=st.floats(-0.002, 4),
)
def test_a_box_covers_the_same_as_text_and_as_a_file(
    tmp_path: Path, lon: float, lat: float, west: float, east: float, south: float, north: float
) -> None:
    grid = make_grid(lon, lat)
    box = (lon - west, lat - south, lon + east, lat + north)
    by_text = draw(",".join(map(repr, box)), grid)
    by_file = draw(write(tmp_path / "area.geojson", shapely.box(*box)), grid)
    # A box along the grid counts the pixels that it cuts, too.
    near = binary_dilation(by_file, np.ones((3, 3)))
    assert not (by_file & ~by_text).any()
    assert not (by_text & ~near).any()


def test_an_edge_of_20_degrees_runs_along_its_parallel(tmp_path: Path) -> None:
    grid = make_grid(10.0, 59.5)
    mapped = draw(write(tmp_path / "area.geojson", shapely.box(1, 59.5, 21, 60.5)), grid)
    rows, cols = np.indices(grid.shape) + 0.5
    to_degrees = pyproj.Transformer.from_crs(grid.crs.to_wkt(), CRS84, always_xy=True)
    _, lat = to_degrees.transform(*(grid.transform @ (cols.ravel(), rows.ravel())))
    expected = (lat > 59.5).reshape(grid.shape)
    assert 0.4 < expected.mean() < 0.6
    assert (mapped != expected).sum() <= grid.width // 10  # a twentieth of a pixel decides few centres


def test_an_area_of_several_layers_is_all_of_them(tmp_path: Path) -> None:
    grid = make_grid(10.0, 54.0)
    left, bottom, right, top = grid.bounds
    crs = f"EPSG:{grid.crs.to_epsg()}"
    south, north = (
        shapely.box(left + 100, bottom + 100, left + 600, bottom + 500),
        shapely.box(left, top - 90, right, top),
    )
    text = write(tmp_path / "area.gpkg", south, crs=crs, layer="south")
    in_degrees = geopandas.GeoSeries([north], crs=crs).to_crs("EPSG:4326")[0]  # a layer may have a CRS of its own
    write(tmp_path / "area.gpkg", in_degrees, layer="north")
    assert draw(text, grid).sum() == pytest.approx(50 * 40 + 240 * 9, abs=3)


@pytest.mark.parametrize("ending", ["parquet", "kml", "shp", "fgb"])
def test_formats_cover_the_same(tmp_path: Path, ending: str) -> None:
    grid = make_grid(10.0, 54.0)
    shape = shapely.box(10.001, 53.995, 10.01, 54.004).difference(shapely.Point(10.005, 54).buffer(0.001))
    expected = draw(write(tmp_path / "area.geojson", shape), grid)
    assert expected.any()
    np.testing.assert_array_equal(draw(write(tmp_path / f"area.{ending}", shape), grid), expected)


def test_an_area_that_people_draw_over_the_antimeridian_lies_there(tmp_path: Path) -> None:
    grid = make_grid(179.999, -17.0)
    ring = [(179.995, -17.005), (-179.995, -17.005), (-179.995, -16.995), (179.995, -16.995)]
    area = resolve_area(write(tmp_path / "area.geojson", shapely.Polygon(ring)), grid)
    assert area.notes == (CROSSING_NOTE,)
    np.testing.assert_array_equal(
        draw(str(tmp_path / "area.geojson"), grid),
        draw(write(tmp_path / "other.geojson", shapely.box(179.995, -17.005, 180.005, -16.995)), grid),
    )
    assert draw(str(tmp_path / "area.geojson"), grid).sum() == pytest.approx(106 * 111, rel=0.02)


def test_an_area_elsewhere_says_where_it_lies(tmp_path: Path) -> None:
    grid = make_grid(10.0, 54.0)
    text = write(tmp_path / "far.gpkg", shapely.box(20, 10, 21, 11))
    with pytest.raises(AreaOutsideSceneError, match=r"far\.gpkg \(left 20, bottom 10, right 21, top 11, WGS 84\) does"):
        resolve_area(text, grid)
    beside = shapely.box(grid.bounds.right + 10, grid.bounds.bottom, grid.bounds.right + 30, grid.bounds.top)
    text = write(tmp_path / "beside.gpkg", beside, crs=f"EPSG:{grid.crs.to_epsg()}")
    with pytest.raises(AreaOutsideSceneError, match="does not touch the scene"):
        resolve_area(text, grid)


def test_a_crs_that_leads_nowhere_is_said_in_one_line(tmp_path: Path) -> None:
    local = 'LOCAL_CS["harbour",UNIT["metre",1],AXIS["X",EAST],AXIS["Y",NORTH]]'
    text = write(tmp_path / "harbour.gpkg", shapely.box(0, 0, 100, 100), crs=local)
    with pytest.raises(GridError, match=r"harbour\.gpkg cannot be brought to the scene's CRS") as caught:
        resolve_area(text, make_grid(10.0, 54.0))
    assert "\n" not in str(caught.value)
