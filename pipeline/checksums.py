"""Checksums: which bytes went in, which came out, and whether a result stands for the same work.

Source: multiformats multihash (0x12 sha2-256, 0x20 its 32 bytes), as the STAC file extension v2.1.0 asks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import rasterio
from rasterio.errors import RasterioError

from tiles.cores import count_cores

__all__ = [
    "ANSWERS",
    "REMOTE",
    "Basis",
    "compute_basis",
    "compute_checksums",
    "compute_listing_sha256",
    "compute_sha256",
    "compute_source_sha256",
    "format_multihash",
]

Kind = Literal["map", "mosaic", "change", "timeseries", "export", "coast"]

ANSWERS: Final[Mapping[Kind, int]] = {"map": 3, "mosaic": 4, "change": 2, "timeseries": 2, "export": 1, "coast": 1}
"""Raised by one whenever the same inputs and choices give another answer than before, and only then.

Results of an earlier release stand as long as their number does; ``tests/pipeline/test_answers.py`` notices when an
answer changes and its number does not.
"""

REMOTE = "remote"
"""What stands for the checksum of a file that is not on this machine: it is not fetched a second time for it."""

_BESIDE = (".aux.xml", ".ovr")
"""Files that GDAL and QGIS write beside a raster that is only looked at; what they say of it is a choice by then."""

_RASTERS = (".tif", ".tiff", ".jp2", ".vrt", ".img", ".nc")
_MOST_NAMED = 200
"""Inputs that are recorded one by one; more are summed up by one checksum, or records of a whole coast would burst."""
_LONGEST_VALUE = 40
_MOST_HASHED = 4
"""Files at a time: a disk gives no more, and others may be at work."""
_ABSENT = object()


def compute_sha256(path: Path) -> str:
    """Hash one file, in constant memory; hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def compute_source_sha256(path: Path) -> str | None:
    """Hash what a user names as one source: a file with those that belong to it, or a folder.

    A shapefile is several files of one stem, of which the ``.prj`` says where it lies; some formats are folders.

    Args:
        path: A file or a folder.

    Returns:
        SHA-256 in hexadecimal; ``None`` where nothing is there.
    """
    if path.is_dir():
        files = sorted(part for part in path.rglob("*") if part.is_file())
    elif path.suffix.lower() == ".shp":
        files = sorted(part for part in path.parent.glob(f"{path.stem}.*") if part.is_file())
    else:
        files = [path] if path.is_file() else []
    if not files:
        return None
    if files == [path]:
        return compute_sha256(path)
    named = [(str(part.relative_to(path if path.is_dir() else path.parent)), compute_sha256(part)) for part in files]
    return _hash_json(named)


def compute_listing_sha256(folder: Path | None) -> str | None:
    """Hash what a folder of large data holds, by names, sizes and times of change, since reading it would take minutes.

    Args:
        folder: Of a model of the tide, for instance.

    Returns:
        SHA-256 in hexadecimal; ``None`` where there is none.
    """
    if folder is None or not folder.is_dir():
        return None
    parts = ((part, part.stat()) for part in sorted(folder.rglob("*")) if part.is_file())
    return _hash_json([(str(part.relative_to(folder)), stat.st_size, stat.st_mtime_ns) for part, stat in parts])


def compute_checksums(files: Iterable[str]) -> dict[str, str]:
    """Hash the files that a scene is made of, with those that a raster draws its pixels or its georeference from.

    Args:
        files: Paths on this machine, or addresses.

    Returns:
        SHA-256 in hexadecimal by path, sorted; ``REMOTE`` for what is not a file here.
    """
    named = sorted({part for name in files for part in (name, *_list_parts(name))})
    threads = min(count_cores(), _MOST_HASHED)  # hashing leaves Python's lock
    with ThreadPoolExecutor(threads, thread_name_prefix="checksums") as pool:
        return dict(zip(named, pool.map(_hash_input, named), strict=True))


def _hash_input(name: str) -> str:
    return compute_sha256(Path(name)) if Path(name).is_file() else REMOTE


def _list_parts(name: str) -> Iterator[str]:
    """Files behind a raster file: the sources of a VRT, masks, world files, what GDAL keeps beside it."""
    if not name.lower().endswith(_RASTERS) or not Path(name).is_file():
        return
    try:
        with rasterio.open(name) as dataset:
            parts = [part for part in dataset.files if part != name and not part.lower().endswith(_BESIDE)]
    except RasterioError:  # who reads the pixels says what is wrong with it
        return
    for part in parts:
        yield part
        if part.lower().endswith(".vrt"):
            yield from _list_parts(part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """All that decides a result, by name.

    Attributes:
        kind: What sort of result.
        inputs: Checksums by name.
        choices: Everything else, as JSON can hold it.
    """

    kind: Kind
    inputs: Mapping[str, str]
    choices: Mapping[str, Any]

    @property
    def fingerprint(self) -> str:
        """One number for all of it, SHA-256 in hexadecimal: the same number, the same result."""
        return _hash_json(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """As a record keeps it."""
        inputs: Mapping[str, Any] = self.inputs
        if len(inputs) > _MOST_NAMED:
            inputs = {f"{len(inputs)} inputs": _hash_json(dict(inputs))}
        return {"answers": ANSWERS[self.kind], "inputs": dict(inputs), "choices": dict(self.choices)}

    def describe_differences(self, recorded: object) -> list[str]:
        """Name what differs from what another result was made from, for a person.

        Args:
            recorded: What the other result's record keeps.

        Returns:
            A phrase each; empty where the record does not tell.
        """
        if not isinstance(recorded, dict):
            return []
        wanted = self.to_dict()
        phrases = []
        for part, word in (("inputs", "the input "), ("choices", "")):
            old, new = recorded.get(part), wanted[part]
            if not isinstance(old, dict):
                return []
            names = [
                name for name in {**old, **new} if old.get(name) != new.get(name) or (name in old) != (name in new)
            ]
            phrases += [f"{word}{name}{_format_change(old.get(name), new.get(name))}" for name in sorted(names)]
        if recorded.get("answers") != wanted["answers"]:
            phrases.append("a release of Strandline that answered otherwise")
        return phrases


def compute_basis(kind: Kind, *, inputs: Mapping[str, str], choices: Mapping[str, Any]) -> Basis:
    """Collect all that decides a result.

    Args:
        kind: What sort of result.
        inputs: Checksums by path; of a path only the last part counts, so that a moved product is the same one. Of
            what has no checksum the whole address counts.
        choices: What the user chose and what was decided about the inputs, as JSON can hold it.
    """
    named: dict[str, str] = {}
    for path, checksum in sorted(inputs.items()):
        name = stem = path if checksum == REMOTE else Path(path).name
        number = 1
        while name in named:
            number += 1
            name = f"{stem} ({number})"
        named[name] = checksum
    # Through JSON, so that it compares equal with what a record gives back; 0.0 and 0 are one offset.
    text = json.dumps(dict(choices), sort_keys=True, default=str)
    return Basis(kind=kind, inputs=named, choices=json.loads(text, parse_float=_parse_number))


def _parse_number(text: str) -> float:
    value = float(text)
    return int(value) if value.is_integer() else value


def _format_change(old: object, new: object) -> str:
    """The two values of a choice, where a person can read them; checksums say nothing to anybody."""
    texts = [_format_value(value) for value in (old, new)]
    if any(len(text) > _LONGEST_VALUE for text in texts):
        return ""
    return f" ({texts[0]}, now {texts[1]})"


def _format_value(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:g}" if isinstance(value, float) else json.dumps(value).strip('"')


def _hash_json(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def format_multihash(sha256: str) -> str:
    """Write a SHA-256 as the multihash that ``file:checksum`` wants."""
    return f"1220{sha256}"
