"""Try all that a watcher needs before it is left alone: its sources, its places, its ledger, who is told.

Nothing is left behind and nobody is told anything. What does not work is found in one go, not one thing a try.
"""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from pipeline.publish.target import resolve_destination, store_errors
from pipeline.search.errors import EmptySearchError, HostError
from pipeline.search.search_scenes import SearchOptions, search_scenes
from pipeline.watch.areas.check import Finding
from pipeline.watch.areas.file import WatchSettings, find_unset
from pipeline.watch.areas.settings import AreaSettings
from pipeline.watch.ledger.database import open_database
from pipeline.watch.ledger.tables import try_tables
from pipeline.watch.notify.events import try_channel

__all__ = ["try_parts"]

_DAYS: Final = 10
"""Of the past that a source is asked for: as many as a revisit from both sides."""


def try_parts(settings: WatchSettings, *, now: datetime) -> Iterator[Finding]:
    """Try what a watcher needs, one thing after another, whatever came of the one before.

    Args:
        settings: Of the watcher; variables of the environment may be unset.
        now: With a time zone.
    """
    unset = find_unset(settings)
    if unset:
        yield Finding(subject="environment", text=f"not set: {', '.join(unset)}", ok=False)
    for area in settings.areas:
        yield _try(settings, f"{area.name}: source", lambda area=area: _try_source(area, now))  # type: ignore[misc]
        yield _try(settings, f"{area.name}: destination", lambda area=area: _try_place(area.destination))  # type: ignore[misc]
    yield _try(settings, "work", lambda: _try_place(settings.work))
    yield _try(settings, "ledger", lambda: _try_ledger(settings))
    for channel in settings.notifications:
        found = try_channel(channel)
        yield Finding(subject=channel.name, text=found.reason or "would be told", ok=found.delivered)


def _try(settings: WatchSettings, subject: str, work: Callable[[], str]) -> Finding:
    try:
        return Finding(subject=subject, text=work())
    except Exception as error:  # a driver or a store may raise anything, and the rest is to be tried as well
        reason = " ".join(str(error).split()) or type(error).__name__
        return Finding(subject=subject, text=settings.hide(reason), ok=False)


def _try_source(area: AreaSettings, now: datetime) -> str:
    dates = f"{now - timedelta(days=_DAYS):%Y-%m-%d}/{now:%Y-%m-%d}"
    try:
        plan = search_scenes(SearchOptions(**area.to_search_choices(dates)))
    except EmptySearchError:
        return f"answers; no scene of the last {_DAYS} days"
    if plan.silent:
        raise HostError(f"{' and '.join(plan.silent)} did not answer; others have {len(plan.items)} scene(s)")
    return f"answers; {len(plan.items)} scene(s) of the last {_DAYS} days"


def _try_place(place: str) -> str:
    """Write a file and remove it."""
    target = resolve_destination(place)
    if target.folder is not None:
        standing = next(path for path in (target.folder, *target.folder.parents) if path.exists())
        with tempfile.NamedTemporaryFile(dir=standing, prefix=".strandline-try-") as file:
            file.write(b"strandline")
            file.flush()
        return "takes files"
    name = f".strandline-try-{secrets.token_hex(4)}"
    with store_errors(place):
        files, root = target.open()
        files.pipe_file(f"{root}/{name}", b"strandline")
        try:
            whole = files.cat_file(f"{root}/{name}") == b"strandline"
        finally:
            files.rm_file(f"{root}/{name}")
    return "takes files" if whole else "takes files, and gives others back"


def _try_ledger(settings: WatchSettings) -> str:
    url = settings.reveal_ledger_url()
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).exists():
        return _try_place(str(Path(url.removeprefix("sqlite:///")).parent))  # to open it would make the file
    return f"can be written, {try_tables(open_database(url, create=False))}"
