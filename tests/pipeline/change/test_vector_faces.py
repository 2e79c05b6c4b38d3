"""Land, water and shore of a date that is given as lines, or as polygons and lines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from pipeline.change.faces import Faces
from pipeline.change.options import ChangeError
from pipeline.change.plane import Box, Plane
from pipeline.change.source import DatedCoast
from pipeline.change.vector_faces import read_vector_faces

PLANE = Plane(crs=pyproj.CRS.from_epsg(32630))
LEFT, BOTTOM = 500_000.0, 5_600_000.0
BOX = Box(left=LEFT, bottom=BOTTOM, right=LEFT + 320, top=BOTTOM + 320)


def place(geometry: Any) -> Any:  # noqa: ANN401 (any geometry, by metres from the corner of the block)
    return shapely.transform(geometry, lambda xy: xy + (LEFT, BOTTOM))  # noqa: RUF005 (arrays)


def write(path: Path, *lines: Any, columns: dict[str, Any] | None = None, **layers: Any) -> DatedCoast:  # noqa: ANN401
    data = columns or {"name": ["a"] * len(lines)}
    gpd.GeoDataFrame(data, geometry=[place(line) for line in lines], crs=PLANE.crs).to_file(path, layer="coastline")
    for name, polygon in layers.items():
        gpd.GeoDataFrame({"name": ["a"]}, geometry=[place(polygon)], crs=PLANE.crs).to_file(path, layer=name)
    return DatedCoast(path=path, id="a", files=(path,), vectors=path, layers=("coastline", *layers))


def read(coast: DatedCoast, *, margin_px: int = 0) -> Faces:
    faces = read_vector_faces(coast, BOX, plane=PLANE, margin_px=margin_px, line_sigma_m=7.0)
    assert faces is not None
    return faces


LONG = shapely.LineString([(100, -200), (100, 600)])
NORTH = shapely.segmentize(LONG, 50.0)


def test_land_lies_on_the_left_of_a_line(tmp_path: Path) -> None:
    faces = read(write(tmp_path / "a.gpkg", NORTH))
    assert faces.land.area == pytest.approx(100 * 320)
    assert faces.water.area == pytest.approx(220 * 320)
    assert shapely.bounds(faces.land) == pytest.approx((LEFT, BOTTOM, LEFT + 100, BOTTOM + 320))
    back = read(write(tmp_path / "b.gpkg", shapely.reverse(NORTH)))
    assert back.land.area == pytest.approx(220 * 320)


def test_a_side_is_told_two_cells_on_from_the_middle_of_a_segment(tmp_path: Path) -> None:
    faces = read(write(tmp_path / "a.gpkg", LONG))
    assert faces.water.area == pytest.approx(220 * 320 - 10 * 160)  # the third column, but for its middle cell
    assert faces.land.area == pytest.approx(100 * 320)


def test_lines_without_a_stated_uncertainty_have_the_chosen_one(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.gpkg", LONG)).shore.sigma.tolist() == [7, 7]
    second = shapely.LineString([(200, 600), (200, 300), (200, -200)])
    stated = {"uncertainty_mean_m": [3.0, np.nan]}
    shore = read(write(tmp_path / "b.gpkg", LONG, second, columns=stated)).shore
    assert shore.start.tolist() == [0, 2, 5]
    assert shore.sigma.tolist() == [3, 3, 7, 7, 7]


def test_polygons_count_where_the_file_has_both_kinds(tmp_path: Path) -> None:
    water, land = shapely.box(150, -400, 800, 800), shapely.box(-400, -400, 100, 800)
    faces = read(write(tmp_path / "a.gpkg", NORTH, water=water, land=land))
    assert faces.water.area == pytest.approx(170 * 320)
    assert faces.land.area == pytest.approx(100 * 320)
    alone = read(write(tmp_path / "b.gpkg", NORTH, water=water))
    assert alone.water.area == pytest.approx(220 * 320)  # water alone is not enough: the lines say it


def test_the_margin_around_what_was_not_seen_does_not_count(tmp_path: Path) -> None:
    water, land = shapely.box(100, -400, 200, 800), shapely.box(-400, -400, 100, 800)
    faces = read(write(tmp_path / "a.gpkg", NORTH, water=water, land=land), margin_px=2)
    assert faces.water.area == pytest.approx(80 * 320)
    assert faces.land.area == pytest.approx(100 * 320)


def test_a_line_that_ends_in_the_open_says_nothing_of_its_cell(tmp_path: Path) -> None:
    open_line = shapely.LineString([(400, 400), (400, 50)])
    assert read_vector_faces(
        write(tmp_path / "a.gpkg", shapely.LineString([(80, 60), (80, 100)])),
        Box(left=LEFT, bottom=BOTTOM, right=LEFT + 150, top=BOTTOM + 150),
        plane=PLANE, margin_px=0, line_sigma_m=7.0,
    ) is None  # fmt: skip
    assert read_vector_faces(
        write(tmp_path / "b.gpkg", open_line), BOX, plane=PLANE, margin_px=0, line_sigma_m=7.0
    ) is None  # fmt: skip


def test_polygons_in_place_of_lines_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ChangeError, match="found polygons alone"):
        read(write(tmp_path / "a.gpkg", shapely.box(0, 0, 50, 50)))


def test_a_long_edge_in_degrees_lies_on_its_parallel(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    to_degrees = pyproj.Transformer.from_crs(PLANE.crs, "OGC:CRS84", always_xy=True)
    lon, lat = to_degrees.transform(LEFT + 160, BOTTOM + 160)
    line = shapely.LineString([(lon - 1, lat), (lon + 1, lat)])  # its middle lies 430 m south of its ends
    gpd.GeoDataFrame({"name": ["a"]}, geometry=[line], crs="EPSG:4326").to_file(path)
    faces = read(DatedCoast(path=path, id="a", files=(path,), vectors=path, layers=("a",)))
    assert faces.land.area == pytest.approx(160 * 320, rel=0.01)
    assert faces.water.area == pytest.approx(160 * 320, rel=0.01)
