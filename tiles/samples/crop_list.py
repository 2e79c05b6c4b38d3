"""The list that stands beside masks made by hand: which part of which raster was looked at, and what it is.

A row is a crop; ``tiles/data/labels`` holds the lists (CSV) and the masks (PNG, named after the raster).
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from tiles.bands import L2A_STACK, resolve_band
from tiles.errors import GridError, SampleError
from tiles.grid import Window

__all__ = ["LabelledCrop", "Verdict", "read_label_list"]

Verdict = Literal["accepted", "mended", "rejected"]

_SKIP = "-"
# fmt: off
_COLUMNS = (
    "file", "col_off", "row_off", "width", "height", "bands", "scale", "offset", "nodata", "resolution_m", "level",
    "place", "acquired", "rule", "verdict", "note",
)
# fmt: on


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledCrop:
    """One crop that was looked at.

    Attributes:
        listed_in: Name of the list.
        file: The raster, or the folder of a scene, relative to the folder of scenes.
        window: Which part of it.
        bands: What each layer of the file is, ``-`` for one that is not used; empty where the file says it itself.
        scale: Reflectance a DN.
        offset: Reflectance to add after scaling.
        nodata: DN of missing pixels, or ``None``.
        resolution_m: Size of a pixel in metres.
        level: ``L2A``, or ``rhos`` (corrected for Rayleigh scattering alone).
        place: Where it lies, for splits.
        verdict: What was decided by looking.
        note: What is there, and what was left out.
    """

    listed_in: str
    file: str
    window: Window
    bands: tuple[str, ...]
    scale: float
    offset: float
    nodata: float | None
    resolution_m: float
    level: str
    place: str
    verdict: Verdict
    note: str

    @property
    def mask_name(self) -> str:
        """Name of its mask."""
        return f"{re.sub(r'[.](tiff?|safe)$', '', Path(self.file).name, flags=re.IGNORECASE)}.png"


def read_label_list(path: Path) -> tuple[LabelledCrop, ...]:
    """Read a list.

    Args:
        path: The CSV.

    Raises:
        SampleError: It is missing, lacks a column, or a row cannot be understood.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), reader.fieldnames or ()
    except OSError as error:
        raise SampleError(f"Expected a list of labelled crops, found none at {path} ({error.strerror}).") from error
    missing = [name for name in _COLUMNS if name not in columns]
    if missing:
        raise SampleError(f"Expected the columns {', '.join(_COLUMNS)} in {path}, found none named {missing[0]}.")
    return tuple(_parse_row(row, path, line) for line, row in enumerate(rows, start=2))


def _parse_row(row: dict[str, str], path: Path, line: int) -> LabelledCrop:
    try:
        return LabelledCrop(
            listed_in=path.stem,
            file=row["file"].strip(),
            window=Window(*(int(row[name]) for name in ("col_off", "row_off", "width", "height"))),
            bands=_parse_bands(row["bands"]),
            scale=_parse_number(row["scale"], 1e-4),
            offset=_parse_number(row["offset"], 0.0),
            nodata=float(row["nodata"]) if row["nodata"].strip() else None,
            resolution_m=float(row["resolution_m"]),
            level=row["level"].strip(),
            place=_require_text(row["place"].strip(), "place"),
            verdict=_parse_verdict(row["verdict"].strip()),
            note=row["note"],
        )
    except (ValueError, TypeError, AttributeError, GridError) as error:
        raise SampleError(f"Line {line} of {path} cannot be understood: {error}. Mend the list.") from error


def _parse_bands(text: str) -> tuple[str, ...]:
    """The layers of a file; empty where all that stands there is ``-``."""
    words = text.split()
    names = tuple(_SKIP if word == _SKIP else resolve_band(word) or word for word in words)
    if names == (_SKIP,):
        return ()
    unknown = [name for name in names if name != _SKIP and name not in L2A_STACK]
    known = [name for name in names if name != _SKIP]
    if unknown or not known or len(set(known)) < len(known):
        raise ValueError(f"expected bands of L2A, each once, and - for other layers; found {text!r}")
    return names


def _parse_number(text: str, default: float) -> float:
    return float(text) if text.strip() not in {"", _SKIP} else default


def _parse_verdict(text: str) -> Verdict:
    for verdict in get_args(Verdict):
        if text == verdict:
            return verdict  # type: ignore[no-any-return]
    raise ValueError(f"expected the verdict accepted, mended or rejected, found {text!r}")


def _require_text(text: str, name: str) -> str:
    if not text:
        raise ValueError(f"expected a {name}, found nothing")
    return text
