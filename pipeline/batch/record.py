"""What a folder of maps was made with, what was planned, what became of it; kept beside the maps as it happens.

``batch.json`` holds the model and the choices of the folder. The hidden folder ``.batch`` holds the list of planned
scenes and a journal with a line a scene, from which ``strandline status`` reads how far the work is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.runtimes.registry import resolve_card, resolve_path
from models.runtimes.rounding import name_rounding
from pipeline.atomic import write_whole
from pipeline.checksums import ANSWERS, compute_sha256
from pipeline.errors import OutputError, StaleResultError, output_errors
from pipeline.file_lock import hold_lock, is_locked
from pipeline.mapping.options import MapOptions
from strandline import __version__
from tiles.products.stack import StackOptions

__all__ = [
    "RECORD_NAME",
    "BatchRecord",
    "Entry",
    "append_entries",
    "begin_journal",
    "hold_batch",
    "is_held",
    "items_folder",
    "read_journal",
    "read_planned",
    "require_same_choices",
    "resolve_record",
]

RECORD_NAME = "batch.json"

_FREE_CHOICES = ("precision", "blending")
"""Parameters of a map that are decided where it is computed, not asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRecord:
    """What all maps of a folder have in common.

    Attributes:
        model: Name and version of the model.
        model_sha256: Of its file.
        parameters: Choices that change a map, as JSON can hold them.
        version: Of Strandline.
        answers: See ``pipeline.checksums.ANSWERS``.
    """

    model: str
    model_sha256: str
    parameters: Mapping[str, Any]
    version: str = __version__
    answers: int = ANSWERS["map"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What became of a scene, a line of the journal.

    Attributes:
        id: Of the scene.
        kind: As ``pipeline.batch.units.Kind``.
        reason: Why it was not mapped.
        tries: How often it was begun.
        seconds: Of work, all of them on one worker.
        at: When, in UTC.
    """

    id: str
    kind: str
    reason: str = ""
    tries: int = 0
    seconds: float = 0.0
    at: str = ""


def resolve_record(options: MapOptions, stack: StackOptions | None = None) -> BatchRecord:
    """What the maps of a folder will have in common.

    Args:
        options: Choices.
        stack: What the user says of stacks.

    Raises:
        UnknownModelError: There is no such model.
        ModelFileError: The file is no model.
    """
    card, path = resolve_card(options.model), resolve_path(options.model)
    beside = name_rounding(path)
    rounding = {"rounding": compute_sha256(beside)} if options.precision == "int8" and beside.exists() else {}
    said = (stack or StackOptions()).model_dump(mode="json", exclude={"any_platform"})
    return BatchRecord(
        model=f"{card.name} {card.version}",
        model_sha256=compute_sha256(path),
        parameters={
            **options.result_parameters(),
            "precision asked for": options.precision,
            **rounding,
            **{f"stack {name}": value for name, value in said.items()},
        },
    )


def require_same_choices(out: Path, record: BatchRecord) -> None:
    """Refuse a folder whose maps have another model or other choices: a coast of two makes is none.

    Args:
        out: Folder for results, which may not be there yet.
        record: What is to be done.

    Raises:
        StaleResultError: The folder is of another make; the message says in what.
        OutputError: Its record cannot be read.
    """
    path = out / RECORD_NAME
    written = _read_record(path) if path.exists() else _find_record(out)
    if written is None:
        return
    differences = [*_compare(written, record)]
    if differences:
        raise StaleResultError(
            f"{out} holds maps of {written.model}, and this run differs in {', '.join(differences)}: choose another "
            "--out, or pass --overwrite to map all of them again."
        )


@contextmanager
def hold_batch(out: Path) -> Iterator[None]:
    """Keep other batches out of a folder; the system lets it go even when this process is killed.

    Args:
        out: Folder for results; made where it is not there.

    Raises:
        BusyError: Another batch is at work in it.
        OutputError: It cannot be written.
    """
    path = _inner(out) / "lock"
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    with hold_lock(path, busy=f"Another batch is at work in {out} right now: let it finish (strandline status)."):
        yield


def is_held(out: Path) -> bool:
    """Whether a batch is at work in a folder now, as far as this machine can know.

    Args:
        out: Folder for results.
    """
    return is_locked(_inner(out) / "lock")


def begin_journal(out: Path, record: BatchRecord, planned: Iterable[str]) -> None:
    """Write down what is to be done; of an earlier run's journal the last word on each planned scene stays.

    Args:
        out: Folder for results.
        record: What its maps have in common.
        planned: Ids of the scenes.

    Raises:
        OutputError: It cannot be written.
    """
    ids = list(planned)
    wanted = set(ids)
    kept = [entry for entry in read_journal(out).values() if entry.id in wanted]
    write_whole(_inner(out) / "planned", "".join(f"{name}\n" for name in ids))
    write_whole(_inner(out) / "journal", "".join(_format(entry) for entry in kept))
    write_whole(out / RECORD_NAME, json.dumps(asdict(record), indent=2, sort_keys=True) + "\n")


def append_entries(out: Path, entries: Iterable[Entry]) -> None:
    """Add lines to the journal, with the time of now.

    Args:
        out: Folder for results.
        entries: What became of scenes.

    Raises:
        OutputError: They cannot be written.
    """
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    path = _inner(out) / "journal"
    with output_errors(path), path.open("a", encoding="utf-8") as file:
        file.writelines(_format(entry, at=now) for entry in entries)


def read_journal(out: Path) -> dict[str, Entry]:
    """The last word on each scene, by id; lines that a killed run cut short are passed over.

    Args:
        out: Folder for results.
    """
    entries: dict[str, Entry] = {}
    for line in _read_lines(_inner(out) / "journal"):
        try:
            entry = Entry(**json.loads(line))
        except (ValueError, TypeError):
            continue
        entries[entry.id] = entry
    return entries


def read_planned(out: Path) -> list[str]:
    """Ids of the scenes that the last run was to map.

    Args:
        out: Folder for results.
    """
    return _read_lines(_inner(out) / "planned")


def items_folder(out: Path) -> Path:
    """Where the items of a plan stand as files.

    Args:
        out: Folder for results.
    """
    return out / ".items"


def _inner(out: Path) -> Path:
    return out / ".batch"


def _format(entry: Entry, *, at: str = "") -> str:
    return json.dumps({**asdict(entry), "at": entry.at or at}, ensure_ascii=False) + "\n"


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []


def _read_record(path: Path) -> BatchRecord:
    try:
        return BatchRecord(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise OutputError(
            f"Expected the record of a batch in {path}, found something else: put it back, or choose another --out."
        ) from error


def _find_record(out: Path) -> BatchRecord | None:
    """The record of a folder that ``strandline map`` filled, by the first map in it."""
    for path in sorted(out.glob("*/item.json")):
        try:
            properties = json.loads(path.read_text(encoding="utf-8"))["properties"]
            return BatchRecord(
                model=f"{properties['mlm:name']}",
                model_sha256=str(properties["strandline:model_sha256"]),
                parameters=dict(properties["strandline:parameters"]),
                version=str(properties["processing:software"]["Strandline"]),
                answers=int(properties["strandline:basis"]["answers"]),
            )
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


def _compare(written: BatchRecord, wanted: BatchRecord) -> Iterator[str]:
    """In what two records differ, for a person."""
    if written.model_sha256 != wanted.model_sha256:
        yield f"model ({wanted.model})"
    if written.answers != wanted.answers:
        yield f"answers of Strandline ({written.version}, now {wanted.version})"
    for name in sorted((written.parameters.keys() & wanted.parameters.keys()) - set(_FREE_CHOICES)):
        if written.parameters[name] != wanted.parameters[name]:
            yield f"{name} ({written.parameters[name]}, now {wanted.parameters[name]})"
