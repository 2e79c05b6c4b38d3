"""Heights of the tide on two dates, from a table that the user gives."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from pipeline.change_options import ChangeError

__all__ = ["read_tide_height"]


def read_tide_height(path: Path, moment: datetime | None, what: str) -> float:
    """Interpolate the height of the tide at a moment.

    Args:
        path: CSV with the columns ``time`` (ISO 8601; UTC where no zone is given) and ``height_m`` or
            ``height`` (metres).
        moment: In UTC.
        what: Which date it is, for a message.

    Returns:
        Metres above the table's datum.

    Raises:
        ChangeError: The table cannot be read, or does not reach the moment; or the moment is not known.
    """
    if moment is None:
        raise ChangeError(f"{what} states no time of sensing, so no tide can be told. Leave --tides out.")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [(_read_time(row["time"]).timestamp(), _read_height(row)) for row in csv.DictReader(file)]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ChangeError(
            f"Expected the columns time and height_m in {path}, found {error!r}. Mend the table."
        ) from error
    rows.sort()
    wanted = moment.timestamp()
    if not rows or not rows[0][0] <= wanted <= rows[-1][0]:
        raise ChangeError(f"{path} does not reach {moment:%Y-%m-%dT%H:%M:%SZ}, when {what} was sensed. Add that time.")
    times, heights = np.array(rows).T
    return round(float(np.interp(wanted, times, heights)), 4)


def _read_time(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read_height(row: dict[str, str]) -> float:
    return float(row["height_m"] if "height_m" in row else row["height"])
