from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.search.item_facts import read_moment
from tiles.products.safe_xml import parse_product_metadata
from tiles.products.stac_item import parse_stac_item
from tiles.times import (
    FIRST_LIGHT,
    find_moments,
    format_moment,
    has_time_of_day,
    is_plausible,
    parse_moment,
    parse_tag_moment,
)

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


DAYS = st.dates(min_value=FIRST_LIGHT.date(), max_value=date(2026, 1, 1))
WORDS = st.text("abcxyzTBN_-. ", max_size=6)


@given(day=DAYS, before=WORDS, after=WORDS, form=st.sampled_from(["%Y%m%d", "%Y-%m-%d"]))
def test_a_day_in_a_name_is_found_whatever_stands_around_it(day: date, before: str, after: str, form: str) -> None:
    (found,) = find_moments(f"{before}{day:{form}}{after}")
    assert (found.date(), found.tzinfo, has_time_of_day(found)) == (day, UTC, False)


@given(one=DAYS, other=DAYS)
def test_two_days_in_a_name_stay_two(one: date, other: date) -> None:
    assert [moment.date() for moment in find_moments(f"{one}_{other:%Y%m%d}")] == sorted({one, other})


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("T30TXQ_20171026T110131_B06.tif", "2017-10-26T11:01:31"),
        ("20171026T1101.tif", "2017-10-26T11:01"),
        ("b_2017-10-26T11:01:31Z.tif", "2017-10-26T11:01:31"),
        ("20171026T110131_20171026T160000_T30TXQ", "2017-10-26T11:01:31"),  # sensed, then processed
        ("20171026_20171026T160000", "2017-10-26T16:00"),
        ("ship_209075000_2022-08-12.tif", "2022-08-12"),
    ],
)
def test_names_with_one_day(name: str, moment: str) -> None:
    assert find_moments(name) == (parse_moment(moment),)


@pytest.mark.parametrize(
    "name",
    [
        "S2_12-12-20_16PCC_27.tif",  # 2012, 2020, December or not
        "26-10-2017.tif",
        "10262017.tif",
        "20171301.tif",
        "20170230.tif",
        "120171026.tif",
        "201710261.tif",
        "2017-1026.tif",
        "20150622.tif",  # before the launch
        "20991231.tif",  # to come
        "tile_201710.tif",
        "",
    ],
)
def test_what_can_be_read_in_two_ways_or_is_no_day_is_left_alone(name: str) -> None:
    assert find_moments(name) == ()


@pytest.mark.parametrize("text", ["2017:10:26 11:01:31", "2017-10-26 11:01:31", "2017-10-26T11:01:31Z"])
def test_a_tag_may_be_written_as_tiff_has_it(text: str) -> None:
    assert parse_tag_moment(text) == datetime(2017, 10, 26, 11, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", [None, "", "0000:00:00 00:00:00", "1970:01:01 00:00:00", "2099:01:01 00:00:00", "noon"]
)
def test_a_tag_that_no_scene_can_have_says_nothing(text: str | None) -> None:
    assert parse_tag_moment(text) is None


def test_scenes_are_of_the_past() -> None:
    now = datetime.now(UTC)
    assert is_plausible(FIRST_LIGHT)
    assert is_plausible(now)
    assert not is_plausible(FIRST_LIGHT - timedelta(seconds=1))
    assert not is_plausible(now + timedelta(days=2))


def test_a_day_without_a_time_is_not_told_to_be_midnight() -> None:
    assert format_moment(datetime(2024, 10, 7, 0, 45, tzinfo=UTC)) == "7 October 2024, 00:45 UTC"
    assert format_moment(datetime(2024, 10, 7, tzinfo=UTC)) == "7 October 2024"
    assert has_time_of_day(datetime(2024, 10, 7, 0, 0, 0, 1, tzinfo=UTC))
