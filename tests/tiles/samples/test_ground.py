"""Which scenes share ground, and where a tile lies."""

from __future__ import annotations

import pytest
from rasterio.coords import BoundingBox
from rasterio.warp import transform_bounds

from tiles.samples.ground import locate_tile, merge_overlapping


def box(left: float, bottom: float, right: float, top: float) -> BoundingBox:
    return BoundingBox(left=left, bottom=bottom, right=right, top=top)


@pytest.mark.parametrize(
    ("one", "two", "share"),
    [
        (box(0, 0, 2, 2), box(1, 1, 3, 3), True),
        (box(0, 0, 2, 2), box(2, 0, 3, 2), False),
        (box(0, 0, 2, 2), box(0, 2, 2, 3), False),
        (box(0, 0, 2, 2), box(0, -1, 2, 0), False),
        (box(0, 0, 2, 2), box(-1, 0, 0, 2), False),
        (box(0, 0, 2, 2), box(5, 0, 6, 2), False),
        (box(179, 0, -179, 2), box(-179.5, 0, -170, 2), True),
        (box(179, 0, -179, 2), box(170, 0, 179.5, 2), True),
        (box(179, 0, -179, 2), box(-178, 0, 178, 2), False),
        (box(179, 0, 180, 2), box(-180, 0, -179, 2), False),
        (box(7, 0, 7, 2), box(6, 0, 8, 2), True),
    ],
)
def test_boxes_that_overlap_are_one_place(one: BoundingBox, two: BoundingBox, share: bool) -> None:
    for first, second in ((one, two), (two, one)):
        assert merge_overlapping({"b": first, "a": second}) == {"b": "a" if share else "b", "a": "a"}


def test_places_are_joined_by_way_of_others_under_their_first_name() -> None:
    chain = {"c": box(0, 0, 2, 1), "d": box(1, 0, 4, 1), "a": box(3, 0, 6, 1), "e": box(9, 0, 10, 1), "b": None}
    assert merge_overlapping(chain) == {"c": "a", "d": "a", "a": "a", "e": "e", "b": "b"}


@pytest.mark.parametrize(
    ("tile", "lon", "lat"),
    [
        ("33TVM", 14.3, 46.4),
        ("01KAB", 179.9, -16.8),
        ("60WWT", 177.9, 65.5),
        ("30UYA", -0.2, 49.9),
        ("55HBU", 144.2, -37.5),
    ],
)
def test_a_tile_lies_where_it_lies(tile: str, lon: float, lat: float) -> None:
    place = locate_tile(tile)
    assert place is not None
    assert place.bottom < lat < place.top
    assert place.left < lon < place.right or place.left > place.right
    assert place.top - place.bottom == pytest.approx(109_800 / 111_300, rel=0.05)


@pytest.mark.parametrize("tile", ["", "33TV", "33TVMX", "00TVM", "61TVM", "33AVM", "33TIM", "T33TVM", "33tvm"])
def test_what_is_no_tile_lies_nowhere(tile: str) -> None:
    assert locate_tile(tile) is None


def test_a_tile_is_a_hundred_and_nine_point_eight_kilometres_from_its_corner() -> None:
    place = locate_tile("33TVM")  # of products: 399960, 5200020 in EPSG:32633
    assert place is not None
    corners = transform_bounds("EPSG:32633", "EPSG:4326", 399_960, 5_200_020 - 109_800, 399_960 + 109_800, 5_200_020)
    assert tuple(place) == pytest.approx(corners, abs=1e-9)
