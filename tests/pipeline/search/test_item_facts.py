"""What an item says, read from whatever place hosts say it in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.search.item_facts import (
    describe_acquisition,
    read_cloud,
    read_footprint,
    read_moment,
    read_product_name,
)
from tests.pipeline.stac_items import make_item

NAME = "S2B_MSIL2A_20190629T212529_N0212_R043_T06VVN_20201006T080531"


def make(**properties: object) -> dict[str, Any]:
    return {"id": "one", "properties": properties}


@pytest.mark.parametrize(
    ("stated", "expected"), [(12.5, 12.5), ("7", 7.0), (0, 0.0), (None, None), ("clear", None), (float("nan"), None)]
)
def test_cloud_is_a_number_or_unknown(stated: object, expected: float | None) -> None:
    assert read_cloud(make(**{"eo:cloud_cover": stated})) == expected


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"datetime": "2024-06-01T12:00:00+02:00"}, datetime(2024, 6, 1, 10, tzinfo=UTC)),
        ({"datetime": "2024-06-01T12:00:00"}, datetime(2024, 6, 1, 12, tzinfo=UTC)),
        ({"datetime": None, "start_datetime": "2024-06-01T12:00:00Z"}, datetime(2024, 6, 1, 12, tzinfo=UTC)),
        ({"datetime": None, "start_datetime": "2024-01-01T00:00:00Z", "end_datetime": "2024-12-31T00:00:00Z"}, None),
        ({"datetime": "yesterday"}, None),
        ({}, None),
    ],
)
def test_a_moment_is_in_utc(properties: dict[str, object], expected: datetime | None) -> None:
    assert read_moment(make(**properties)) == expected


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ([1, 2, 3, 4], (1, 2, 3, 4)),
        ([1, 2, -9, 3, 4, 9], (1, 2, 3, 4)),
        ([179, 2, -179, 4], (179, 2, 181, 4)),
        ([1, 2, 3], None),
        ([1, 2, 3, 4, 5], None),
        ("1,2,3,4", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("geometry", [None, {"type": "Polygon", "coordinates": []}, {"type": "Nothing"}])
def test_the_box_stands_in_for_a_geometry_that_is_none(
    box: object, expected: tuple[float, ...] | None, geometry: object
) -> None:
    footprint = read_footprint({"geometry": geometry, "bbox": box})
    assert (None if footprint is None else footprint.bounds) == expected


def test_the_geometry_counts_before_the_box() -> None:
    item = make_item("one", box=(1, 2, 3, 4)) | {"bbox": [10, 10, 11, 11]}
    footprint = read_footprint(item)
    assert footprint is not None
    assert footprint.bounds == (1, 2, 3, 4)


def test_the_products_name_is_the_first_that_is_one() -> None:
    assert read_product_name(make(title="A picture", **{"s2:product_uri": f"{NAME}.SAFE"})) == NAME
    assert read_product_name(make(title=NAME, **{"s2:product_uri": "S2B_20190629"})) == NAME
    assert read_product_name(make(title="A picture")) == "one"


@pytest.mark.parametrize(
    ("properties", "tile"),
    [
        ({"grid:code": "MGRS-06VVN", "s2:mgrs_tile": "01ABC"}, "06VVN"),
        ({"s2:mgrs_tile": "T06vvn"}, "06VVN"),
        ({"mgrs:utm_zone": 6, "mgrs:latitude_band": "V", "mgrs:grid_square": "VN"}, "06VVN"),
        ({"mgrs:utm_zone": 6, "mgrs:latitude_band": "V"}, None),
        ({"s2:product_uri": NAME}, "06VVN"),
    ],
)
def test_a_tile_is_named_in_many_ways(properties: dict[str, object], tile: str | None) -> None:
    assert describe_acquisition(make(**properties)).tile == tile


def test_when_it_was_made_is_stated_or_in_its_name_or_when_the_item_was() -> None:
    made = datetime(2020, 10, 6, 8, 5, 31, tzinfo=UTC)
    created = {"created": "2021-01-01T00:00:00Z"}
    stated = make(**created, **{"s2:product_uri": NAME, "s2:generation_time": "2019-07-01T00:00:00Z"})
    assert describe_acquisition(stated).generated == datetime(2019, 7, 1, tzinfo=UTC)
    assert describe_acquisition(make(**created, **{"s2:product_uri": f"{NAME}.SAFE"})).generated == made
    assert describe_acquisition(make(**created) | {"id": NAME}).generated == made
    assert describe_acquisition(make(**created)).generated == datetime(2021, 1, 1, tzinfo=UTC)
    assert describe_acquisition(make()).generated is None


def test_a_hosts_number_of_a_twin_breaks_the_tie() -> None:
    twins = [describe_acquisition(make(**{"s2:product_uri": NAME, "s2:sequence": text})) for text in ("0", "3", "a")]
    first, second, unknown = (twin.generated for twin in twins)
    assert first is not None
    assert second == first + timedelta(microseconds=3)
    assert unknown == first
    bare = describe_acquisition(make(**{"sentinel:sequence": "2"})).generated
    assert bare == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=2)
