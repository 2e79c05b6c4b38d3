"""Longitudes go on over 180 degrees, and what crosses is cut there."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from pipeline.lonlat import cut_at_antimeridian, to_lonlat


def cut(*geometries: shapely.Geometry) -> list[shapely.Geometry]:
    return list(cut_at_antimeridian(np.array(geometries, dtype=object)))


def test_what_lies_within_is_left_as_it_is() -> None:
    line, square = shapely.LineString([(-180, 0), (180, 1)]), shapely.box(-180, -90, 180, 90)
    given = np.array([line, square], dtype=object)
    whole = cut_at_antimeridian(given)
    assert list(whole) == [line, square]
    assert whole is not given


@pytest.mark.parametrize("turn", [0, -360])
def test_a_line_over_180_degrees_is_two_that_keep_their_direction(turn: int) -> None:
    (parts,) = cut(shapely.LineString([(179 + turn, 0), (181 + turn, 2), (182 + turn, 2)]))
    assert parts.geom_type == "MultiLineString"
    assert sorted(part.wkt for part in parts.geoms) == [
        "LINESTRING (-180 1, -179 2, -178 2)",
        "LINESTRING (179 0, 180 1)",
    ]


@pytest.mark.parametrize("turn", [0, -360])
def test_a_polygon_over_180_degrees_is_two_with_the_same_area(turn: int) -> None:
    (parts,) = cut(shapely.box(178 + turn, 0, 183 + turn, 1))
    assert parts.geom_type == "MultiPolygon"
    assert sorted(part.bounds for part in parts.geoms) == [(-180, 0, -177, 1), (178, 0, 180, 1)]


def test_what_lies_wholly_on_the_other_side_is_turned_and_not_cut() -> None:
    assert [part.bounds for part in cut(shapely.box(181, 0, 182, 1), shapely.box(-183, 0, -182, 1))] == [
        (-179, 0, -178, 1),
        (177, 0, 178, 1),
    ]
    (line,) = cut(shapely.LineString([(180, 0), (181, 1), (182, 0)]))
    assert line.wkt == "LINESTRING (-180 0, -179 1, -178 0)"


def test_what_only_touches_the_meridian_leaves_nothing_on_the_other_side() -> None:
    (line,) = cut(shapely.LineString([(179, 0), (180, 1), (179, 2), (181, 2)]))
    assert sorted(part.wkt for part in line.geoms) == [
        "LINESTRING (-180 2, -179 2)",
        "LINESTRING (179 0, 180 1, 179 2, 180 2)",
    ]
    (polygon,) = cut(shapely.Polygon([(180, 0), (182, 0), (182, 2)]))
    assert (polygon.geom_type, polygon.bounds) == ("Polygon", (-180, 0, -178, 2))


def test_a_line_that_comes_back_has_a_part_for_each_time() -> None:
    (line,) = cut(shapely.LineString([(179, 0), (181, 0), (181, 2), (179, 2)]))
    assert sorted(part.wkt for part in line.geoms) == [
        "LINESTRING (-180 0, -179 0, -179 2, -180 2)",
        "LINESTRING (179 0, 180 0)",
        "LINESTRING (180 2, 179 2)",
    ]


def test_longitudes_stay_next_to_the_first() -> None:
    given = np.array([shapely.LineString([(179.5, 1), (-179.5, 2)]), shapely.Point(-178, 3)], dtype=object)
    moved = to_lonlat(given, "OGC:CRS84")
    assert shapely.get_coordinates(moved).tolist() == [[179.5, 1], [180.5, 2], [182, 3]]
    west = to_lonlat(np.array([shapely.LineString([(-179.5, 1), (179.5, 2)])], dtype=object), "OGC:CRS84")
    assert shapely.get_coordinates(west).tolist() == [[-179.5, 1], [-180.5, 2]]


def test_axes_are_longitude_and_latitude_whatever_the_crs_has_first() -> None:
    (point,) = to_lonlat(np.array([shapely.Point(8, 54)], dtype=object), "EPSG:4326")
    assert (point.x, point.y) == (8, 54)
    (place,) = to_lonlat(np.array([shapely.Point(500_000, 0)], dtype=object), "EPSG:32631")
    assert (place.x, place.y) == pytest.approx((3, 0), abs=1e-9)
    empty = np.array([], dtype=object)
    assert to_lonlat(empty, "EPSG:32631") is empty
