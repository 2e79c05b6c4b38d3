from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from pipeline.search.item_facts import read_moment
from tiles.products.safe_xml import parse_product_metadata
from tiles.products.stac_item import parse_stac_item
from tiles.times import parse_moment

NOON = datetime(2024, 7, 1, 12, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def far_from_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine whose own clock is nine hours ahead."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    "text",
    ["2024-07-01T12:30:00Z", "2024-07-01T12:30:00", " 2024-07-01T14:30:00+02:00 ", "2024-07-01T12:30:00.000000000Z"],
)
def test_a_moment_without_a_zone_is_utc_wherever_the_machine_stands(text: str) -> None:
    assert parse_moment(text) == NOON
    assert parse_moment(text).tzinfo is UTC  # type: ignore[union-attr]


@pytest.mark.parametrize("value", [None, "", "yesterday", 20240701.5, "0001-01-01T00:00:00+23:00"])
def test_what_is_no_moment_is_none(value: object) -> None:
    assert parse_moment(value) is None


def test_items_and_products_state_utc_where_they_name_no_zone() -> None:
    item = {
        "type": "Feature",
        "id": "one",
        "properties": {"datetime": "2024-07-01T12:30:00"},
        "assets": {"B03": {"href": "B03.tif"}},
    }
    assert parse_stac_item(item, where="here").acquired == NOON
    assert read_moment(item) == NOON
    xml = """<Level-2A_User_Product><PRODUCT_START_TIME>2024-07-01T12:30:00</PRODUCT_START_TIME>
    <BOA_QUANTIFICATION_VALUE>10000</BOA_QUANTIFICATION_VALUE></Level-2A_User_Product>"""
    assert parse_product_metadata(xml.encode(), where="here").acquired == NOON
