"""What a watcher would do, said before it does it: each area, what it needs, and what is missing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.publish.target import resolve_destination
from pipeline.watch.areas.coverage import compute_area_km2
from pipeline.watch.areas.file import WatchSettings
from pipeline.watch.areas.schedule import format_duration, is_in_season
from pipeline.watch.areas.settings import AreaSettings
from pipeline.watch.notify.settings import CommandChannel, Notification
from strandline import StrandlineError

__all__ = ["AreaReport", "Finding", "WatchReport", "describe_areas"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that was looked at.

    Attributes:
        subject: What.
        text: What was found.
        ok: Whether a watcher can work with it.
    """

    subject: str
    text: str
    ok: bool = True

    def __str__(self) -> str:
        return f"{self.subject}: {self.text}" if self.ok else f"{self.subject}: PROBLEM: {self.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaReport:
    """What would be done for an area.

    Attributes:
        name: Of the area.
        size_km2: Of its area of interest, in square kilometres.
        next_run: When its turn comes, UTC.
        in_season: Whether scenes of today would be mapped.
        dates: Days that the first round would search.
        findings: The rest, a finding each.
    """

    name: str
    size_km2: float
    next_run: datetime
    in_season: bool
    dates: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchReport:
    """What a watcher would do.

    Attributes:
        areas: One after another.
        findings: What all areas share.
    """

    areas: tuple[AreaReport, ...]
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether it could begin."""
        return all(finding.ok for finding in (*self.findings, *(one for area in self.areas for one in area.findings)))

    @property
    def problems(self) -> dict[str, str]:
        """All that a watcher cannot work with, by what it is."""
        of_areas = {f"{area.name}: {one.subject}": one for area in self.areas for one in area.findings}
        named = of_areas | {one.subject: one for one in self.findings}
        return {subject: finding.text for subject, finding in named.items() if not finding.ok}

    def lines(self) -> tuple[str, ...]:
        """The report for people, a line a fact; no secret is in it."""
        return tuple(_write_lines(self))


def describe_areas(settings: WatchSettings, *, now: datetime | None = None) -> WatchReport:
    """Say what a watcher would do; nothing is written, and no host is asked but a store's: see ``try_parts``.

    Args:
        settings: Of the watcher's file.
        now: With a time zone; ``None``: the clock of this machine.
    """
    moment = now or datetime.now(UTC)
    shared = [_check_ledger(settings), _check_work(settings), _describe_dask(settings), *_list_limits(settings)]
    shared += [_describe_channel(channel) for channel in settings.notifications]
    if not settings.notifications:
        shared.append(Finding(subject="notifications", text="nobody is told of failures and alerts"))
    return WatchReport(
        areas=tuple(_describe_area(area, settings, moment) for area in settings.areas), findings=tuple(shared)
    )


def _describe_area(area: AreaSettings, settings: WatchSettings, now: datetime) -> AreaReport:
    place = area.resolve_area()
    notes = [Finding(subject="note", text=note) for note in place.notes]
    return AreaReport(
        name=area.name,
        size_km2=compute_area_km2(place.geometry),
        next_run=area.timetable.next_after(now),
        in_season=is_in_season(now, area.seasons),
        dates=area.resolve_dates(now),
        findings=(*_list_choices(area), _check_model(area), _check_destination(area, settings), *notes),
    )


def _list_choices(area: AreaSettings) -> Iterator[Finding]:
    collection = f", collection {area.collection}" if area.collection else ""
    yield Finding(subject="source", text=f"{area.source}{collection}")
    yield Finding(
        subject="scenes",
        text=f"up to {area.max_cloud:g}% cloud, at least {area.min_coverage:g}% of the area, "
        f"searched again for {area.look_back} days",
    )
    yield Finding(subject="seasons", text=", ".join(map(str, area.seasons)) or "all year")
    yield Finding(subject="formats", text=", ".join(area.formats))
    if area.compare is not None:
        limits = [(area.compare.alert_m, "m"), (area.compare.alert_area_m2, "m²")]
        alerts = " or ".join(f"{limit:,.10g} {unit}" for limit, unit in limits if limit is not None)
        yield Finding(subject="compare", text=f"alert from {alerts}" if alerts else "without an alert")
    if area.transects is not None:
        yield Finding(subject="transects", text=area.transects)
    if area.tides is not None:
        slope = f", beach slope {area.tides.beach_slope:g}" if area.tides.beach_slope is not None else ""
        yield Finding(subject="tides", text=f"{area.tides.heights or area.tides.model}{slope}")
    retries = area.retries
    yield Finding(
        subject="retries",
        text=f"{retries.times}, after {format_duration(retries.wait)} and longer, "
        f"up to {format_duration(retries.longest)}",
    )


def _check_model(area: AreaSettings) -> Finding:
    from models.runtimes.registry import resolve_card  # noqa: PLC0415 (imports torch)

    try:
        card = resolve_card(area.model)
    except StrandlineError as error:
        return Finding(subject="model", text=str(error), ok=False)
    return Finding(subject="model", text=card.name if card.name == area.model else f"{card.name} ({area.model})")


def _check_destination(area: AreaSettings, settings: WatchSettings) -> Finding:
    subject = "destination"
    try:
        target = resolve_destination(area.destination)
        if target.folder is not None:
            return _check_folder(subject, target.folder, settings)
        files, root = target.open()
        there = "there" if files.exists(root) else "to be made"
    except Exception as error:  # a store may raise anything
        return Finding(subject=subject, text=settings.hide(" ".join(str(error).split())), ok=False)
    return Finding(subject=subject, text=f"{area.destination} ({there})")


def _check_folder(subject: str, folder: Path, settings: WatchSettings) -> Finding:
    """Whether a folder, or the nearest one above it that is there, can be written and has space."""
    standing = next(path for path in (folder, *folder.parents) if path.exists())
    if not standing.is_dir() or not os.access(standing, os.W_OK | os.X_OK):
        return Finding(subject=subject, text=f"{folder} cannot be written: choose another folder", ok=False)
    free = shutil.disk_usage(standing).free
    there = "" if standing == folder else "to be made, "
    text = f"{folder} ({there}{_format_bytes(free)} free)"
    if free <= settings.limits.keep_free:
        text += f", less than the {_format_bytes(settings.limits.keep_free)} that are to stay free"
    return Finding(subject=subject, text=text, ok=free > settings.limits.keep_free)


def _check_work(settings: WatchSettings) -> Finding:
    return _check_folder("work", Path(settings.work), settings)


def _check_ledger(settings: WatchSettings) -> Finding:
    path = Path(settings.ledger)
    if path.is_absolute():
        folder = _check_folder("ledger", path.parent, settings)
        there = "there" if path.exists() else "to be made"
        return folder if not folder.ok else Finding(subject="ledger", text=f"{path} ({there})")
    return Finding(subject="ledger", text=settings.ledger)


def _describe_dask(settings: WatchSettings) -> Finding:
    dask = settings.dask
    here = f"workers of this machine: {dask.workers or 'as its memory and cores allow'}"
    return Finding(subject="dask", text=dask.scheduler or here)


def _list_limits(settings: WatchSettings) -> Iterator[Finding]:
    limits = settings.limits
    kept = [
        f"{what} {'kept for ever' if age is None else f'removed after {format_duration(age)}'}"
        for what, age in (("working copies", limits.prune_work_after), ("published", limits.prune_published_after))
    ]
    text = f"{limits.scenes_per_round} scenes a round, {_format_bytes(limits.keep_free)} of disk stay free"
    yield Finding(subject="limits", text=f"{text}; {', '.join(kept)}")


def _describe_channel(channel: Notification) -> Finding:
    text = f"{channel.kind}, of {', '.join(sorted(channel.events))}"
    if channel.secret_names:
        text += f"; from the environment: {', '.join(channel.secret_names)}"
    if isinstance(channel, CommandChannel) and shutil.which(channel.argv[0]) is None:
        return Finding(subject=channel.name, text=f"{text}; there is no program {channel.argv[0]}", ok=False)
    return Finding(subject=channel.name, text=text)


def _format_bytes(count: int) -> str:
    return f"{count / 1e9:,.1f} GB"


def _write_lines(report: WatchReport) -> Iterator[str]:
    for area in report.areas:
        season = "in season" if area.in_season else "out of season today"
        yield f"{area.name}: {area.size_km2:,.1f} km², next run {area.next_run:%Y-%m-%d %H:%M:%S} UTC, {season}"
        yield f"  first round: {area.dates}"
        yield from (f"  {finding}" for finding in area.findings)
    yield from (str(finding) for finding in report.findings)
