"""Moments as metadata, records and names write them: ISO 8601, in UTC wherever no zone is named."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Final

__all__ = [
    "FIRST_LIGHT",
    "find_moments",
    "format_moment",
    "has_time_of_day",
    "is_plausible",
    "parse_moment",
    "parse_tag_moment",
]

FIRST_LIGHT: Final = datetime(2015, 6, 23, tzinfo=UTC)
"""The launch of Sentinel-2A: none of its scenes is older."""

_STAMP = re.compile(r"(?<!\d)(20\d{2})(-?)(\d{2})\2(\d{2})(?:T(\d{2})(:?)(\d{2})(?:\6(\d{2}))?)?(?!\d)")
_EXIF_DAY = re.compile(r"^\s*(\d{4}):(\d{2}):(\d{2})(?=\s|$)")


def parse_moment(value: object) -> datetime | None:
    """Understand a moment; one without a zone is UTC, as STAC and the products of Sentinel-2 have it.

    Args:
        value: A text such as ``2024-10-07T10:45:39Z``; anything else is none.

    Returns:
        The moment in UTC; ``None`` where the text is none.
    """
    try:
        moment = datetime.fromisoformat(str(value).strip())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def parse_tag_moment(value: str | None) -> datetime | None:
    """Understand a moment in a raster's tag, whose day may have colons, as TIFF and EXIF have it.

    Args:
        value: Such as ``2024:10:07 10:45:39``, or ISO 8601.

    Returns:
        The moment in UTC; ``None`` where there is none, or none at which a scene can have been sensed.

    Source: TIFF 6.0, section 8, DateTime.
    """
    moment = parse_moment(_EXIF_DAY.sub(r"\1-\2-\3", value or ""))
    return moment if moment is not None and is_plausible(moment) else None


def find_moments(text: str) -> tuple[datetime, ...]:
    """Find the days in a name that can be read in one way alone: ``20241007``, ``2024-10-07``, with a time or without.

    Two figures for a year, or a day before its month, are left alone, and so is a number that only looks like a day.

    Args:
        text: A file's name.

    Returns:
        One moment a day, by time, in UTC; at midnight where the name has no time (``has_time_of_day``).
    """
    days: dict[date, list[datetime]] = {}
    for year, _, month, day, hour, _, minute, second in _STAMP.findall(text):
        stamp = f"{year}-{month}-{day}" + (f"T{hour}:{minute}:{second or '00'}" if hour else "")
        moment = parse_moment(stamp)
        if moment is not None and is_plausible(moment):
            days.setdefault(moment.date(), []).append(moment)
    # Of several times of one day the first is that of sensing, the others come after it.
    return tuple(min(filter(has_time_of_day, days[day]), default=days[day][0]) for day in sorted(days))


def has_time_of_day(moment: datetime) -> bool:
    """Whether a moment says more than its day.

    Midnight to the second stands for a day without a time: a pass of Sentinel-2 at that very second is one in 86,400,
    and on a few meridians of the Pacific at that.

    Args:
        moment: In UTC.
    """
    return (moment.hour, moment.minute, moment.second, moment.microsecond) != (0, 0, 0, 0)


def format_moment(moment: datetime) -> str:
    """A moment for a person, ``7 October 2024, 10:45 UTC``; its day alone where it says no more.

    Args:
        moment: In UTC.
    """
    return f"{moment.day} {moment:%B %Y}" + (f", {moment:%H:%M} UTC" if has_time_of_day(moment) else "")


def is_plausible(moment: datetime) -> bool:
    """Whether Sentinel-2 can have sensed a scene at a moment: after the first launch, and not in the future.

    Args:
        moment: In UTC.
    """
    return FIRST_LIGHT <= moment <= datetime.now(UTC) + timedelta(days=1)
