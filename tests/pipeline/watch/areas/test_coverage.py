"""The share of an area that a scene shows, by ellipsoid, and across the antimeridian."""

from __future__ import annotations

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod
from shapely.affinity import translate

from pipeline.search.area import SearchArea, resolve_search_area
from pipeline.search.item_facts import read_footprint
from pipeline.watch.areas.coverage import compute_area_km2, compute_coverage

GEOD = Geod(ellps="WGS84")

LONS, LATS = st.floats(-180, 180), st.floats(-79, 80)
BOXES = st.builds(
    lambda west, south, width, height: (west, south, min(180.0, west + width), south + height),
    st.floats(-180, 179),
    LATS,
    st.floats(0.01, 3),
    st.floats(0.01, 3),
)


def make_area(box: tuple[float, float, float, float]) -> SearchArea:
    return SearchArea(text="test", geometry=shapely.box(*box))


@given(box=BOXES)
def test_the_area_is_that_of_the_ellipsoid(box: tuple[float, float, float, float]) -> None:
    """Geodesics are no parallels: with vertices this close, the difference vanishes."""
    geometry = shapely.box(*box)
    area, _ = GEOD.geometry_area_perimeter(shapely.segmentize(geometry, 0.005))
    assert compute_area_km2(geometry) == pytest.approx(abs(area) / 1e6, rel=2e-3)


@given(box=BOXES)
def test_all_of_it_is_a_hundred_and_nothing_is_none(box: tuple[float, float, float, float]) -> None:
    area = make_area(box)
    assert compute_coverage(area.geometry, area) == pytest.approx(100)
    assert compute_coverage(shapely.box(*box).buffer(0.5), area) == pytest.approx(100)
    assert compute_coverage(translate(area.geometry, yoff=5 if box[1] < 0 else -5), area) == pytest.approx(0, abs=1e-6)


@given(box=BOXES, share=st.floats(0, 1))
def test_two_halves_add_up_to_the_whole(box: tuple[float, float, float, float], share: float) -> None:
    west, south, east, north = box
    middle = west + share * (east - west)
    halves = [shapely.box(west, south, middle, north), shapely.box(middle, south, east, north)]
    first, second = (compute_coverage(half, make_area(box)) for half in halves)
    assert first == pytest.approx(100 * share, abs=1e-3)
    assert first + second == pytest.approx(100)


@given(west=st.floats(176, 179.9), width=st.floats(0.5, 3), share=st.floats(0.01, 1))
def test_across_the_antimeridian_as_anywhere_else(west: float, width: float, share: float) -> None:
    east = west + width
    area = resolve_search_area(f"{west!r},-17,{east - 360 if east > 180 else east!r},-16")
    shown = shapely.box(west, -17, west + share * width, -16)
    for footprint in (shown, translate(shown, xoff=-360)):
        assert compute_coverage(footprint, area) == pytest.approx(100 * share, abs=1e-3)


def test_a_footprint_that_is_cut_at_the_antimeridian() -> None:
    boxes = [shapely.box(179.5, -17, 180, -16), shapely.box(-180, -17, -179.5, -16)]
    item = {"geometry": shapely.geometry.mapping(shapely.MultiPolygon(boxes))}
    footprint = read_footprint(item)
    assert footprint is not None
    assert compute_coverage(footprint, resolve_search_area("179.5,-17,-179.5,-16")) == pytest.approx(100)
    assert compute_coverage(footprint, resolve_search_area("179,-17,-179,-16")) == pytest.approx(50, abs=1e-6)
