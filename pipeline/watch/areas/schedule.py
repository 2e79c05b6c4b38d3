"""When an area's turn comes: a line of cron in a time zone, or an interval."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from croniter import croniter

from pipeline.errors import AreasError

__all__ = ["Schedule", "Season", "format_duration", "is_in_season", "parse_duration"]

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LONGEST = timedelta(days=36500)
_CRON = re.compile(r"[0-9a-zA-Z*/,#?-]+(?: [0-9a-zA-Z*/,#?-]+){4}")
_RANDOM = re.compile(r"(?<![a-z])[hr](?![a-z])", re.IGNORECASE)
"""Fields that croniter draws by chance: the next run must be the same whoever asks."""

_SOME_DAY = datetime(2024, 1, 1, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something runs, again and again.

    It has no memory: the next run follows from the moment alone, so a restart or a clock that jumps shifts nothing.

    Attributes:
        text: ``0 6 * * *`` (minute, hour, day, month, day of the week), or an interval: ``6h``, ``90m``.
        time_zone: Name of the zone in which a line of cron counts, such as ``Europe/Lisbon``.
    """

    text: str
    time_zone: str = "UTC"

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.time_zone)
        except (OSError, ValueError, KeyError):  # of zoneinfo: not found, a folder, a path that climbs
            raise AreasError(
                f"expected a time zone by its name, such as UTC or Europe/Lisbon, found {self.time_zone!r}"
            ) from None
        if self.interval is not None:
            if self.interval < _SHORTEST:
                raise AreasError(f"expected an interval of a second or more, found {self.text!r}")
            return
        if not _CRON.fullmatch(self.text) or _RANDOM.search(self.text) or not croniter.is_valid(self.text):
            raise AreasError(
                "expected an interval such as 6h or 90m, or five fields of cron such as '0 6 * * *' "
                f"(minute hour day month weekday), found {self.text!r}"
            )
        try:
            self.next_after(_SOME_DAY)
        except ValueError:
            raise AreasError(f"there is no day on which {self.text!r} would run") from None

    @property
    def interval(self) -> timedelta | None:
        """The interval; ``None`` for a line of cron."""
        return parse_duration(self.text) if _DURATION.fullmatch(self.text.strip()) else None

    @property
    def cron(self) -> str | None:
        """The line of cron; ``None`` for an interval."""
        return None if self.interval is not None else self.text

    def next_after(self, moment: datetime) -> datetime:
        """Compute the next run.

        Args:
            moment: With a time zone.

        Returns:
            The first run strictly after it, in UTC. Intervals count from 1970 on. Where a clock is put forward, what
            lies in the gap runs at its end; an hour that comes twice runs twice.
        """
        moment = moment.astimezone(UTC)
        if self.interval is not None:
            return _EPOCH + self.interval * ((moment - _EPOCH) // self.interval + 1)
        following: datetime = croniter(self.text, moment.astimezone(ZoneInfo(self.time_zone))).get_next(datetime)
        return following.astimezone(UTC)


def parse_duration(text: object) -> timedelta:
    """Understand how long something lasts.

    Args:
        text: A number and its unit: ``45s``, ``90m``, ``6h``, ``30d``, ``2w``.

    Raises:
        AreasError: It is none.
    """
    if isinstance(text, timedelta):
        return text
    match = _DURATION.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise AreasError("expected a number and a unit (s, m, h, d, w) such as 90m, 6h or 30d")
    seconds = float(match[1]) * _UNITS[match[2]]
    if seconds > _LONGEST.total_seconds():
        raise AreasError("expected at most a hundred years")
    return timedelta(seconds=seconds)


def format_duration(span: timedelta) -> str:
    """Write a duration as ``parse_duration`` reads it, in the largest unit that leaves no rest."""
    seconds = span.total_seconds()
    unit = next((name for name, size in reversed(_UNITS.items()) if seconds and seconds % size == 0), "s")
    return f"{seconds / _UNITS[unit]:g}{unit}"


_RANGE = re.compile(r"(\d{2})-(\d{2})/(\d{2})-(\d{2})")


_LEAP_YEAR = 2024


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """A part of every year, from one day to another, both counted in; it may go over New Year.

    Attributes:
        first: Month and day on which it begins.
        last: Month and day on which it ends. 29 February stands for the end of that month in other years too.
    """

    first: tuple[int, int]
    last: tuple[int, int]

    def __post_init__(self) -> None:
        for month, day in (self.first, self.last):
            try:
                date(_LEAP_YEAR, month, day)
            except ValueError:
                raise AreasError(f"there is no day {month:02d}-{day:02d} (MM-DD)") from None

    def __str__(self) -> str:
        return "{:02d}-{:02d}/{:02d}-{:02d}".format(*self.first, *self.last)

    @classmethod
    def parse(cls, text: object) -> Self:
        """Understand a season.

        Args:
            text: ``MM-DD/MM-DD``, such as ``04-15/10-31``, or ``11-01/03-31`` over New Year.

        Raises:
            AreasError: It is none, or a day is none of the calendar.
        """
        match = _RANGE.fullmatch(text.strip()) if isinstance(text, str) else None
        if match is None:
            raise AreasError("expected a season as MM-DD/MM-DD, such as 04-15/10-31")
        month, day, last_month, last_day = map(int, match.groups())
        return cls(first=(month, day), last=(last_month, last_day))

    def contains(self, moment: datetime) -> bool:
        """Whether a moment (with a time zone) lies in it; its day is that of UTC, as in the names of products."""
        day = moment.astimezone(UTC)
        today = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= today <= self.last
        return today >= self.first or today <= self.last


def is_in_season(moment: datetime, seasons: Sequence[Season]) -> bool:
    """Whether a moment lies in one of some seasons.

    Args:
        moment: When a scene was sensed, with a time zone.
        seasons: None: all year.
    """
    return not seasons or any(season.contains(moment) for season in seasons)
