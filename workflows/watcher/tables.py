"""Tables about a watcher, for people: ``strandline status`` of a file of areas."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich.console import Console
from rich.table import Table

from pipeline.watch.status import AreaStatus, SceneStatus, WatchStatus

__all__ = ["show_area", "show_watch"]

_SHOWN_FAILURES = 12
_SHOWN_SCENES = 60


def show_watch(console: Console, status: WatchStatus) -> None:
    """Print how all areas stand, and below it what failed and why.

    Args:
        console: Where to; 80 columns are enough.
        status: As it was read.
    """
    if not status.begun:
        line = f"No round was run yet: there is no ledger {status.ledger}. See strandline watch."
        console.out(line)
    console.print(_tabulate(status))
    console.print(f"All times in UTC; it is {_format_time(status.at)}.")
    for area in status.areas:
        if area.last_scene is not None:
            console.out(f"Last scene of {area.area}: {area.last_scene}")
        if area.page:
            console.out(f"To look at {area.area}: {area.page}")
    _show_some(console, [line for area in status.areas for line in _list_failures(area)], most=_SHOWN_FAILURES)


def show_area(console: Console, status: WatchStatus) -> None:
    """Print how one area stands, and its scenes, newest first.

    Args:
        console: Where to.
        status: As it was read, of one area with its scenes.
    """
    show_watch(console, status)
    (area,) = status.areas
    for kind, count in sorted(area.skips.items()):
        console.print(f"Skipped for {kind}: {count:,}")
    replaced = [line for scene in area.scenes for line in _list_replacements(scene)]
    _show_some(console, [_describe_scene(scene) for scene in area.scenes], most=_SHOWN_SCENES)
    _show_some(console, replaced, most=_SHOWN_FAILURES)


def _tabulate(status: WatchStatus) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("area", overflow="fold", min_width=6)
    for name in ("last scene", "last success"):
        table.add_column(name, min_width=10)
    for name in ("pub-\nlished", "mapped", "skipped", "left", "failed"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("next round", min_width=10)
    for area in status.areas:
        counts = (area.count("published"), area.count("mapped"), area.count("skipped"))
        table.add_row(
            area.area if area.in_file else f"{area.area} (not in the file)",
            _format_time(area.last_acquired),
            _format_time(area.last_success),
            *(f"{count:,}" for count in (*counts, area.backlog, len(area.failures))),
            _describe_next(area),
        )
    return table


def _describe_next(area: AreaStatus) -> str:
    if not area.in_file:
        return "none"
    if area.round == "under way":
        return "under way"
    return f"{_format_time(area.next_run)}{' overdue' if area.overdue else ''}"


def _list_failures(area: AreaStatus) -> Iterator[str]:
    """The area's own troubles before those of its scenes."""
    if area.round == "under way":
        yield f"{area.area}: a round is under way since {_format_time(area.round_began)}."
    if area.round == "cut off":
        yield f"{area.area}: the round of {_format_time(area.round_began)} did not end; the next goes on with it."
    if area.round_error is not None:
        many = f", {area.rounds_failed} in a row" if area.rounds_failed > 1 else ""
        yield f"{area.area}: the last round failed{many}: {area.round_error}"
    for failure in sorted(area.failures, key=lambda failure: failure.next_try is not None):
        yield f"{area.area}: {failure.product} {_describe_try(failure.tries, failure.next_try)}: {failure.error}"


def _describe_try(tries: int, next_try: datetime | None) -> str:
    times = "once" if tries == 1 else f"{tries} times"
    then = "for good" if next_try is None else f"next try {_format_time(next_try)}"
    return f"failed {times}, {then}"


def _describe_scene(scene: SceneStatus) -> str:
    """Two lines: a product's name takes most of a terminal's width."""
    return f"{scene.product}\n    {_format_time(scene.acquired)} {_describe_state(scene)}"


def _describe_state(scene: SceneStatus) -> str:
    if scene.state == "skipped":
        return f"skipped for {scene.skip}: {scene.reason}"
    if scene.state == "failed":
        return f"{_describe_try(scene.tries, scene.next_try)}: {scene.error}"
    if scene.state == "published":
        return f"published {_format_time(scene.published_at)} to {scene.published_to}"
    return f"{scene.state}, failed before: {scene.error}" if scene.tries else scene.state


def _list_replacements(scene: SceneStatus) -> Iterator[str]:
    for old in reversed(scene.replaced):
        yield f"{_format_time(old.at)} {old.product} ({old.state}) was replaced by {old.by}"


def _show_some(console: Console, lines: list[str], *, most: int) -> None:
    """A screenful at most: all of it is in ``--json``."""
    for line in lines[:most]:
        console.out(line)
    if len(lines) > most:
        console.print(f"… and {len(lines) - most:,} more, see --json.")


def _format_time(moment: datetime | None) -> str:
    return "never" if moment is None else f"{moment:%Y-%m-%d %H:%M}"
