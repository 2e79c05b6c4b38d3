"""How a watcher stands as numbers, in a file that the textfile collector of Prometheus' node_exporter reads.

Everything is read from the ledger, so that rounds of several areas write the same file, each time whole.

Source: Prometheus, exposition formats, text-based format 0.0.4.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.atomic import write_whole
from pipeline.errors import output_errors
from pipeline.publish.target import resolve_destination
from pipeline.watch.areas.file import WatchSettings
from pipeline.watch.ledger.values import LedgerError
from pipeline.watch.locks import wait_for_metrics
from pipeline.watch.status import AreaStatus, read_watch_status

__all__ = ["write_metrics"]

_HELP: Mapping[str, str] = {
    "ledger_up": "Whether the ledger could be read (1) or not (0).",
    "scenes_found": "Acquisitions that searches found, whatever became of them.",
    "scenes_mapped": "Acquisitions whose map is made, published or not.",
    "scenes_published": "Acquisitions whose map is published.",
    "scenes_skipped": "Acquisitions that are not mapped, by reason.",
    "scenes_failed": "Acquisitions that failed and are tried again.",
    "scenes_given_up": "Acquisitions that failed for good.",
    "backlog": "Acquisitions that are still to be mapped or published, those that wait for another try among them.",
    "newest_scene_timestamp_seconds": "When the newest acquisition was sensed.",
    "newest_scene_age_seconds": "Age of the newest acquisition when this was written.",
    "last_published_timestamp_seconds": "When a scene was last published.",
    "last_round_timestamp_seconds": "When the last round ended.",
    "last_round_duration_seconds": "How long the last round took.",
    "rounds_failed_in_a_row": "Rounds that failed as a whole since one went well.",
    "next_round_timestamp_seconds": "When the next round is due.",
    "disk_free_bytes": "Free bytes of the disk of the work folder, or of an area's destination.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    name: str
    labels: Mapping[str, str]
    value: float


def write_metrics(settings: WatchSettings, *, now: datetime) -> Path:
    """Write the numbers of a watcher, whole or not at all.

    Args:
        settings: Of the watcher, with a file for them.
        now: With a time zone.

    Returns:
        The file.

    Raises:
        OutputError: It cannot be written.
    """
    path = Path(str(settings.metrics))
    with wait_for_metrics(Path(settings.work)):
        # Read under the lock, so that nobody's numbers are replaced by older ones.
        text = "".join(_format(list(_list_samples(settings, now))))
        with output_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)
        with output_errors(path):
            path.chmod(0o644)  # another user's program reads it
    return path


def _list_samples(settings: WatchSettings, now: datetime) -> Iterator[_Sample]:
    try:
        status = read_watch_status(settings, now=now)
    except LedgerError:
        yield _Sample(name="ledger_up", labels={}, value=0)
    else:
        yield _Sample(name="ledger_up", labels={}, value=1)
        for area in (one for one in status.areas if one.in_file):
            yield from _list_of_area(area, now)
    yield from _list_disks(settings)


def _list_of_area(area: AreaStatus, now: datetime) -> Iterator[_Sample]:
    waiting = sum(failure.next_try is not None for failure in area.failures)
    published = area.count("published")
    counts = {
        "scenes_found": sum(area.states.values()),
        "scenes_mapped": area.count("mapped") + published,
        "scenes_published": published,
        "scenes_failed": waiting,
        "scenes_given_up": len(area.failures) - waiting,
        "backlog": area.backlog,
        "rounds_failed_in_a_row": area.rounds_failed,
    }
    labels = {"area": area.area}
    for name, count in counts.items():
        yield _Sample(name=name, labels=labels, value=count)
    for reason, count in sorted(area.skips.items()):
        yield _Sample(name="scenes_skipped", labels={**labels, "reason": reason}, value=count)
    moments = {
        "newest_scene": area.last_acquired,
        "last_published": area.last_success,
        "last_round": area.round_ended,
        "next_round": area.next_run,
    }
    for name, moment in moments.items():  # what never was has no number
        if moment is not None:
            yield _Sample(name=f"{name}_timestamp_seconds", labels=labels, value=moment.timestamp())
    if area.last_acquired is not None:
        age_s = (now - area.last_acquired).total_seconds()
        yield _Sample(name="newest_scene_age_seconds", labels=labels, value=age_s)
    if area.round_began is not None and area.round_ended is not None:
        took_s = (area.round_ended - area.round_began).total_seconds()
        yield _Sample(name="last_round_duration_seconds", labels=labels, value=took_s)


def _list_disks(settings: WatchSettings) -> Iterator[_Sample]:
    folders = {("", settings.work)}
    for area in settings.areas:
        target = resolve_destination(area.destination).folder
        folders |= {(area.name, str(target))} if target is not None else set()
    for area_name, folder in sorted(folders):
        standing = next(path for path in (Path(folder), *Path(folder).parents) if path.exists())
        labels = {"area": area_name, "folder": folder}
        yield _Sample(name="disk_free_bytes", labels=labels, value=shutil.disk_usage(standing).free)


def _format(samples: list[_Sample]) -> Iterator[str]:
    """All samples of a name together, under its help and type, as the format demands."""
    for name, text in _HELP.items():
        found = [sample for sample in samples if sample.name == name]
        if not found:
            continue
        yield f"# HELP strandline_{name} {text}\n# TYPE strandline_{name} gauge\n"
        for sample in found:
            labels = ",".join(f'{label}="{_escape(value)}"' for label, value in sample.labels.items())
            yield f"strandline_{name}{f'{{{labels}}}' if labels else ''} {sample.value:.15g}\n"


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
