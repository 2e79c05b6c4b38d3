"""Tell, once, that an area gets no new scene for longer than its revisit explains; and that one came at last."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.watch.notify.events import Event, make_event_id

__all__ = ["check_silence"]


def check_silence(
    area: str, mark: Path, *, last: datetime | None, begun: datetime, now: datetime, limit: timedelta | None
) -> Event | None:
    """What is to be told of an area whose source answered.

    A scene counts as soon as it is known, whether it is mapped or skipped for its clouds: the source gives it.

    Args:
        area: Its name.
        mark: File that stands while it is told that no scene comes.
        last: When the newest scene that is known was sensed; ``None``: none ever was.
        begun: From when on the source was searched.
        now: With a time zone.
        limit: For how long there may be no new scene; ``None``: for ever.

    Returns:
        That none comes, or that one came; ``None``: nothing new.
    """
    if limit is None:
        return None
    since = last or begun
    named = last.astimezone(UTC).isoformat() if last else "the beginning"
    told = _read(mark)
    if now - since <= limit:
        if told is None:
            return None
        mark.unlink(missing_ok=True)
        return Event(
            kind="recovered",
            area=area,
            title=f"{area}: a new scene came",
            text=f"There was none since {told}.",
            facts={"since": told},
            id=make_event_id("silence", "recovered", area, told),
        )
    if told is not None:
        return None
    with suppress(OSError):  # where it cannot be written, it is told again under the same id
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.write_text(named, encoding="utf-8")
    days = (now - since).days
    return Event(
        kind="failure",
        area=area,
        title=f"{area}: no new scene for {days} days",
        text=f"The source answers, and has had no new scene since {named}, longer than stale_after ({limit.days} days) "
        "allows. Look whether it still gets scenes, its collection went on under another name, or the area has moved.",
        facts={"since": named, "days": days},
        id=make_event_id("silence", area, named),
    )


def _read(mark: Path) -> str | None:
    try:
        return mark.read_text(encoding="utf-8")
    except OSError:
        return None
