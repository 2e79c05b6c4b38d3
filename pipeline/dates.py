"""Periods of time: from what a user writes to two moments, and by year or quarter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from tiles.errors import OptionError

__all__ = ["Every", "NamedPeriod", "Period", "divide_period", "parse_period"]

Every = Literal["year", "quarter"]
"""How a period is divided."""

_PART = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")
_HINT = "a year, month or day, or two of them: 2024, 2024-06, 2024-06-15, 2024-06/2024-09, 2024-06-15/.."


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A period of time, in UTC.

    Attributes:
        start: First moment; ``None``: open.
        end: First moment that no longer belongs to it; ``None``: open.
    """

    start: datetime | None = None
    end: datetime | None = None

    def __post_init__(self) -> None:
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise OptionError(
                f"Expected dates that begin before they end, found {self.start:%Y-%m-%d} to "
                f"{self.end - timedelta(days=1):%Y-%m-%d}. Turn them around."
            )

    def contains(self, moment: datetime) -> bool:
        """Whether a moment (with a time zone) belongs to it."""
        return (self.start is None or self.start <= moment) and (self.end is None or moment < self.end)

    def to_interval(self) -> str | None:
        """The interval as a STAC API wants it; hosts count its end in, so what comes back is filtered once more.

        Source: STAC API 1.0.0, Item Search, parameter ``datetime``.
        """
        if self.start is None and self.end is None:
            return None
        return "/".join(f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else ".." for moment in (self.start, self.end))

    def describe(self) -> str:
        """Its first and last day as ``parse_period`` reads them."""
        first = ".." if self.start is None else f"{self.start:%Y-%m-%d}"
        last = ".." if self.end is None else f"{self.end - timedelta(days=1):%Y-%m-%d}"
        return f"{first}/{last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPeriod:
    """A year or a quarter, or what of it was asked for.

    Attributes:
        name: ``2024`` or ``2024-Q3``, which is a folder's too.
        period: Its days; both ends are known.
    """

    name: str
    period: Period


def divide_period(period: Period, every: Every, moments: Sequence[datetime]) -> tuple[NamedPeriod, ...]:
    """Cut a period at the turns of years or quarters; those without a moment are among them.

    Args:
        period: What is cut; the first and the last part may be shorter than a year or a quarter.
        every: How.
        moments: Where an end is open, it is that of the first or the last year or quarter that one of these lies in;
            UTC.

    Returns:
        The parts by time; none where an end is open and there is no moment.
    """
    known = sorted(moments)
    start, end = period.start, period.end
    if (start is None or end is None) and not known:
        return ()
    months = 12 if every == "year" else 3
    turn = _find_turn(known[0] if start is None else start, months)
    last = _add_months(_find_turn(known[-1], months), months) if end is None else end
    parts = []
    while turn < last:
        following = _add_months(turn, months)
        name = f"{turn:%Y}" if every == "year" else f"{turn:%Y}-Q{(turn.month + 2) // 3}"
        first = turn if start is None else max(turn, start)
        parts.append(NamedPeriod(name=name, period=Period(start=first, end=min(following, last))))
        turn = following
    return tuple(parts)


def _find_turn(moment: datetime, months: int) -> datetime:
    """When the year or the quarter of a moment began."""
    return datetime(moment.year, (moment.month - 1) // months * months + 1, 1, tzinfo=UTC)


def _add_months(turn: datetime, months: int) -> datetime:
    number = turn.month - 1 + months
    return turn.replace(year=turn.year + number // 12, month=number % 12 + 1)


def parse_period(text: str) -> Period:
    """Understand the dates of a search.

    Args:
        text: A year, month or day (``2024``, ``2024-06``, ``2024-06-15``), or two of them with a slash between; the
            second is counted in. ``..`` leaves an end open.

    Raises:
        OptionError: It is none of these, no date of the calendar, or ends before it begins.
    """
    first, slash, last = (word.strip() for word in text.strip().partition("/"))
    if not slash:
        last = first
    if {first, last} <= {"..", ""}:
        raise OptionError(f"Expected dates with a beginning or an end, found {text!r}. Give {_HINT}.")
    start = None if first in {"..", ""} else _parse_part(first, text)[0]
    end = None if last in {"..", ""} else _parse_part(last, text)[1]
    return Period(start=start, end=end)


def _parse_part(word: str, text: str) -> tuple[datetime, datetime]:
    """First moment of a year, month or day, and first moment after it."""
    match = _PART.fullmatch(word)
    if match is None:
        raise OptionError(f"Expected the dates as {_HINT}; found {text!r}.")
    year, month, day = (int(part) if part else None for part in match.groups())
    try:
        first = date(year or 0, month or 1, day or 1)
        if day is not None:
            after = first + timedelta(days=1)
        elif month is not None:
            after = (first + timedelta(days=31)).replace(day=1)
        else:
            after = date(first.year + 1, 1, 1)
    except (ValueError, OverflowError) as error:
        raise OptionError(f"There is no such date as {word} in {text!r} ({error}). Give {_HINT}.") from error
    return datetime.combine(first, time(), UTC), datetime.combine(after, time(), UTC)
