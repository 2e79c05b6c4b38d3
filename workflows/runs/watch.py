"""What ``strandline watch`` does once its options are read: check, do one round of each area, or serve schedules."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer
from rich.console import Console

from pipeline.errors import OptionError, output_errors
from pipeline.watch.areas.check import describe_areas
from pipeline.watch.areas.file import WatchSettings, read_areas
from pipeline.watch.ledger.ledger import Ledger, open_ledger
from workflows.runs.console import open_console

if TYPE_CHECKING:
    from pipeline.watch.values import RoundReport

__all__ = ["EXIT_ROUND", "EXIT_SCENES", "run_watch"]

EXIT_SCENES: Final = 6
"""Some scenes failed."""

EXIT_ROUND: Final = 8
"""The round of an area failed."""

_LOG_BYTES, _LOG_FILES = 5 << 20, 5

_Report = Callable[[Mapping[str, Any]], None]


def run_watch(path: Path, *, once: bool, only: Mapping[str, Any], check: bool, rounds: int, quiet: bool) -> None:
    """Watch; what makes it impossible is raised.

    Args:
        path: File of the areas.
        once: One round of each area, without Prefect.
        only: What of it: ``due``, ``areas``, ``since``, ``retry``, ``remap``.
        check: Say what would be done, instead.
        rounds: How many at a time, by schedule.
        quiet: Say nothing but what is wrong.

    Raises:
        typer.Exit: Not all went well.
    """
    if check:
        _check(read_areas(path, to_work=False))
        return
    settings = read_areas(path)
    words = {"due": "--due", "areas": "--area", "since": "--since", "retry": "--retry", "remap": "--remap"}
    named = [words[name] for name, value in only.items() if value]
    if named and not once:
        raise OptionError(f"Expected --once with {' and '.join(named)}.")
    since = _parse_day(only["since"])
    names = [settings.get_area(name).name for name in only["areas"]] or [area.name for area in settings.areas]
    console = open_console(quiet=False)
    with _open_reports(settings, console, quiet=quiet) as report:
        if once:
            _run_once(settings, names, only, since, report)
            return
        from workflows.watcher.serve import serve  # Prefect, which --once does without

        serve(path, settings, report=report, limit=rounds)


def _check(settings: WatchSettings) -> None:
    """Say what would be done, try what is needed for it, and list all that is wrong at the end."""
    from pipeline.watch.try_parts import try_parts

    report = describe_areas(settings)
    for line in report.lines():
        typer.echo(settings.hide(line))
    problems = report.problems
    for finding in try_parts(settings, now=datetime.now(UTC)):
        typer.echo(settings.hide(f"tried {finding}"))
        if not finding.ok:
            problems.setdefault(finding.subject, finding.text)
    if problems:
        typer.echo(f"{len(problems)} problem(s):")
        for subject, text in problems.items():
            typer.echo(settings.hide(f"  {subject}: {text}"))
        raise typer.Exit(2)
    typer.echo("No problem was found.")


def _run_once(
    settings: WatchSettings, names: list[str], only: Mapping[str, Any], since: date | None, report: _Report
) -> None:
    from pipeline.watch.run_round import run_round  # the watcher that stays does without

    if only["remap"]:
        _remap(settings, names, report)
    if only["retry"] or only["due"]:
        names = _choose(open_ledger(settings.reveal_ledger_url()), names, only)
    reports = [run_round(settings, name, since=since, report=report) for name in names]
    code = _resolve_exit_code(reports)
    if code:
        raise typer.Exit(code)


def _remap(settings: WatchSettings, names: list[str], report: _Report) -> None:
    """Make scenes due again whose map is of another model or other choices; rounds do them, as limits allow."""
    from pipeline.watch.map import make_due_again  # torch

    ledger = open_ledger(settings.reveal_ledger_url())
    for name in names:
        count = make_due_again(settings.get_area(name), ledger)
        text = f"{name}: {count} scene(s) to be mapped again, {settings.limits.scenes_per_round} a round at most"
        report({"event": "remap", "area": name, "text": text})


def _choose(ledger: Ledger, names: list[str], only: Mapping[str, Any]) -> list[str]:
    """Make failed scenes due, and leave out areas whose turn has not come."""
    if only["retry"]:
        for name in names:
            ledger.retry(name)
    if not only["due"]:
        return names
    now = datetime.now(UTC)
    due = {name: noted.next_run for name, noted in ledger.read_rounds().items()}
    return [name for name in names if (moment := due.get(name)) is None or moment <= now]


def _resolve_exit_code(reports: list[RoundReport]) -> int:
    if any(report.error for report in reports):
        return EXIT_ROUND
    return EXIT_SCENES if any(report.failed for report in reports) else 0


def _parse_day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise OptionError(f"Expected --since as a day such as 2024-06-01, found {text!r}.") from None


@contextmanager
def _open_reports(settings: WatchSettings, console: Console, *, quiet: bool) -> Iterator[_Report]:
    """A line an event, on standard error and in a log that does not grow for ever."""
    path = Path(settings.work) / "logs" / "watch.log"
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _Log(path, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES - 1, encoding="utf-8", delay=True)
    log = logging.Logger("strandline.watch")  # of this call alone: nothing else writes to it
    log.addHandler(handler)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))

    def report(event: Mapping[str, Any]) -> None:
        text, level = settings.hide(str(event["text"])), str(event.get("level", "info"))
        log.log(logging.getLevelNamesMapping()[level.upper()], text)
        if level != "info" or not quiet:
            console.out(f"{datetime.now().astimezone():%H:%M:%S} {text}")

    try:
        yield report
    finally:
        handler.close()


class _Log(RotatingFileHandler):
    """A log whose own trouble stops nothing: that a disk is full is told by the round."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (its name)
        """What could not be logged was shown all the same."""
