"""Advance and retreat of the shore between two dates: land gained, land lost, and how far the shore has moved.

The way through it: find out what both dates are, bring them to one place (``coregister``), compare them block by block
(``compare``), decide what exceeds the uncertainty (``bodies``), sum up, draw, write, record, publish. Memory grows with
the coastline, not with the scene.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np

from pipeline.atomic import open_workspace
from pipeline.change.alerts import Alert, list_alerts
from pipeline.change.compare import Comparison, compare_dates
from pipeline.change.coregister import explain_registration, register_dates
from pipeline.change.fields import CHANGE_LAYERS
from pipeline.change.options import ChangeError, ChangeOptions
from pipeline.change.pictures import ChangePicture, write_change_map, write_change_plot
from pipeline.change.plane import resolve_extents, resolve_plane
from pipeline.change.record import ChangeRecord, read_change, write_change, write_change_item
from pipeline.change.source import DatedCoast, read_dated_coast
from pipeline.change.summary import ChangeSummary, compute_summary
from pipeline.change.tables import write_tables
from pipeline.checksums import Basis, compute_basis, compute_checksums
from pipeline.errors import output_errors, raster_errors
from pipeline.export.finish import place_frames
from pipeline.output.geopackage import write_geopackage
from pipeline.record.result import is_result_there
from pipeline.record.version import publish_work
from pipeline.register.registration import Registration
from pipeline.tides import compute_model_heights, read_tide_heights
from pipeline.trace.traced import Floats
from tiles.progress import Progress
from tiles.times import has_time_of_day

__all__ = ["Alert", "ChangeError", "ChangeOptions", "ChangeResult", "ChangeSummary", "compute_change", "read_heights"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeResult:
    """What came of a comparison.

    Attributes:
        folder: Where the outputs are.
        already_made: The folder held this very result, and nothing was done.
        summary: In numbers.
        alerts: What passes a limit of the options for sure.
        notes: What the user should be told, a sentence each.
    """

    folder: Path
    already_made: bool
    summary: ChangeSummary
    alerts: tuple[Alert, ...]
    notes: tuple[str, ...]


def compute_change(
    old: Path,
    new: Path,
    out: Path,
    *,
    options: ChangeOptions | None = None,
    progress: Progress | None = None,
    homes: tuple[str, str] = ("", ""),
) -> ChangeResult:
    """Compare two dates of a coast.

    Args:
        old: Earlier date: folder of a mapped scene, a mosaic or one of its tiles, a raster of ours, or a vector file.
        new: Later date, likewise; its grid and CRS may differ.
        out: Folder for the result; it appears when it is whole.
        options: Choices; the defaults suit most coasts.
        progress: Told how far the work is.
        homes: URLs of the folders where readers of the record find the two, where that is not here.

    Returns:
        Where the outputs are, what they say, and what passes a threshold.

    Raises:
        ChangeError: A date cannot be read, or the two do not overlap.
        TideError: Heights of the tide cannot be read.
        StaleResultError: The folder holds another comparison, which was not to be replaced.
        OutputError: The result cannot be written; nothing is left.
    """
    options = options or ChangeOptions()
    first, second = (
        replace(read_dated_coast(Path(path)), home=home) for path, home in zip((old, new), homes, strict=True)
    )
    basis = _compute_basis(first, second, options)
    if is_result_there(out, basis, overwrite=options.overwrite):
        return _read_result(out)
    tides = read_heights(first, second, options) or _recall_heights(first, second)
    if tides is not None:
        first, second = replace(first, tide_m=tides[0]), replace(second, tide_m=tides[1])
    with raster_errors(first.path, second.path), open_workspace(out.parent, out.name) as work:
        placed, registration = register_dates(first, second, options)
        budget = options.replace(registration_m=registration.left_m)
        comparison = compare_dates(first, placed, options=budget, progress=progress)
        record = _make_record(comparison, (first, placed), registration, options, basis, tides)
        frames, notes = place_frames(comparison.frames, options.crs)
        record = replace(record, notes=record.notes + notes)
        _write_outputs(work.folder, comparison, frames, record)
        write_change_item(work.folder, out.name, record, extents=comparison.extents, plane=comparison.plane)
        publish_work(work)
    return ChangeResult(
        folder=out, already_made=False, summary=record.summary, alerts=record.alerts, notes=record.notes
    )


def _compute_basis(old: DatedCoast, new: DatedCoast, options: ChangeOptions) -> Basis:
    checksums = [compute_checksums(str(path) for path in coast.files) for coast in (old, new)]
    # By number, for both dates' files have the same names, and which of them is the old one decides the sign.
    inputs = {
        f"{date} {number} {Path(name).name}": checksum
        for date, sums in zip(("old", "new"), checksums, strict=True)
        for number, (name, checksum) in enumerate(sums.items(), 1)
    }
    facts = {
        f"{date} date": [coast.id, coast.time, coast.threshold, coast.probability_rmse, coast.datum, coast.tide_m]
        for date, coast in (("old", old), ("new", new))
    }
    return compute_basis("change", inputs=inputs, choices={**options.result_parameters(), **facts})


def _read_result(folder: Path) -> ChangeResult:
    document = read_change(folder)
    return ChangeResult(
        folder=folder,
        already_made=True,
        summary=ChangeSummary(**document["summary"]),
        alerts=tuple(Alert(**alert) for alert in document["alerts"]),
        notes=tuple(document["notes"]),
    )


def _make_record(
    comparison: Comparison,
    dates: tuple[DatedCoast, DatedCoast],
    registration: Registration,
    options: ChangeOptions,
    basis: Basis,
    tides: tuple[float, float] | None,
) -> ChangeRecord:
    old, new = dates
    summary = compute_summary(comparison, options=options)
    alerts = [alert for name in ("gained", "lost") for alert in list_alerts(name, comparison, options)]
    return ChangeRecord(
        old=old,
        new=new,
        summary=summary,
        alerts=tuple(alerts),
        options=options,
        basis=basis,
        registration=registration,
        tides=tides,
        notes=(*_list_doubts(summary), *explain_registration(registration), *_list_notes(old, new, options)),
    )


def _list_doubts(summary: ChangeSummary) -> list[str]:
    if summary.sure or summary.uncertainty_m is None:
        return []
    return [
        f"The maps are unsure of this shore (median uncertainty {summary.uncertainty_m:.1f} m): look at both before "
        "you believe a figure or an alert."
    ]


def _list_notes(old: DatedCoast, new: DatedCoast, options: ChangeOptions) -> list[str]:
    notes = []
    if old.model and new.model and (old.model, old.threshold) != (new.model, new.threshold):
        notes.append(
            f"The dates were mapped differently ({old.model} at {old.threshold:g}, {new.model} at {new.threshold:g}): "
            "part of a shift may come from that."
        )
    for name, coast in (("old", old), ("new", new)):
        if coast.probability_rmse is None and coast.parts:
            notes.append(f"The {name} date states no uncertainty: {options.line_sigma_m:g} m was taken.")
        if coast.vectors is not None and "water" not in coast.layers:
            notes.append(f"The {name} date is lines alone: where cloud was cannot be told, nor where lines end in it.")
    unknown = " and ".join(name for name, coast in (("old", old), ("new", new)) if coast.acquired is None)
    if unknown:
        notes.append(
            f"When the {unknown} date was sensed is not known: no days between the two are stated. --date says it when "
            "a scene is mapped."
        )
    if old.acquired and new.acquired and old.acquired > new.acquired:
        notes.append("The old date is later than the new one: what is called gained was lost in time.")
    return notes


def _write_outputs(
    folder: Path, comparison: Comparison, frames: Mapping[str, gpd.GeoDataFrame], record: ChangeRecord
) -> None:
    _write_package(folder / "change.gpkg", frames)
    write_tables(folder, comparison.frames)
    picture = ChangePicture(
        plane=comparison.plane,
        gained=comparison.gained,
        lost=comparison.lost,
        shift=comparison.shift,
        old=record.old,
        new=record.new,
    )
    write_change_map(folder / "change.png", picture, record.summary)
    write_change_plot(folder / "shift.png", picture, record.summary)
    write_change(folder, record)


def _write_package(path: Path, frames: Mapping[str, gpd.GeoDataFrame]) -> None:
    # GDAL's errors come as RuntimeError.
    with output_errors(path, RuntimeError, sqlite3.Error):
        write_geopackage(path, frames, CHANGE_LAYERS)


def _recall_heights(old: DatedCoast, new: DatedCoast) -> tuple[float, float] | None:
    """Heights that the maps themselves record, where they are of one source."""
    if old.tide_m is None or new.tide_m is None or old.tide_source != new.tide_source:
        return None
    return old.tide_m, new.tide_m


def read_heights(old: DatedCoast, new: DatedCoast, options: ChangeOptions) -> tuple[float, float] | None:
    """Read how high the tide stood on both dates; a model is asked in the middle of what they have in common.

    Args:
        old: Earlier date.
        new: Later date.
        options: Name the table or the model.

    Returns:
        Metres, old and new; ``None`` where neither is named.

    Raises:
        ChangeError: A date states no time, or the table says nothing of it.
        TideError: The table or the model cannot be read.
        MissingExtraError: pyTMD is not installed.
    """
    if options.tides is None and options.tide_model is None:
        return None
    moments = [old.acquired, new.acquired]
    for what, coast in (("old", old), ("new", new)):
        if coast.acquired is None or not has_time_of_day(coast.acquired):
            known = "no date" if coast.acquired is None else f"a day alone ({coast.acquired:%Y-%m-%d})"
            raise ChangeError(
                f"Expected the time of sensing of the {what} date ({coast.id}), found {known}: no tide can be told of "
                "it. Map the scene again with its --date (2024-06-01T11:20Z), or leave the tide out."
            )
    heights: Floats
    if options.tides is not None:
        heights = read_tide_heights(options.tides, moments)
    else:
        lon, lat = _find_middle(old, new)
        heights = compute_model_heights(str(options.tide_model), options.require_folder(), moments, lon=lon, lat=lat)
    for coast, height in zip((old, new), heights, strict=True):
        if np.isnan(height):
            raise ChangeError(
                f"{options.tides} says nothing of {coast.time}, when {coast.id} was sensed: expected rows at most 70 "
                "minutes apart around it, or one within 10 minutes. Add that time."
            )
    return round(float(heights[0]), 4), round(float(heights[1]), 4)


def _find_middle(old: DatedCoast, new: DatedCoast) -> tuple[float, float]:
    plane = resolve_plane(old)
    box = resolve_extents(old, new, plane)[0]
    middle = np.array([[(box.left + box.right) / 2, (box.bottom + box.top) / 2]])
    lon, lat = plane.compute_degrees(middle)[0]
    return float(lon), float(lat)
