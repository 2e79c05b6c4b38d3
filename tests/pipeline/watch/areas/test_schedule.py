"""The next run lies strictly ahead, on the schedule, whatever the clock has done before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.errors import AreasError
from pipeline.watch.areas.schedule import Schedule, format_duration, parse_duration

ZONES = st.sampled_from(["UTC", "Europe/Lisbon", "America/St_Johns", "Pacific/Chatham", "Australia/Lord_Howe"])
MOMENTS = st.datetimes(datetime(2015, 1, 1), datetime(2035, 1, 1), timezones=ZONES.map(ZoneInfo))
CHANGES = st.sampled_from(
    [(2026, 3, 29, 1), (2026, 10, 25, 1), (2026, 11, 1, 5), (2026, 4, 4, 14), (2026, 9, 26, 14), (2026, 10, 3, 15)]
)
"""Hours (UTC) about which clocks are changed in these zones."""

NEAR_CHANGES = st.builds(
    lambda hour, aside: datetime(*hour, tzinfo=UTC) + aside,
    CHANGES,
    st.timedeltas(timedelta(hours=-26), timedelta(hours=26)),
)
INTERVALS = st.builds(lambda count, unit: f"{count}{unit}", st.integers(1, 500), st.sampled_from("smhdw"))
CRONS = st.builds(
    lambda minute, hour, rest: f"{minute} {hour} {rest}",
    st.integers(0, 59) | st.sampled_from(["*", "*/15", "7,37"]),
    st.integers(0, 23) | st.sampled_from(["*", "*/6", "1-3"]),
    st.sampled_from(["* * *", "1 * *", "* * 1-5", "29 2 *", "*/10 1,6 *"]),
)


@given(text=INTERVALS | CRONS, zone=ZONES, moment=MOMENTS | NEAR_CHANGES)
def test_the_next_run_is_strictly_after_and_in_utc(text: str, zone: str, moment: datetime) -> None:
    following = Schedule(text, zone).next_after(moment)
    assert following > moment
    assert following.utcoffset() == timedelta(0)


@given(text=INTERVALS | CRONS, zone=ZONES, moment=MOMENTS | NEAR_CHANGES, share=st.floats(0, 0.999))
def test_no_run_lies_between_a_moment_and_its_next_run(text: str, zone: str, moment: datetime, share: float) -> None:
    """So it does not matter when one asks, how often, or what the clock showed before."""
    schedule = Schedule(text, zone)
    following = schedule.next_after(moment)
    between = moment.astimezone(UTC) + (following - moment) * share
    assume(between < following)
    assert schedule.next_after(between) == following


@given(text=INTERVALS, moment=MOMENTS, jump=st.timedeltas(timedelta(days=-400), timedelta(days=400)))
def test_after_a_jump_of_the_clock_an_interval_waits_no_longer_than_itself(
    text: str, moment: datetime, jump: timedelta
) -> None:
    schedule = Schedule(text)
    interval = schedule.interval
    assert interval is not None
    jumped = moment.astimezone(UTC) + jump
    assert timedelta(0) < schedule.next_after(jumped) - jumped <= interval
    later = schedule.next_after(schedule.next_after(jumped))
    assert later - schedule.next_after(jumped) == interval


@given(hour=st.integers(4, 23), minute=st.integers(0, 59), zone=ZONES, moment=MOMENTS | NEAR_CHANGES)
def test_a_line_of_cron_runs_at_its_hour_there_summer_and_winter(
    hour: int, minute: int, zone: str, moment: datetime
) -> None:
    there = Schedule(f"{minute} {hour} * * *", zone).next_after(moment).astimezone(ZoneInfo(zone))
    assert (there.hour, there.minute, there.second) == (hour, minute, 0)
    assert there - moment <= timedelta(hours=26)


def test_the_hour_that_does_not_exist_and_the_one_that_comes_twice() -> None:
    berlin = Schedule("30 2 * * *", "Europe/Berlin")
    spring = berlin.next_after(datetime(2026, 3, 28, 12, tzinfo=UTC))
    assert spring == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)  # 03:00, the end of the gap
    first = berlin.next_after(datetime(2026, 10, 24, 12, tzinfo=UTC))
    second = berlin.next_after(first)
    assert (first, second) == (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
    assert berlin.next_after(second) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


@given(text=INTERVALS)
def test_a_duration_is_written_as_it_is_read(text: str) -> None:
    assert parse_duration(format_duration(parse_duration(text))) == parse_duration(text)


def test_intervals_and_lines_of_cron_are_told_apart() -> None:
    assert (Schedule("90m").interval, Schedule("90m").cron) == (timedelta(minutes=90), None)
    assert (Schedule("0 6 * * *").interval, Schedule("0 6 * * *").cron) == (None, "0 6 * * *")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0 6 * *", "five fields of cron"),
        ("61 * * * *", "five fields of cron"),
        ("* * * * * *", "five fields of cron"),
        ("R * * * *", "five fields of cron"),
        ("H H * * *", "five fields of cron"),
        ("@daily", "five fields of cron"),
        ("six", "five fields of cron"),
        ("", "five fields of cron"),
        ("6", "five fields of cron"),
        ("-6h", "five fields of cron"),
        ("0 0 30 2 *", "no day on which"),
        ("0h", "a second or more"),
        ("0.1s", "a second or more"),
        ("99999w", "at most a hundred years"),
    ],
)
def test_what_is_no_schedule_is_said_in_one_line(text: str, message: str) -> None:
    with pytest.raises(AreasError, match=message) as caught:
        Schedule(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("zone", ["Europe/Lisboa", "", "/etc/passwd", "../UTC", "CEST+2 x", "Europe"])
def test_what_is_no_time_zone_is_said(zone: str) -> None:
    with pytest.raises(AreasError, match="expected a time zone by its name"):
        Schedule("6h", zone)
