"""Seasons turn with the year, and over New Year."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.errors import AreasError
from pipeline.watch.areas.schedule import Season, is_in_season

DAYS = st.dates(date(2024, 1, 1), date(2024, 12, 31)).map(lambda day: (day.month, day.day))
SEASONS = st.builds(Season, first=DAYS, last=DAYS)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))


@given(season=SEASONS, moment=MOMENTS)
def test_a_season_and_the_rest_of_the_year_hold_each_moment_once(season: Season, moment: datetime) -> None:
    after = date(2024, *season.last) + timedelta(days=1)
    before = date(2024, *season.first) - timedelta(days=1)
    rest = Season(first=(after.month, after.day), last=(before.month, before.day))
    if rest.first == season.first:  # the whole year: there is no rest
        assert season.contains(moment)
    else:
        assert season.contains(moment) != rest.contains(moment)


@given(season=SEASONS)
@example(season=Season(first=(3, 1), last=(2, 29)))
@example(season=Season(first=(2, 29), last=(2, 28)))
def test_walking_from_the_first_to_the_last_day_stays_in_it(season: Season) -> None:
    # A leap year has each day; where the walk ends on 29 February of the year after, that has to be the leap year.
    year = 1999 if season.first > season.last == (2, 29) else 2000
    day = datetime(year, *season.first, 12, tzinfo=UTC)
    while (day.month, day.day) != season.last:
        assert season.contains(day)
        day += timedelta(days=1)
    assert season.contains(day)
    assert Season.parse(str(season)) == season


@given(seasons=st.lists(SEASONS, max_size=4), moment=MOMENTS)
def test_several_seasons_are_any_of_them_and_none_is_all_year(seasons: list[Season], moment: datetime) -> None:
    expected = any(season.contains(moment) for season in seasons) if seasons else True
    assert is_in_season(moment, seasons) == expected


@given(season=SEASONS, moment=MOMENTS, hours=st.integers(-12, 14))
def test_the_day_is_that_of_utc_whatever_the_zone(season: Season, moment: datetime, hours: int) -> None:
    assert season.contains(moment) == season.contains(moment.astimezone(timezone(timedelta(hours=hours))))


def test_winter_goes_over_new_year() -> None:
    winter = Season.parse("11-01/03-31")
    inside = [
        datetime(2025, 11, 1, tzinfo=UTC),
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 3, 31, 23, tzinfo=UTC),
    ]
    assert [winter.contains(moment) for moment in inside] == [True, True, True]
    assert not winter.contains(datetime(2026, 4, 1, tzinfo=UTC))
    assert not winter.contains(datetime(2025, 10, 31, 23, 59, tzinfo=UTC))


def test_the_29th_of_february_is_the_end_of_the_month_in_other_years() -> None:
    season = Season.parse("02-01/02-29")
    assert season.contains(datetime(2025, 2, 28, tzinfo=UTC))
    assert not season.contains(datetime(2025, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize("text", ["02-30/03-01", "13-01/01-01", "04-15", "4-15/10-31", "04-15 to 10-31", "", 415, None])
def test_what_is_no_season_is_said(text: object) -> None:
    with pytest.raises(AreasError, match=r"MM-DD"):
        Season.parse(text)
