"""The plane of two dates: boxes, blocks on one lattice, and what overlays leave."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from pipeline.change.options import ChangeError
from pipeline.change.plane import (
    BLOCK_M,
    Box,
    Plane,
    clip_polygons,
    get_polygons,
    list_blocks,
    resolve_extents,
    resolve_plane,
)
from pipeline.change.source import DatedCoast, RasterPart
from tests.pipeline.mapped_folder import make_grid

UTM = Plane(crs=pyproj.CRS.from_epsg(32630))
BOX = Box(left=10, bottom=20, right=30, top=50)


def coast(*places: tuple[float, float], epsg: int = 32630, size: float = 10.0, height: int = 10) -> DatedCoast:
    """A date with rasters of 20 pixels of width, by their upper left corners."""
    grids = [make_grid(epsg=epsg, left=x, top=y, width=20, height=height, size=size) for x, y in places]
    parts = tuple(RasterPart(grid=grid, probability=None, water=None) for grid in grids)
    return DatedCoast(path=Path("a"), id="a", files=(), parts=parts)


def write_lines(path: Path, *lines: shapely.LineString) -> DatedCoast:
    gpd.GeoDataFrame({"name": ["a"] * len(lines)}, geometry=list(lines), crs=UTM.crs).to_file(path, layer="coastline")
    return DatedCoast(path=path, id="a", files=(path,), vectors=path, layers=("coastline",))


def test_a_box_grows_on_all_sides() -> None:
    assert BOX.grow(3) == Box(left=7, bottom=17, right=33, top=53)
    assert BOX.polygon.bounds == (10, 20, 30, 50)


def test_boxes_share_what_lies_in_both_and_nothing_where_they_only_touch() -> None:
    assert BOX.intersect(Box(left=0, bottom=30, right=20, top=60)) == Box(left=10, bottom=30, right=20, top=50)
    assert BOX.intersect(Box(left=15, bottom=0, right=99, top=30)) == Box(left=15, bottom=20, right=30, top=30)
    assert BOX.intersect(Box(left=30, bottom=20, right=40, top=50)) is None
    assert BOX.intersect(Box(left=10, bottom=50, right=30, top=60)) is None
    assert BOX.intersect(Box(left=40, bottom=20, right=50, top=50)) is None


def test_a_place_on_a_common_edge_lies_in_one_box_alone() -> None:
    places = np.array([[10.0, 30], [30, 30], [20, 20], [20, 50], [20, 30], [9, 30], [20, 19], [31, 30], [20, 51]])
    assert BOX.holds(places).tolist() == [True, False, True, False, True, False, False, False, False]


def test_places_come_back_from_degrees() -> None:
    xy = np.array([[500_000.0, 0.0], [600_000.0, 5_600_000.0]])
    degrees = UTM.compute_degrees(xy)
    assert degrees[0].tolist() == pytest.approx([-3, 0], abs=1e-9)  # the middle of zone 30
    assert UTM.project(degrees, "EPSG:4326") == pytest.approx(xy, abs=1e-3)
    assert UTM.project(xy, UTM.crs) is xy
    assert UTM.compute_degrees(np.zeros((0, 2))).shape == (0, 2)


def test_areas_are_those_of_the_ellipsoid_without_holes() -> None:
    west, south = 500_000.0, 5_600_000.0
    square = shapely.box(west - 500, south, west + 500, south + 1000)
    holed = shapely.difference(square, shapely.box(west - 250, south + 250, west + 250, south + 750))
    areas = UTM.compute_areas(np.array([square, holed, shapely.reverse(square)]))
    assert areas[0] == pytest.approx(1e6 / 0.9996**2, rel=1e-6)  # the scale in the middle of a zone
    assert areas[1] == pytest.approx(0.75 * areas[0], rel=1e-6)
    assert areas[2] == pytest.approx(areas[0])


def test_only_polygons_are_kept_out_of_nested_collections() -> None:
    square, other = shapely.box(0, 0, 1, 1), shapely.box(5, 5, 6, 6)
    mixed = shapely.GeometryCollection(
        [shapely.Point(0, 0), shapely.MultiPolygon([square, other]), shapely.LineString([(0, 0), (1, 1)])]
    )
    assert get_polygons(mixed).tolist() == [square, other]
    assert get_polygons(np.array([square, mixed])).tolist() == [square, square, other]
    assert get_polygons(shapely.Point(0, 0)).tolist() == []


def test_polygons_are_clipped_to_a_box_and_joined() -> None:
    polygons = np.array([shapely.box(0, 0, 15, 100), shapely.box(15, 0, 20, 30), shapely.box(60, 60, 70, 70)])
    assert clip_polygons(polygons, BOX, UTM).area == pytest.approx(5 * 30 + 5 * 10)
    beside = np.array([shapely.box(0, 20, 10, 50)])  # touches along an edge
    assert shapely.is_empty(clip_polygons(beside, BOX, UTM))


def test_the_plane_is_the_zone_of_the_date_where_it_has_one() -> None:
    assert resolve_plane(coast((500_000, 5_600_000))).crs.to_epsg() == 32630


def test_the_plane_is_of_equal_areas_around_the_date_where_it_has_no_zone() -> None:
    plane = resolve_plane(coast((10.0, 50.0), epsg=4326, size=0.1))
    assert plane.compute_degrees(np.zeros((1, 2)))[0].tolist() == pytest.approx([11.0, 49.5])
    assert plane.crs.axis_info[0].unit_name == "metre"


def test_two_dates_share_the_boxes_that_all_their_rasters_share() -> None:
    old, new = coast((0, 1000), (1000, 1000)), coast((150, 1050))
    assert resolve_extents(old, new, UTM) == (Box(left=150, bottom=950, right=200, top=1000),)
    assert len(resolve_extents(old, old, UTM)) == 2


def test_dates_of_two_places_are_told_apart_by_where_they_lie() -> None:
    old, new = coast((500_000, 5_600_000)), coast((500_200, 5_600_000))
    with pytest.raises(ChangeError, match=r"do not overlap: around 50\.5\d* ?°? ?N"):
        resolve_extents(old, new, UTM)


def test_the_box_of_a_vector_file_is_that_of_its_lines(tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "a.gpkg", shapely.LineString([(500_010, 5_599_910), (500_090, 5_599_950)]))
    (box,) = resolve_extents(lines, coast((500_000, 5_600_000)), UTM)
    assert (box.left, box.bottom, box.right, box.top) == pytest.approx((500_010, 5_599_910, 500_090, 5_599_950))


def test_a_vector_file_without_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ChangeError, match="holds no lines"):
        resolve_extents(write_lines(tmp_path / "a.gpkg"), coast((500_000, 5_600_000)), UTM)


def test_blocks_lie_on_one_lattice_and_are_listed_once_from_the_south() -> None:
    size = BLOCK_M
    whole = Box(left=size, bottom=2 * size, right=2 * size, top=3 * size)
    assert list_blocks((whole,)) == (whole,)
    wide = Box(left=size - 1, bottom=2 * size - 1, right=size + 1, top=2 * size + 1)
    places = [(block.bottom / size, block.left / size) for block in list_blocks((whole, wide))]
    assert places == [(1, 0), (1, 1), (2, 0), (2, 1)]
    west = Box(left=-1, bottom=0, right=0, top=1)
    assert list_blocks((west,)) == (Box(left=-size, bottom=0, right=0, top=size),)


def test_a_plane_of_our_own_has_a_name() -> None:
    crs = resolve_plane(coast((-1.5, 50.0), epsg=4326, size=1e-4)).crs
    assert crs.name == "WGS 84 / Lambert azimuthal equal area at 49.9995, -1.4990"
    assert pyproj.CRS(crs.to_wkt()).geodetic_crs.name == "WGS 84"  # type: ignore[union-attr]
    assert crs == pyproj.CRS.from_proj4("+proj=laea +lat_0=49.9995 +lon_0=-1.4990 +datum=WGS84 +units=m")
