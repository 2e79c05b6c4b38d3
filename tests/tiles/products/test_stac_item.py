"""What an item says of itself, before an asset is opened."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tiles.products.stac_item import SIMULATED, parse_stac_item, state_item_offset


def make_item(**properties: object) -> dict[str, Any]:
    assets = {"blue": {"href": "B02.tif", "raster:bands": [{"scale": 1e-4}]}}
    return {"type": "Feature", "id": "x", "properties": properties, "assets": assets}


@pytest.mark.parametrize(("stated", "simulated"), [(True, True), (False, False), (None, False), ("yes", False)])
def test_only_true_says_that_an_item_is_simulated(stated: object, simulated: bool) -> None:
    assert parse_stac_item(make_item(**{SIMULATED: stated}), where="x").simulated is simulated
    assert parse_stac_item(make_item(), where="x").simulated is False


@pytest.mark.parametrize(("applied", "expected"), [(True, True), (False, False), (None, None)])
def test_the_flag_of_the_offset_is_kept_where_it_is_stated(applied: bool | None, expected: bool | None) -> None:
    item = parse_stac_item(make_item(**{"earthsearch:boa_offset_applied": applied}), where="x")
    assert item.offset_applied is expected


@pytest.mark.parametrize(
    ("properties", "level"),
    [({"processing:level": "L1C"}, "L1C"), ({"s2:product_type": "S2MSI2A"}, "L2A"), ({}, "unknown")],
)
def test_the_level_is_as_stated(properties: dict[str, object], level: str) -> None:
    assert parse_stac_item(make_item(**properties), where="x").level == level


@pytest.mark.parametrize(("time", "day"), [("2023-05-01T10:00:00Z", date(2023, 5, 1)), (None, None)])
def test_an_item_that_says_nothing_of_the_offset_gives_its_day_as_a_hint(time: str | None, day: date | None) -> None:
    item = make_item(datetime=time)
    del item["assets"]["blue"]["raster:bands"]
    statement = state_item_offset(parse_stac_item(item, where="x"))
    assert (statement.offset, statement.acquired) == (None, day)


def test_what_is_of_the_scene_is_kept_as_it_is_stated() -> None:
    stated = {"sat:relative_orbit": 51, "grid:code": "MGRS-31UFT", "s2:product_uri": "S2A.SAFE"}
    item = make_item(**stated, **{"s2:tables": [1], "view:off_nadir": 1.5})
    assert parse_stac_item(item, where="x").stated == stated
