"""Moments as metadata and records write them: ISO 8601, in UTC wherever no zone is named."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["parse_moment"]


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
