"""Features in another CRS: by the right shift of datum, edges where they were, cut where the world ends."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from pipeline.errors import OptionError
from pipeline.place import LON_LAT, Placing, place_in_degrees, plan_placing, resolve_crs

UTM30 = pyproj.CRS("EPSG:32630")


def plan(crs: str, shapes: Sequence[shapely.Geometry], src: pyproj.CRS = UTM30) -> Placing:
    return plan_placing(src, pyproj.CRS(crs), tuple(shapely.total_bounds(shapes)))


def test_a_crs_is_known_by_its_code() -> None:
    assert resolve_crs("epsg:3035") == "EPSG:3035"
    assert resolve_crs("ESRI:102001") == "ESRI:102001"
    assert resolve_crs("WGS 84 / UTM zone 30N") == "EPSG:32630"
    assert resolve_crs(pyproj.CRS("EPSG:27700").to_wkt()) == "EPSG:27700"


@pytest.mark.parametrize(
    "text", ["EPSG:999999", "somewhere", "+proj=laea +lat_0=10", "EPSG:4979", "EPSG:4978", "EPSG:5773", ""]
)
def test_what_no_other_program_could_tell_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"such as EPSG:3035, found '") as caught:
        resolve_crs(text)
    assert "\n" not in str(caught.value)


def test_the_same_crs_changes_nothing() -> None:
    line = shapely.LineString([(600000, 5600000), (700000, 5600000)])
    assert plan("EPSG:32630", [line]).place(np.array([line]))[0] is line


def test_a_datum_is_shifted() -> None:
    # The Ordnance Survey's worked example of its transformation guide lies here; OSGB36 is some 100 m off WGS 84.
    point = shapely.Point(-1.5, 52.0)
    placing = plan("EPSG:4277", [point], src=LON_LAT)
    moved = placing.place(np.array([point]))[0]
    metres = pyproj.Geod(ellps="WGS84").inv(point.x, point.y, moved.x, moved.y)[2]
    assert 80 < metres < 140
    assert placing.note is not None
    assert "is right to 2 m" in placing.note
    assert placing.note.endswith("(pyproj sync --file uk_os_OSTN15_NTv2_OSGBtoETRS.tif).") or "grid" not in placing.note


def test_no_guess_stands_in_for_a_shift_of_datum() -> None:
    britain = shapely.Point(600000, 5700000)
    with pytest.raises(OptionError, match=r"NAD27 .* no shift of datum leads there"):
        plan("EPSG:26718", [britain])


def test_one_operation_serves_a_whole_layer() -> None:
    # ED50 has other parameters north and south of the Pyrenees: a line across must not step.
    line = shapely.segmentize(shapely.LineString([(500000, 4650000), (500000, 4850000)]), 1000)
    placed = plan("EPSG:23030", [line]).place(np.array([line]))[0]
    steps = np.diff(shapely.get_coordinates(placed), axis=0)
    assert np.abs(steps - steps[0]).max() < 0.1


def test_a_long_edge_runs_where_it_ran_and_a_short_one_stays() -> None:
    tile = shapely.box(300000, 5590240, 409800, 5700040)
    shore = shapely.LineString([(350000 + 10 * n, 5600000 + n % 3) for n in range(500)])
    placing = plan("EPSG:3035", [tile, shore])
    placed, line = placing.place(np.array([tile, shore]))
    assert shapely.get_num_coordinates(line) == 500
    assert placing.operation is not None
    along = shapely.get_coordinates(shapely.segmentize(tile, 50))
    true = shapely.points(np.stack(placing.operation.transform(*along.T), axis=1))
    assert shapely.distance(true, placed.exterior).max() < 0.11
    corners = shapely.transform(tile, lambda xy: np.stack(placing.operation.transform(*xy.T), axis=1))  # type: ignore[union-attr]
    assert shapely.distance(true, corners.exterior).max() > 20


@pytest.mark.parametrize(("crs", "half"), [("EPSG:4326", 180.0), ("EPSG:3857", 20037508.342789244)])
def test_what_crosses_the_end_of_the_world_is_cut_there(crs: str, half: float) -> None:
    fiji = pyproj.CRS("EPSG:32701")
    island = shapely.Point(179000, 8000000).buffer(30000)
    point, line = shapely.Point(170000, 8000000), shapely.LineString([(150000, 8000000), (200000, 8000000)])
    shapes = [island, point, line]
    placed = plan(crs, shapes, src=fiji).place(np.array(shapes, dtype=object))
    assert [shape.geom_type for shape in placed] == ["MultiPolygon", "Point", "MultiLineString"]
    for part in shapely.get_parts(placed):
        left, _, right, _ = part.bounds
        assert -half <= left <= right <= half
        assert right - left < half / 100


def test_degrees_beyond_180_are_brought_back() -> None:
    island = shapely.box(179.9, -17, 180.1, -16.9)
    placed = plan("EPSG:4326", [island], src=LON_LAT).place(np.array([island]))[0]
    assert [part.bounds[::2] for part in placed.geoms] == [(179.9, 180.0), (-180.0, pytest.approx(-179.9))]


def test_the_middle_of_the_pacific_is_not_cut_in_a_crs_of_its_own() -> None:
    island = shapely.Point(179000, 8000000).buffer(30000)
    placed = plan("EPSG:3832", [island], src=pyproj.CRS("EPSG:32701")).place(np.array([island]))[0]
    assert placed.geom_type == "Polygon"


def test_nothing_at_all_can_be_placed() -> None:
    assert len(place_in_degrees(gpd.GeoSeries([], crs="EPSG:32630"))) == 0
