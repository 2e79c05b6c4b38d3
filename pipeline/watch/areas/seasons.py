"""Seasons: the parts of a year in which an area is mapped, such as the months without ice."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Self

from pipeline.areas_errors import AreasError

__all__ = ["Season", "is_in_season"]

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
        found = _RANGE.fullmatch(text.strip()) if isinstance(text, str) else None
        if found is None:
            raise AreasError("expected a season as MM-DD/MM-DD, such as 04-15/10-31")
        month, day, last_month, last_day = map(int, found.groups())
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
