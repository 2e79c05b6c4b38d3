"""What the folder of a coast was made for, and what became of each part: ``coast.json``, without a time of writing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.atomic import write_whole
from pipeline.checksums import Basis
from pipeline.errors import OutputError, StaleResultError, output_errors
from pipeline.file_lock import hold_lock, is_locked
from pipeline.record.result import ITEM_NAME

__all__ = [
    "MAPS",
    "RECORD_NAME",
    "PartOutcome",
    "begin_record",
    "hold_coast",
    "is_coast_held",
    "is_kept",
    "read_parts",
    "remove_mosaic",
    "write_record",
]

RECORD_NAME = "coast.json"

MAPS = "maps"
"""Name of the folder of the mapped scenes."""

VERSION = 1
_LOCK_NAME = ".coast.lock"

State = Literal["planned", "made", "no scene", "not mapped", "nothing clear"]
"""What became of a part: ``not mapped``, where none of its scenes could be; ``nothing clear``, where all is hidden."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOutcome:
    """What became of one mosaic of a coast.

    Attributes:
        name: Of its folder.
        dates: Its days; ``None``: all.
        state: Whether it was made, and why not.
        planned: Number of scenes of these days.
        joined: Ids of those that it was made of.
        lacking: Of those that could not be mapped.
        first: Earliest moment of those that were joined, ISO 8601 in UTC; empty: not known.
        last: Latest.
        lines: Features of its layer ``coastline``.
    """

    name: str
    dates: str | None
    state: State
    planned: int
    joined: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    first: str = ""
    last: str = ""
    lines: int = 0


@contextmanager
def hold_coast(out: Path) -> Iterator[None]:
    """Keep other runs out of the folder of a coast.

    Args:
        out: Folder; made where it is not there, and removed again where nothing came of it.

    Raises:
        BusyError: Another run is at work in it.
        OutputError: It cannot be made.
    """
    with output_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    try:
        with hold_lock(out / _LOCK_NAME, busy=f"Another run makes the coast of {out} right now.", remove=True):
            yield
    finally:
        if not any(out.iterdir()):
            out.rmdir()


def is_coast_held(out: Path) -> bool:
    """Whether a run is at work in the folder of a coast now, as far as this machine can know.

    Args:
        out: Folder for all of it.
    """
    return is_locked(out / _LOCK_NAME)


def read_parts(out: Path) -> tuple[PartOutcome, ...]:
    """Read what became of each part, by time.

    Args:
        out: Folder for all of it.

    Raises:
        OutputError: It is the folder of no coast.
    """
    document = _read(out)
    if document is None:
        raise OutputError(f"Expected the folder of a coast, found no {RECORD_NAME} in {out}. See strandline coast.")
    try:
        return tuple(
            PartOutcome(**part | {name: tuple(part.get(name, ())) for name in ("joined", "lacking")})
            for part in document.get("parts", ())
        )
    except TypeError as error:
        raise _make_unfit_error(out / RECORD_NAME) from error


def is_kept(out: Path, basis: Basis, *, overwrite: bool) -> bool:
    """Whether a folder is that of this coast.

    Args:
        out: Folder for all of it.
        basis: All that was asked.
        overwrite: Whether another coast may be replaced.

    Returns:
        True where it is; False where it is empty, or of another coast that is to be replaced.

    Raises:
        StaleResultError: It is of another coast, which was not to be replaced; the message says in what they differ.
        OutputError: It holds something else.
    """
    document = _read(out)
    if document is None:
        return False
    differences = basis.describe_differences(document["asked"])
    if differences and not overwrite:
        raise StaleResultError(
            f"{out} is of a coast that differs in {', '.join(differences)}: choose another --out, or pass --overwrite "
            "to search again and to replace what differs."
        )
    return not differences


def begin_record(out: Path, basis: Basis) -> None:
    """Write down what is asked, before anything is done; mosaics of another coast that was planned here are removed.

    Args:
        out: Folder for all of it.
        basis: All that was asked.

    Raises:
        OutputError: It cannot be written.
    """
    before = _read(out)
    if before is not None and basis.describe_differences(before["asked"]):
        for part in before.get("parts", ()):
            remove_mosaic(out / part["name"])
    _write(out, {"asked": basis.to_dict()})


def remove_mosaic(folder: Path) -> None:
    """Remove a mosaic; a folder that holds none, whatever its name, is left alone.

    Args:
        folder: Of a part of a coast.
    """
    if (folder / ITEM_NAME).is_file():
        shutil.rmtree(folder, ignore_errors=True)


def write_record(out: Path, basis: Basis, parts: Sequence[PartOutcome], **facts: object) -> None:
    """Write down what became of it.

    Args:
        out: Folder for all of it.
        basis: All that was asked.
        parts: By time.
        facts: What else is to be known, as JSON can hold it.

    Raises:
        OutputError: It cannot be written.
    """
    _write(out, {"asked": basis.to_dict(), **facts, "parts": [asdict(part) for part in parts]})


def _write(out: Path, document: dict[str, Any]) -> None:
    text = json.dumps({"strandline_coast": VERSION, **document}, indent=2, ensure_ascii=False)
    write_whole(out / RECORD_NAME, f"{text}\n")


def _read(out: Path) -> dict[str, Any] | None:
    """The record of a folder; ``None`` where the folder is empty.

    Raises:
        OutputError: It holds something else.
    """
    path = out / RECORD_NAME
    if not path.exists():
        if any(not entry.name.startswith(".") for entry in out.iterdir()):
            raise OutputError(f"{out} holds files that are no coast of Strandline: choose another --out.")
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        names = [Path(part["name"]) for part in document.get("parts", ())]
        is_ours = "choices" in document["asked"] and all(name == Path(name.name) for name in names)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _make_unfit_error(path) from error
    if not is_ours:
        raise _make_unfit_error(path)
    return dict(document)


def _make_unfit_error(path: Path) -> OutputError:
    return OutputError(
        f"Expected the record of a coast in {path}, found something else: put it back, or choose another --out."
    )
