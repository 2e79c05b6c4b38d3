from __future__ import annotations

from pathlib import Path

import geopandas
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from pipeline.search.area import SearchArea, resolve_search_area, unwrap
from pipeline.search.errors import SearchError

lon, lat = st.floats(-179, 179), st.floats(-75, 80)


def write_area(path: Path, *shapes: BaseGeometry, crs: str | None = "EPSG:4326") -> str:
    geopandas.GeoDataFrame(geometry=list(shapes), crs=crs).to_file(path)
    return str(path)


def covers(area: SearchArea, x: float, y: float) -> bool:
    return area.intersects(shapely.Point(x, y))


@given(lon, lat, st.floats(0.1, 50), st.floats(0.1, 4), st.floats(0, 1), st.floats(0, 1))
def test_box_holds_what_lies_in_it(west: float, south: float, width: float, height: float, u: float, v: float) -> None:
    east = west + width
    text = f"{west},{south},{east if east <= 180 else east - 360},{south + height}"
    area = resolve_search_area(text)
    x, y = west + (0.01 + 0.98 * u) * width, south + (0.01 + 0.98 * v) * height
    x = (x + 180) % 360 - 180
    for turned in (x, x - 360, x + 360):
        assert covers(area, turned, y)
    assert not covers(area, (west + east) / 2 + 180, y)
    assert all(part.bounds[0] >= -180 and part.bounds[2] <= 180 for part in area.compute_sides())
    assert len(area.compute_sides()) == (2 if east > 180 else 1)


def test_file_in_another_crs_keeps_its_curved_edges(tmp_path: Path) -> None:
    # The northern edge of this box in LAEA Europe bulges by kilometres between its corners in degrees.
    box = shapely.box(2_500_000, 4_800_000, 5_500_000, 5_300_000)
    area = resolve_search_area(write_area(tmp_path / "area.gpkg", box, crs="EPSG:3035"))
    to_degrees = Transformer.from_crs("EPSG:3035", "OGC:CRS84", always_xy=True).transform
    for x in np.linspace(2_500_000, 5_500_000, 37):
        for y in (4_800_000, 5_300_000):
            inward = 200 if y == 4_800_000 else -200
            at_x = float(np.clip(x, 2_500_200, 5_499_800))
            assert covers(area, *to_degrees(at_x, y + inward)), "just inside"
            assert not covers(area, *to_degrees(at_x, y - inward)), "just outside"


def test_projected_area_over_the_antimeridian(tmp_path: Path) -> None:
    box = shapely.box(700_000, 8_000_000, 1_000_000, 8_200_000)  # Fiji, beyond the eastern edge of zone 60
    area = resolve_search_area(write_area(tmp_path / "fiji.gpkg", box, crs="EPSG:32760"))
    to_degrees = Transformer.from_crs("EPSG:32760", "OGC:CRS84", always_xy=True).transform
    for x in (701_000, 850_000, 999_000):
        assert covers(area, *to_degrees(x, 8_100_000))
    assert len(area.compute_sides()) == 2
    assert sum(side.area for side in area.compute_sides()) < 10, "and not around the world"


@pytest.mark.parametrize(
    ("ring", "notes"),
    [
        ([(178, -17), (182, -17), (182, -16), (178, -16)], 0),  # as maps that scroll write it
        ([(178, -17), (-178, -17), (-178, -16), (178, -16)], 1),  # as people write it
    ],
)
def test_ring_over_the_antimeridian(tmp_path: Path, ring: list[tuple[float, float]], notes: int) -> None:
    area = resolve_search_area(write_area(tmp_path / "area.geojson", shapely.Polygon(ring)))
    assert covers(area, 179, -16.5)
    assert covers(area, -179, -16.5)
    assert not covers(area, 0, -16.5)
    assert len(area.notes) == notes


def test_area_cut_as_rfc_7946_wants(tmp_path: Path) -> None:
    parts = shapely.MultiPolygon([shapely.box(178, -17, 180, -16), shapely.box(-180, -17, -178, -16)])
    area = resolve_search_area(write_area(tmp_path / "area.geojson", parts))
    assert not area.notes
    assert [round(side.area, 6) for side in area.compute_sides()] == [2, 2]


def test_coastline_is_an_area_too(tmp_path: Path) -> None:
    line = shapely.LineString([(10, 54), (10.5, 54.5), (11, 54)])
    area = resolve_search_area(write_area(tmp_path / "coast.geojson", line, shapely.Point(20, 60)))
    assert covers(area, 10.25, 54.25)
    assert covers(area, 20, 60)
    assert not covers(area, 10.5, 54.2)


@settings(max_examples=5)
@given(st.integers(0, 2**32 - 1))
def test_what_is_asked_has_few_vertices_and_holds_the_area(seed: int) -> None:
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, 1500, endpoint=False)
    radius = 3 + rng.uniform(0, 0.3, angle.size) + np.sin(5 * angle)
    coast = shapely.make_valid(shapely.Polygon(np.column_stack([radius * np.cos(angle), 40 + radius * np.sin(angle)])))
    area = SearchArea(text="coast", geometry=coast)
    (side,) = area.compute_sides()
    assert shapely.get_num_coordinates(side) <= 500
    assert shapely.covers(side, coast)
    assert side.area < 2 * coast.area


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("10,54,11", "W,S,E,N"),
        ("10,54,11,53", "S < N"),
        ("10,54,200,55", "longitudes within 180"),
        ("10,84.5,11,90", "too near a pole"),
        ("-180,-90,180,-81", "too near a pole"),
        ("nothing.geojson", "found 'nothing.geojson'"),
    ],
)
def test_what_is_no_area_is_said_in_one_line(text: str, match: str) -> None:
    with pytest.raises(SearchError, match=match) as caught:
        resolve_search_area(text)
    assert "\n" not in str(caught.value)


def test_area_around_a_pole(tmp_path: Path) -> None:
    polar = write_area(tmp_path / "pole.gpkg", shapely.box(-1e6, -1e6, 1e6, 1e6), crs="EPSG:3031")
    with pytest.raises(SearchError, match="goes around a pole"):
        resolve_search_area(polar)


def test_area_that_reaches_towards_a_pole_is_cut_with_a_word() -> None:
    area = resolve_search_area("10,80,20,90")
    assert area.geometry.bounds == (10, 80, 20, 84)
    assert area.notes == (
        "The area reaches to latitude 90; Sentinel-2 is tiled in UTM, from 80°S to 84°N: the rest was left out.",
    )


@pytest.mark.filterwarnings("ignore:.crs. was not provided")
def test_files_that_are_no_area(tmp_path: Path) -> None:
    (tmp_path / "broken.geojson").write_text("{")
    with pytest.raises(SearchError, match="expected a vector file"):
        resolve_search_area(str(tmp_path / "broken.geojson"))
    with pytest.raises(SearchError, match="no CRS"):
        resolve_search_area(write_area(tmp_path / "bare.shp", shapely.box(0, 0, 1, 1), crs=None))
    empty = tmp_path / "empty.geojson"
    empty.write_text('{"type": "FeatureCollection", "features": []}')
    with pytest.raises(SearchError, match="holds no shape"):
        resolve_search_area(str(empty))


@given(st.floats(170, 190), lat, st.floats(0.1, 8))
def test_unwrap_brings_the_parts_together(west: float, south: float, width: float) -> None:
    whole = shapely.box(west, south, west + width, south + 1)
    world = [shapely.intersection(whole, shapely.box(-180, -90, 180, 90))]
    beyond = shapely.intersection(whole, shapely.box(180, -90, 540, 90))
    world.append(shapely.transform(beyond, lambda xy: xy - [360, 0]))
    parts = shapely.union_all([part for part in world if part.area > 0])
    one = unwrap(parts)
    assert one.geom_type == "Polygon"
    assert one.area == pytest.approx(whole.area)
    assert one.bounds[2] - one.bounds[0] == pytest.approx(width)


@pytest.mark.parametrize(("vertices", "is_same"), [(500, True), (501, False)])
def test_a_shape_of_500_vertices_is_asked_for_as_it_is(vertices: int, is_same: bool) -> None:
    angle = np.linspace(0, 2 * np.pi, vertices - 1, endpoint=False)
    disc = shapely.Polygon(np.column_stack([np.cos(angle), 40 + np.sin(angle)]))
    assert shapely.get_num_coordinates(disc) == vertices
    (side,) = SearchArea(text="disc", geometry=disc).compute_sides()
    assert side.equals(disc) is is_same
    assert side.area < 1.01 * disc.area  # grown by a thousandth of a degree


def test_a_point_is_an_area_of_some_10_m(tmp_path: Path) -> None:
    area = resolve_search_area(write_area(tmp_path / "point.geojson", shapely.Point(20, 60)))
    assert area.geometry.bounds == pytest.approx((19.9999, 59.9999, 20.0001, 60.0001))


def test_an_area_up_to_the_last_tile_is_left_whole() -> None:
    assert resolve_search_area("10,-80,20,84").notes == ()
    south = resolve_search_area("10,-85,20,0")
    assert south.geometry.bounds == (10, -80, 20, 0)
    assert south.notes[0].startswith("The area reaches to latitude -85; Sentinel-2 is tiled")
    both = resolve_search_area("10,-85,20,85")
    assert both.notes[0].startswith("The area reaches to latitude 85;")


@pytest.mark.parametrize(("width", "turned"), [(180, False), (180.5, True)])
def test_no_footprint_is_half_the_globe_wide(width: float, turned: bool) -> None:
    shape = shapely.box(-90, 0, -90 + width, 1)
    assert (unwrap(shape).bounds != shape.bounds) is turned


def test_both_sides_are_asked_only_where_the_area_comes_up_to_them() -> None:
    apart = shapely.union(shapely.box(170, 0, 179, 1), shapely.box(-179, 0, -170, 1))
    assert len(SearchArea(text="apart", geometry=apart).compute_sides()) == 1
    one = shapely.union(shapely.box(170, 0, 180, 1), shapely.box(-179, 0, -170, 1))
    assert len(SearchArea(text="one side", geometry=one).compute_sides()) == 1
    sides = SearchArea(text="both", geometry=shapely.union(one, shapely.box(-180, 0, -179, 1))).compute_sides()
    assert [side.bounds for side in sides] == [(170, 0, 180, 1), (-180, 0, -170, 1)]


def test_all_layers_are_the_area(tmp_path: Path) -> None:
    path = tmp_path / "area.gpkg"
    for layer, shape in {"a": shapely.box(10, 50, 11, 51), "b": shapely.Point(20, 60)}.items():
        geopandas.GeoDataFrame(geometry=[shape], crs="EPSG:4326").to_file(path, layer=layer)
    in_metres = geopandas.GeoSeries([shapely.box(30, 40, 30.1, 40.1)], crs="EPSG:4326").to_crs("EPSG:32636")
    in_metres.to_file(path, layer="c")
    area = resolve_search_area(str(path))
    assert covers(area, 10.5, 50.5)
    assert covers(area, 20, 60)
    assert covers(area, 30.05, 40.05)
    assert not covers(area, 15, 55)


def test_geoparquet_is_an_area(tmp_path: Path) -> None:
    path = tmp_path / "area.parquet"
    geopandas.GeoDataFrame(geometry=[shapely.box(10, 50, 11, 51)], crs="EPSG:4326").to_parquet(path)
    assert resolve_search_area(str(path)).geometry.equals(shapely.box(10, 50, 11, 51))


def test_the_whole_world_is_no_line_along_the_antimeridian(tmp_path: Path) -> None:
    area = resolve_search_area(write_area(tmp_path / "world.geojson", shapely.box(-180, -60, 180, 60)))
    assert not area.notes
    assert area.geometry.area == pytest.approx(360 * 120)


def test_a_hole_far_from_the_first_corner_is_no_edge(tmp_path: Path) -> None:
    edges = [(-20.0, 0.0), (75.0, 0.0), (170.0, 0.0), (170.0, 70.0), (75.0, 70.0), (-20.0, 70.0)]
    wide = shapely.Polygon(edges, [[(165, 60), (166, 60), (166, 61), (165, 61)]])
    area = resolve_search_area(write_area(tmp_path / "wide.geojson", wide))
    assert not area.notes
    assert area.geometry.equals(wide)


def test_grads_from_paris_are_no_degrees_from_greenwich(tmp_path: Path) -> None:
    area = resolve_search_area(write_area(tmp_path / "lutetia.gpkg", shapely.box(0, 50, 2, 52), crs="EPSG:4807"))
    assert area.geometry.bounds == pytest.approx((2.337, 45, 4.137, 46.8), abs=0.01)
