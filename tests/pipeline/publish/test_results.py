"""What a published result says of itself, and whether it is whole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline.publish.results import PublishedResult, describe_result, list_own_assets
from tests.value_types import require_value_type

ITEM: dict[str, Any] = {
    "properties": {"strandline:fingerprint": "f", "created": "2025-12-31T00:00:00Z"},
    "assets": {
        "water": {"href": "./abc/../abc/water.tif", "file:size": 5, "roles": ["data"]},
        "lines": {"href": "lines.gpkg", "file:size": 3},
        "model": {"href": "/models/small.safetensors", "roles": ["weights", "mlm:model"]},
    },
}
SIZES = {"abc/water.tif": 5, "lines.gpkg": 3, "item.json": 99}
WHOLE = PublishedResult(name="scene", fingerprint="f", created=datetime(2025, 12, 31, tzinfo=UTC), whole=True)


def test_a_result_is_whole_where_all_its_files_are_there_in_their_size() -> None:
    require_value_type(PublishedResult)
    assert describe_result("scene", ITEM, SIZES) == WHOLE
    assert list(list_own_assets(ITEM)) == [("abc/water.tif", 5), ("lines.gpkg", 3)]


@pytest.mark.parametrize("sizes", [{}, SIZES | {"lines.gpkg": 2}, SIZES | {"abc/water.tif": 6}, {"lines.gpkg": 3}])
def test_a_result_with_files_missing_or_short_is_known_and_not_whole(sizes: dict[str, int]) -> None:
    result = describe_result("scene", ITEM, sizes)
    assert (result.fingerprint, result.created, result.whole) == ("f", WHOLE.created, False)


@pytest.mark.parametrize(
    "item",
    [
        None,
        [],
        "text",
        {},
        {"properties": ITEM["properties"]},
        {"properties": {"created": "2025"}, "assets": {}},
        {"properties": ITEM["properties"], "assets": []},
        {"properties": ITEM["properties"], "assets": {"water": {"href": "water.tif"}}},
        {"properties": ITEM["properties"], "assets": {"water": {"file:size": 5}}},
    ],
)
def test_what_is_no_item_of_ours_is_broken(item: object) -> None:
    assert describe_result("scene", item, SIZES) == PublishedResult(
        name="scene", fingerprint=None, created=None, whole=False
    )


@pytest.mark.parametrize(
    ("created", "moment"),
    [
        ("2025-12-31", datetime(2025, 12, 31, tzinfo=UTC)),
        ("2025-12-31T01:00:00+01:00", datetime(2025, 12, 31, tzinfo=UTC)),
        ("yesterday", None),
        (None, None),
    ],
)
def test_a_time_without_a_zone_is_utc_and_none_is_none(created: str | None, moment: datetime | None) -> None:
    item = {"properties": {"strandline:fingerprint": 7, "created": created}, "assets": {}}
    assert describe_result("scene", item, {}) == PublishedResult(
        name="scene", fingerprint="7", created=moment, whole=True
    )
