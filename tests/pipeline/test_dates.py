from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.dates import Every, Period, divide_period, parse_period
from tiles.errors import OptionError


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("text", "start", "end", "interval"),
    [
        ("2024", at(2024, 1, 1), at(2025, 1, 1), "2024-01-01T00:00:00Z/2025-01-01T00:00:00Z"),
        ("2024-12", at(2024, 12, 1), at(2025, 1, 1), "2024-12-01T00:00:00Z/2025-01-01T00:00:00Z"),
        ("2024-02-29", at(2024, 2, 29), at(2024, 3, 1), "2024-02-29T00:00:00Z/2024-03-01T00:00:00Z"),
        ("2024-06/2024-09", at(2024, 6, 1), at(2024, 10, 1), "2024-06-01T00:00:00Z/2024-10-01T00:00:00Z"),
        ("2024-06-15/..", at(2024, 6, 15), None, "2024-06-15T00:00:00Z/.."),
        (" ../2024 ", None, at(2025, 1, 1), "../2025-01-01T00:00:00Z"),
        ("/2024-06", None, at(2024, 7, 1), "../2024-07-01T00:00:00Z"),
    ],
)
def test_what_dates_mean(text: str, start: datetime | None, end: datetime | None, interval: str) -> None:
    period = parse_period(text)
    assert period == Period(start=start, end=end)
    assert period.to_interval() == interval


@given(st.dates(date(2015, 6, 23), date(2100, 1, 1)), st.integers(0, 86_399_999))
def test_a_day_holds_its_moments_and_no_others(day: date, millisecond: int) -> None:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    moment = midnight + timedelta(milliseconds=millisecond)
    for text in (f"{day:%Y-%m-%d}", f"{day:%Y-%m}", f"{day:%Y}", f"{day:%Y-%m-%d}/..", f"../{day:%Y-%m-%d}"):
        assert parse_period(text).contains(moment)
    one_day = parse_period(f"{day:%Y-%m-%d}")
    assert not one_day.contains(midnight - timedelta(milliseconds=1))
    assert not one_day.contains(midnight + timedelta(days=1))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("June 2024", "2024-06-15/.."),
        ("2024-6", "2024-06"),
        ("2024-13", "no such date as 2024-13"),
        ("2023-02-29", "no such date as 2023-02-29"),
        ("../..", "a beginning or an end"),
        ("", "a beginning or an end"),
        ("2024-09/2024-06", "begin before they end, found 2024-09-01 to 2024-06-30"),
        ("2024-01-01/2024-02-01/2024-03-01", "Expected the dates as"),
        ("9999", "no such date as 9999"),
    ],
)
def test_what_is_no_date_is_said_in_one_line(text: str, match: str) -> None:
    with pytest.raises(OptionError, match=match) as caught:
        parse_period(text)
    assert "\n" not in str(caught.value)


def list_parts(text: str, every: Every, *moments: datetime) -> list[tuple[str, str]]:
    parts = divide_period(parse_period(text), every, moments)
    return [(part.name, part.period.describe()) for part in parts]


def test_a_period_by_quarter_and_by_year() -> None:
    assert list_parts("2023-11-15/2024-07-02", "quarter") == [
        ("2023-Q4", "2023-11-15/2023-12-31"),
        ("2024-Q1", "2024-01-01/2024-03-31"),
        ("2024-Q2", "2024-04-01/2024-06-30"),
        ("2024-Q3", "2024-07-01/2024-07-02"),
    ]
    assert list_parts("2023-11/2024-07", "year") == [
        ("2023", "2023-11-01/2023-12-31"),
        ("2024", "2024-01-01/2024-07-31"),
    ]


def test_an_open_end_is_that_of_the_last_moment() -> None:
    assert list_parts("2024-02/..", "quarter", at(2024, 5, 3), at(2024, 2, 9)) == [
        ("2024-Q1", "2024-02-01/2024-03-31"),
        ("2024-Q2", "2024-04-01/2024-06-30"),
    ]
    assert list_parts("../2024-02", "year", at(2023, 5, 3)) == [
        ("2023", "2023-01-01/2023-12-31"),
        ("2024", "2024-01-01/2024-02-29"),
    ]
    assert list_parts("2024-02/..", "year") == []


@given(
    st.dates(date(2015, 6, 23), date(2030, 1, 1)),
    st.integers(0, 2000),
    st.sampled_from(["year", "quarter"]),
    st.floats(0, 0.999),
)
def test_parts_hold_each_moment_once(first: date, days: int, every: Every, share: float) -> None:
    start = datetime(first.year, first.month, first.day, tzinfo=UTC)
    period = Period(start=start, end=start + timedelta(days=days + 1))
    parts = divide_period(period, every, ())
    moment = start + timedelta(days=days + 1) * share
    assert sum(part.period.contains(moment) for part in parts) == 1
    assert [parse_period(part.period.describe()) for part in parts] == [part.period for part in parts]
    assert len({part.name for part in parts}) == len(parts)
