"""How a batch went, and how far it is: counts by kind, reasons, and what is left."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from pipeline.atomic import write_whole
from pipeline.batch.record import RECORD_NAME, Entry, is_held, read_journal, read_planned
from pipeline.errors import OutputError
from pipeline.record.result import ITEM_NAME, PAGE_NAME
from strandline import __version__

__all__ = ["BatchStatus", "BatchSummary", "read_status", "write_summary"]

SUMMARY_NAME = "summary.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSummary:
    """What came of a run.

    Attributes:
        planned: Scenes that were to be mapped.
        counts: Number of scenes by kind (``pipeline.batch.units.Kind``), duplicates and what is no scene among them.
        problems: What was not mapped, with reasons.
        seconds: Wall time.
        workers: Workers at the beginning.
        complete: Every scene got its turn; false where the run was stopped.
        notes: What the user should be told, with the number of scenes it was said of.
    """

    planned: int
    counts: Mapping[str, int]
    problems: tuple[Entry, ...] = field(repr=False)
    seconds: float
    workers: int
    complete: bool
    notes: Mapping[str, int] = field(default_factory=dict)

    @property
    def done(self) -> int:
        """Scenes whose map stands now."""
        return self.counts.get("mapped", 0) + self.counts.get("already mapped", 0)

    @property
    def failed(self) -> int:
        """Scenes that were set aside."""
        return self.counts.get("failed", 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStatus:
    """How far a batch is.

    Attributes:
        running: A run is going on now, as far as this machine can know.
        planned: Scenes that the last run was to map.
        left: Of these, how many had no turn yet.
        counts: Number of scenes by kind; what is mapped already counts as mapped.
        last_done: When a scene was last finished, in UTC; empty: never.
        problems: What was not mapped, with reasons; a next run tries the failed ones again.
        page: The page of the batch (``strandline view``); empty: there is none.
    """

    running: bool
    planned: int
    left: int
    counts: Mapping[str, int]
    last_done: str
    problems: tuple[Entry, ...]
    page: str = ""


def write_summary(out: Path, summary: BatchSummary) -> Path:
    """Write ``summary.json``.

    Args:
        out: Folder for results.
        summary: What came of the run.

    Raises:
        OutputError: It cannot be written.
    """
    path = out / SUMMARY_NAME
    document = {"strandline_version": __version__, **asdict(summary), "done": summary.done}
    write_whole(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    return path


def read_status(out: Path) -> BatchStatus:
    """Read how far the batch of a folder is, from its journal and from the maps that stand in it.

    Args:
        out: Folder for results.

    Raises:
        OutputError: No batch was ever run into it.
    """
    if not (out / RECORD_NAME).exists():
        raise OutputError(f"Expected the folder of a batch, found no {RECORD_NAME} in {out}. See strandline batch.")
    planned, journal = read_planned(out), read_journal(out)
    kinds = {name: _resolve_kind(out, name, journal.get(name)) for name in planned}
    others = [entry for name, entry in journal.items() if name not in kinds]
    counts = Counter(kind for kind in kinds.values() if kind)
    counts.update(entry.kind for entry in others)
    return BatchStatus(
        running=is_held(out),
        planned=len(planned),
        left=sum(kind == "" for kind in kinds.values()),
        counts=dict(sorted(counts.items())),
        last_done=max((entry.at for entry in journal.values() if entry.kind == "mapped"), default=""),
        problems=tuple(_sort(e for e in journal.values() if e.reason and kinds.get(e.id, e.kind) == e.kind)),
        page=str(out / PAGE_NAME) if (out / PAGE_NAME).is_file() else "",
    )


def _resolve_kind(out: Path, name: str, entry: Entry | None) -> str:
    """The map that stands in the folder counts before what was written of it; empty: it had no turn yet."""
    if (out / name / ITEM_NAME).exists():
        return "mapped"
    return "" if entry is None or entry.kind in {"mapped", "already mapped"} else entry.kind


def _sort(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.kind, entry.id))
