"""Where the ocean is: known places, real scenes, and a file of the user's own."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine
from rasterio.crs import CRS

from pipeline.trace.coarse import CoarseGrid
from pipeline.trace.ellipsoid import Ground
from pipeline.trace.ocean import Ocean, draw_ocean, read_ocean
from pipeline.trace.waters import OceanCells
from tiles.errors import GridError
from tiles.grid import Grid

WGS84 = pyproj.CRS.from_epsg(4326)


def ground_at(lon: float, lat: float, *, size: float = 0.2) -> Ground:
    """A scene of 100 x 100 pixels in degrees around a place."""
    step = size / 100
    corner = Affine(step, 0, lon - size / 2, 0, -step, lat + size / 2)
    return Ground(Grid(crs=CRS.from_epsg(4326), transform=corner, width=100, height=100))


def is_ocean(ocean: Ocean, ground: Ground, lon: float, lat: float) -> bool:
    x, y = pyproj.Transformer.from_crs(WGS84, ground.plane, always_xy=True).transform(lon, lat)
    return bool(shapely.contains_xy(ocean.whole, x, y))


@pytest.mark.parametrize(
    ("lon", "lat", "expected"),
    [
        (-30.0, 30.0, True),  # mid-Atlantic
        (11.2, 48.0, False),  # Bavaria
        (-1.5, 52.5, False),  # the English Midlands
        (19.0, 58.0, True),  # the Baltic
        (178.0, -17.8, False),  # Viti Levu, Fiji
        (179.99, -19.0, True),  # Fiji's waters, west of the antimeridian
        (-179.99, -19.0, True),  # and east of it
        (180.01, 66.5, False),  # Chukotka, where Natural Earth is cut at 180 degrees
        (0.0, -80.0, False),  # Antarctica, whose ring goes around the pole
        (179.9, -80.0, True),  # the Ross Sea, or its shelf ice
        (50.5, 42.0, True),  # the Caspian, a hole in Eurasia
        (34.5, 31.0, False),  # the Negev
    ],
)
def test_known_places(lon: float, lat: float, *, expected: bool) -> None:
    ground = ground_at(lon, lat)
    assert is_ocean(read_ocean(ground), ground, lon, lat) == expected


def test_both_sides_of_the_antimeridian_are_seen() -> None:
    ground = ground_at(180.0, -16.8, size=0.6)  # Taveuni lies on both sides
    ocean = read_ocean(ground)
    assert [is_ocean(ocean, ground, lon, -16.9) for lon in (179.95, -179.75)] == [False, True]


def test_the_certain_ocean_lies_off_the_land() -> None:
    ground = ground_at(11.0, 54.5, size=0.5)
    ocean = read_ocean(ground)
    land = shapely.difference(shapely.envelope(ocean.whole), ocean.whole)
    assert 0 < shapely.area(ocean.certain) < shapely.area(ocean.whole)
    assert shapely.distance(ocean.certain, land) == pytest.approx(2000, rel=0.02)


def draw(ground: Ground, ocean: Ocean | None = None) -> OceanCells:
    return draw_ocean(ocean or read_ocean(ground), ground, CoarseGrid.of(ground))


def test_the_cells_are_drawn_where_the_ocean_lies() -> None:
    ground = ground_at(11.0, 54.5, size=0.5)
    ocean = read_ocean(ground)
    cells = draw(ground, ocean)
    row, col = np.indices(cells.whole.shape)
    coarse = CoarseGrid.of(ground)
    middle = (np.stack((col.ravel(), row.ravel()), axis=1) + 0.5) * np.array(coarse.factor)
    x, y = ground.to_plane.transform(*ground.compute_coordinates(middle).T)
    for drawn, part in ((cells.whole, ocean.whole), (cells.certain, ocean.certain)):
        assert 0.05 < drawn.mean() < 0.95
        assert (drawn.ravel() == shapely.contains_xy(part, x, y)).mean() > 0.999
    distance = cells.measure(row.ravel(), col.ravel())
    assert distance == pytest.approx(shapely.distance(shapely.points(x, y), ocean.whole), abs=1e-6)
    near = cells.near.ravel()
    assert (near == (distance <= 2000)).mean() > 0.999


def test_there_are_no_cells_of_ocean_without_an_ocean() -> None:
    cells = draw(ground_at(11.2, 48.0))
    assert not (cells.whole | cells.certain | cells.near).any()


def test_real_scenes_lie_where_they_lie(shared: Path) -> None:
    fiji = next((shared / "safe").glob("*T01KCV*/GRANULE/*/IMG_DATA/R60m/*B04_60m.jp2"))
    lakes = next((shared / "scenes").glob("ammersee*.tif"))
    oceans = []
    for path in (fiji, lakes):
        with rasterio.open(path) as raster:
            ground = Ground(Grid(crs=raster.crs, transform=raster.transform, width=raster.width, height=raster.height))
        oceans.append(read_ocean(ground).whole)
    assert shapely.area(oceans[0]) / shapely.area(shapely.envelope(oceans[0])) > 0.98  # reef islands in a wide sea
    assert shapely.is_empty(oceans[1])


def test_an_ocean_of_ones_own_is_taken_at_its_word(tmp_path: Path) -> None:
    ground = ground_at(11.2, 48.0)
    path = tmp_path / "ocean.geojson"
    gpd.GeoDataFrame(geometry=[shapely.box(11.2, 47.0, 12.0, 49.0)], crs=WGS84).to_file(path)
    ocean = read_ocean(ground, path=path)
    cells = draw(ground, ocean)
    half = cells.whole.shape[1] // 2
    assert cells.whole[:, half:].all()
    assert not cells.whole[:, :half].any()
    assert (cells.certain == cells.whole).all()
    assert (cells.near == cells.whole).all()


def test_files_that_are_no_ocean_are_refused(tmp_path: Path) -> None:
    ground = ground_at(11.2, 48.0)
    with pytest.raises(GridError, match="cannot be read"):
        read_ocean(ground, path=tmp_path / "missing.gpkg")
    line = shapely.LineString([(0, 0), (1, 1)])
    gpd.GeoDataFrame(geometry=[line], crs=WGS84).to_file(tmp_path / "lines.gpkg")
    with pytest.raises(GridError, match="found 1 features of LineString"):
        read_ocean(ground, path=tmp_path / "lines.gpkg")
    with pytest.warns(UserWarning, match="crs"):
        gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 1, 1)]).to_file(tmp_path / "nowhere.shp")
    with pytest.raises(GridError, match="no CRS"):
        read_ocean(ground, path=tmp_path / "nowhere.shp")


def test_the_edges_of_ones_own_ocean_run_where_they_were_drawn(tmp_path: Path) -> None:
    ground = ground_at(11.0, 60.0)
    path = tmp_path / "ocean.geojson"
    gpd.GeoDataFrame(geometry=[shapely.box(1, 60, 21, 62)], crs=WGS84).to_file(path)
    ocean = read_ocean(ground, path=path)
    for lon in (10.91, 11.0, 11.09):  # between corners alone the edge would run 20 km north of here
        assert is_ocean(ocean, ground, lon, 60.0005)
        assert not is_ocean(ocean, ground, lon, 59.9995)


def test_all_layers_of_ones_own_ocean_count(tmp_path: Path) -> None:
    ground = ground_at(11.2, 48.0)
    path = tmp_path / "ocean.gpkg"
    for layer, west in (("bay", 11.1), ("open sea", 11.25)):
        gpd.GeoDataFrame(geometry=[shapely.box(west, 47.9, west + 0.05, 48.1)], crs=WGS84).to_file(path, layer=layer)
    ocean = read_ocean(ground, path=path)
    assert [is_ocean(ocean, ground, lon, 48.0) for lon in (11.12, 11.2, 11.27)] == [True, False, True]
    gpd.GeoDataFrame(geometry=[shapely.box(11.15, 47.9, 11.25, 48.1)], crs=WGS84).to_file(path, layer="land")
    with pytest.raises(GridError, match="found layers bay, open sea, land"):
        read_ocean(ground, path=path)


def test_a_part_of_the_cells_is_drawn_and_measured_as_within_the_whole() -> None:
    ground = ground_at(11.0, 54.5, size=0.5)
    whole = CoarseGrid(factor=(2, 1), shape=(100, 50), cell_m=500.0)
    part = CoarseGrid(factor=(2, 1), shape=(30, 20), cell_m=500.0, corner=(15, 40))
    ocean = read_ocean(ground)
    all_cells, some_cells = (draw_ocean(ocean, ground, coarse) for coarse in (whole, part))
    for name in ("whole", "certain", "near"):
        drawn = getattr(all_cells, name)[40:70, 15:35]
        assert (getattr(some_cells, name) == drawn).all()
        assert drawn.any()
    rows, cols = (axis.ravel() for axis in np.indices(part.shape))
    distance = all_cells.measure(rows + 40, cols + 15)
    np.testing.assert_allclose(some_cells.measure(rows, cols), distance, atol=1e-6)
    assert distance.max() > 500
