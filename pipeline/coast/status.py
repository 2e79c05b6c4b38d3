"""How far a coast is: its maps as a batch's, and what became of each part."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.batch.record import RECORD_NAME as BATCH_NAME
from pipeline.batch.summary import BatchStatus, read_status
from pipeline.coast.record import MAPS, PartOutcome, is_coast_held, read_parts
from pipeline.record.result import ITEM_NAME, PAGE_NAME

__all__ = ["CoastStatus", "read_coast_status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CoastStatus:
    """How far a coast is.

    Attributes:
        running: A run is going on now, as far as this machine can know.
        maps: Of the scenes; ``None``: none had its turn yet.
        parts: By time, as they stand: what a run that was stopped had made counts as made.
        page: The page of all parts, or of the only one; empty: there is none.
    """

    running: bool
    maps: BatchStatus | None
    parts: tuple[PartOutcome, ...]
    page: str = ""


def read_coast_status(out: Path) -> CoastStatus:
    """Read how far the coast of a folder is.

    Args:
        out: Folder for all of it.

    Raises:
        OutputError: It holds no coast.
    """
    parts = tuple(_look(out, part) for part in read_parts(out))
    maps = out / MAPS
    pages = [out / PAGE_NAME, *(out / part.name / PAGE_NAME for part in parts if len(parts) == 1)]
    return CoastStatus(
        running=is_coast_held(out),
        maps=read_status(maps) if (maps / BATCH_NAME).exists() else None,
        parts=parts,
        page=next((str(page) for page in pages if page.is_file()), ""),
    )


def _look(out: Path, part: PartOutcome) -> PartOutcome:
    stands = (out / part.name / ITEM_NAME).is_file()
    if stands == (part.state == "made"):
        return part
    return replace(part, state="made" if stands else "planned")
