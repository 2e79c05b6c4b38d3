"""Record a comparison: ``change.json`` with what was found, and a STAC Item, written last, for where it came from.

Source: STAC 1.1.0; see ``pipeline.record.result``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import mapping

from pipeline.change.alerts import Alert
from pipeline.change.options import ChangeOptions
from pipeline.change.plane import Box, Plane
from pipeline.change.source import DatedCoast
from pipeline.change.summary import ChangeSummary
from pipeline.checksums import Basis, compute_sha256, format_multihash
from pipeline.lonlat import cut_at_antimeridian, to_lonlat
from pipeline.record.footprint import compute_bbox
from pipeline.record.result import ResultItem, write_json
from pipeline.register.registration import Registration
from tiles.datum import COMPOSITE

__all__ = ["CHANGE_NAME", "ChangeRecord", "read_change", "write_change", "write_change_item"]

CHANGE_NAME = "change.json"

_UNCORRECTED = "Shifts are not corrected for it."
_INSTANT = "The lines are instantaneous: the tide at each moment of sensing is in them, and was not given."


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRecord:
    """What was found, and from what.

    Attributes:
        old: The earlier date.
        new: The later date.
        summary: In numbers.
        alerts: What passes a limit for sure.
        options: What the user chose.
        basis: All that decided the result.
        registration: How far the new date lay beside the old one.
        tides: Height in metres on the old and on the new date, where it was given, or both maps record it.
        notes: What the user should be told, a sentence each.
    """

    old: DatedCoast
    new: DatedCoast
    summary: ChangeSummary
    alerts: tuple[Alert, ...]
    options: ChangeOptions
    basis: Basis
    registration: Registration
    tides: tuple[float, float] | None
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The document of ``change.json``: nothing in it differs from run to run."""
        heights = self.tides or (None, None)
        return {
            "strandline:fingerprint": self.basis.fingerprint,
            "old": _describe_date(self.old, heights[0]),
            "new": _describe_date(self.new, heights[1]),
            "days": _count_days(self.old, self.new),
            "registration": self.registration.to_dict(),
            "tide": {"given": self.tides is not None, "meaning": _describe_tide(self)},
            "parameters": self.options.result_parameters(),
            "summary": self.summary.to_dict(),
            "alerts": [alert.to_dict() for alert in self.alerts],
            "notes": list(self.notes),
        }


def write_change(folder: Path, record: ChangeRecord) -> Path:
    """Write ``change.json``.

    Raises:
        OutputError: It cannot be written.
    """
    return write_json(folder / CHANGE_NAME, record.to_dict())


def read_change(folder: Path) -> dict[str, Any]:
    """Read ``change.json`` of a result that is whole."""
    document: dict[str, Any] = json.loads((folder / CHANGE_NAME).read_text(encoding="utf-8"))
    return document


def write_change_item(folder: Path, name: str, record: ChangeRecord, *, extents: tuple[Box, ...], plane: Plane) -> Path:
    """Write ``item.json``: the last step, for where it stands all outputs are whole.

    Args:
        folder: Where the outputs stand.
        name: Id of the item.
        record: What was found.
        extents: Where both dates have data.
        plane: Of the extents.

    Raises:
        OutputError: It cannot be written.
    """
    geometry, bbox = _compute_footprint(extents, plane)
    document = record.to_dict()
    item = ResultItem(
        id=name,
        title=f"Change of the coastline from {record.old.id} to {record.new.id}",
        geometry=geometry,
        bbox=bbox,
        times=(record.old.acquired, record.new.acquired),
        simulated=record.old.simulated or record.new.simulated,
        basis=record.basis,
        properties={
            "parameters": document["parameters"],
            "change": document["summary"],
            "alerts": len(record.alerts),
            "registration": document["registration"],
            "tide": document["tide"],
            "inputs": [
                {"href": coast.name_file(path), "file:checksum": format_multihash(compute_sha256(path))}
                for coast in (record.old, record.new)
                for path in coast.files
            ],
            "notes": list(record.notes),
        },
    )
    return item.write(folder)


def _describe_date(coast: DatedCoast, height_m: float | None) -> dict[str, Any]:
    return {
        "id": coast.id,
        "href": coast.name_file(coast.path),
        "datetime": coast.time,
        "model": coast.model or None,
        "threshold": coast.threshold,
        "probability_rmse": coast.probability_rmse,
        "tide_height_m": height_m,
    }


def _count_days(old: DatedCoast, new: DatedCoast) -> float | None:
    if old.acquired is None or new.acquired is None:
        return None
    return round((new.acquired - old.acquired).total_seconds() / 86400, 3)


def _describe_tide(record: ChangeRecord) -> str:
    if COMPOSITE in {record.old.datum, record.new.datum}:
        return "A line is composite: it is of several dates, at no one height of the tide. " + _UNCORRECTED
    if record.tides is None:
        return _INSTANT
    old, new = record.tides
    return (
        f"The lines are instantaneous: the tide stood at {old:g} m on the old date and at {new:g} m on the "
        f"new one. {_UNCORRECTED}"
    )


def _compute_footprint(extents: tuple[Box, ...], plane: Plane) -> tuple[dict[str, Any], list[float]]:
    whole = shapely.segmentize(shapely.convex_hull(shapely.union_all([box.polygon for box in extents])), 20_000.0)
    lonlat = to_lonlat(np.array([whole], dtype=object), plane.crs.to_wkt())
    cut = shapely.transform(cut_at_antimeridian(lonlat)[0], lambda xy: np.round(xy, 6))
    return mapping(shapely.orient_polygons(cut)), compute_bbox(lonlat[0])
