"""Follow the shore of an area through many dates: its position along transects, and how fast it moves.

This is the way through it, top to bottom: read what was mapped, resolve the transects, bring the images of all dates to
one place, cross each date with the transects, choose the shore, attach the tides, fit, write, draw, record, publish.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from pipeline.atomic import open_workspace
from pipeline.checksums import Basis, compute_basis, compute_listing_sha256, compute_source_sha256
from pipeline.errors import raster_errors
from pipeline.record.mapped_scene import MappedScene, MappedScenes, group_acquisitions, read_mapped_scenes
from pipeline.record.result import is_result_there
from pipeline.record.stored import read_item, read_layer
from pipeline.record.version import publish_work
from pipeline.tides import TideError, compute_model_heights, read_tide_heights
from pipeline.timeseries.coregister import explain_registrations, register_scenes
from pipeline.timeseries.crossings import choose_crossings, find_crossings, find_reversed
from pipeline.timeseries.options import TimeseriesOptions
from pipeline.timeseries.pictures import write_positions_plot, write_rates_map
from pipeline.timeseries.rates import TOO_SLOW
from pipeline.timeseries.record import SeriesRecord, write_series_record
from pipeline.timeseries.series import Acquisition, Series, build_series
from pipeline.timeseries.tables import write_series_tables
from pipeline.timeseries.transects import (
    TimeseriesError,
    Transects,
    cast_transects,
    project_lines,
    read_lines,
    read_transects,
    resolve_metric_crs,
)
from tiles.progress import Progress, ignore_progress

__all__ = ["TideError", "TimeseriesError", "TimeseriesOptions", "TimeseriesResult", "compute_timeseries"]


_SAY_DATE = "Map them again and say when they were sensed: --date."


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeseriesResult:
    """What came of a time series.

    Attributes:
        folder: Where the outputs are.
        already_made: The folder held this very result, and nothing was done.
        dates: Number of dates.
        transects: Number of transects; 0 where nothing was done.
        series: What was found; ``None`` where nothing was done.
        notes: What the user should be told, a sentence each.
    """

    folder: Path
    already_made: bool
    dates: int
    transects: int = 0
    series: Series | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Plan:
    """What is known before anything is measured."""

    mapped: MappedScenes
    groups: list[list[MappedScene]]
    options: TimeseriesOptions
    basis: Basis
    notes: tuple[str, ...]


def compute_timeseries(
    folder: str | Path,
    out: str | Path,
    *,
    options: TimeseriesOptions | None = None,
    progress: Progress | None = None,
) -> TimeseriesResult:
    """Measure the shore along transects on all mapped dates of an area, and fit rates.

    Args:
        folder: Results of ``map_scene`` or of a batch, or a folder whose ``maps`` holds them.
        out: Folder for tables, GeoPackage, pictures and record; it appears when it is whole.
        options: Choices.
        progress: Told how far the work is.

    Returns:
        Where the outputs are, and what was found.

    Raises:
        StrandlineError: Whatever is wrong with the maps, the choices or the disk, in one line.
    """
    plan, out = _make_plan(Path(folder), options or TimeseriesOptions()), Path(out)
    if is_result_there(out, plan.basis, overwrite=plan.options.overwrite):
        return TimeseriesResult(folder=out, already_made=True, dates=len(plan.groups), notes=plan.notes)
    progress = progress or ignore_progress
    with raster_errors(Path(folder)), open_workspace(out.parent, out.name) as work:
        transects, reference, origin = _resolve_transects(plan)
        series, notes = _measure(plan, transects, progress)
        _write(plan, work.folder, out.name, series, (reference, origin, notes))
        progress("writing", 1.0)
        publish_work(work)
    return TimeseriesResult(
        folder=out,
        already_made=False,
        dates=len(series.dates),
        transects=len(transects),
        series=series,
        notes=(*plan.notes, *notes),
    )


def _make_plan(folder: Path, options: TimeseriesOptions) -> _Plan:
    inner = folder / "maps"
    mapped = read_mapped_scenes(inner if inner.is_dir() else folder)
    timed = [scene for scene in mapped.scenes if scene.acquired is not None]
    notes = list(mapped.notes)
    if len(timed) < len(mapped.scenes):
        untimed = [scene.id for scene in mapped.scenes if scene.acquired is None]
        names = ", ".join(untimed[:5]) + (" …" if len(untimed) > 5 else "")
        notes.append(f"Left out, since no date is known of them: {names}. {_SAY_DATE}")
    if not timed:
        raise TimeseriesError(
            f"Expected mapped scenes with a date in {folder}, found {len(mapped.scenes)} without one. {_SAY_DATE}"
        )
    stated = {"transects": options.transects, "reference": _find_reference(options), "tides": options.tides}
    sources = {name: path for name, path in stated.items() if path is not None}
    if missing := [path for path in sources.values() if not path.exists()]:
        raise TimeseriesError(f"Expected a file at {missing[0]}, found none.")
    inputs = {scene.id: mark for scene, mark in zip(mapped.scenes, mapped.fingerprints, strict=True)}
    choices = {"model": mapped.model_sha256, **options.result_parameters()}
    choices |= {name: compute_source_sha256(path) for name, path in sources.items()}
    choices["tide_folder"] = compute_listing_sha256(options.tide_folder)
    basis = compute_basis("timeseries", inputs=inputs, choices=choices)
    groups = [[timed[number] for number in group] for group in group_acquisitions(timed)]
    return _Plan(mapped=mapped, groups=groups, options=options, basis=basis, notes=tuple(notes))


def _find_reference(options: TimeseriesOptions) -> Path | None:
    """The file of the reference line; of a mosaic's folder its coastline."""
    path = options.reference
    return path / "coastline.gpkg" if path is not None and path.is_dir() else path


def _resolve_transects(plan: _Plan) -> tuple[Transects, NDArray[Any], str]:
    """The transects, the line to draw beneath them, and where they come from."""
    options = plan.options
    if options.transects is not None:
        transects = read_transects(options.transects, seaward_first=options.seaward_first)
        clearest = _find_clearest(plan.groups)
        lines = _read_coastlines(clearest).to_crs(transects.crs)
        return transects, np.asarray(lines.geometry), f"Given: {options.transects.name}; 0 at the landward end."
    path = _find_reference(options)
    if path is not None:
        frame, source = read_lines(path, what="reference"), path.name
    else:
        clearest = _find_clearest(plan.groups)
        frame, source = _read_coastlines(clearest), f"the coastline of {', '.join(scene.id for scene in clearest)}"
    frame = _keep_coast(frame)
    crs = resolve_metric_crs(np.asarray(frame.geometry, dtype=object), frame.crs)
    lines = project_lines(frame, crs)
    words = f"Cast every {options.spacing_m:g} m, normal to {source} smoothed over {options.smooth_m:g} m; 0 on it."
    return cast_transects(lines, crs=crs, casting=options.casting), lines, words


def _find_clearest(groups: Sequence[Sequence[MappedScene]]) -> Sequence[MappedScene]:
    return max(groups, key=lambda group: sum(_count_clear(scene) for scene in group))


def _count_clear(scene: MappedScene) -> float:
    """Pixels that show the ground, as the scene's record says."""
    properties = read_item(scene.folder)["properties"]
    share = properties.get("strandline:statistics", {}).get("valid_percent", 100.0)
    return float(share) / 100 * scene.grid.width * scene.grid.height


def _read_coastlines(scenes: Sequence[MappedScene]) -> gpd.GeoDataFrame:
    frames = [read_layer(scene.folder / "coastline.gpkg", "coastline").explode() for scene in scenes]
    return gpd.GeoDataFrame(
        pd.concat([frame.to_crs(frames[0].crs) for frame in frames], ignore_index=True), crs=frames[0].crs
    )


def _keep_coast(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Leave lakes and ponds out where the lines say what they are, and something else is left."""
    for column, inland in (("kind", "lake"), ("shape", "water body")):
        if column in frame and (frame[column] != inland).any():
            frame = frame[frame[column] != inland]
    return frame.reset_index(drop=True)


def _measure(plan: _Plan, transects: Transects, progress: Progress) -> tuple[Series, tuple[str, ...]]:
    scenes = [scene for group in plan.groups for scene in group]
    registered = register_scenes(scenes, count_clear=_count_clear, options=plan.options, progress=progress)
    crossings = []
    for number, group in enumerate(plan.groups):
        progress("crossing", number / len(plan.groups))
        crossings.append(find_crossings(group, transects, registered))
    positions = choose_crossings(crossings, len(transects), policy=plan.options.crossing)
    dates = [
        Acquisition(
            acquired=min(scene.acquired for scene in group if scene.acquired),
            scenes=_list_ids(group),
            registrations=tuple(registered[scene.id] for scene in group),
            tide_m=float(np.mean([np.nan if scene.tide_m is None else scene.tide_m for scene in group])),
        )
        for group in plan.groups
    ]
    tide_m = _read_tides(plan.options, dates, transects)
    notes = explain_registrations(registered, options=plan.options)
    notes += _explain_reversed(plan.options, transects, find_reversed(crossings, len(transects)))
    if plan.options.has_tides and tide_m is not None and (unknown := int(np.isnan(tide_m).sum())):
        notes.append(f"No height of the tide for {unknown} of {len(dates)} dates: no corrected position on them.")
    series = build_series(transects, dates, positions, tide_m=tide_m, options=plan.options)
    slow = sum(rate.verdict == TOO_SLOW for rate in (series.corrected_fits or series.fits).rates)
    if slow:
        notes.append(f"On {slow} of {len(transects)} transects the rate is too slow to tell from none: see verdict.")
    if len(dates) < plan.options.least_dates:
        notes.append(f"No rates: {len(dates)} dates, and {plan.options.least_dates} are asked for.")
    return series, tuple(notes)


def _explain_reversed(
    options: TimeseriesOptions, transects: Transects, is_reversed: NDArray[np.bool_]
) -> Iterator[str]:
    """What to do about transects that run from sea to land, which have no position on any date."""
    names = [str(name) for name in transects.ids[is_reversed]]
    if not names or (options.transects is None and options.reference is None):
        return
    remedy = "Turn the reference round, so that land lies on its left"
    if options.transects is not None:
        remedy = "Turn them round, or " + ("leave out" if options.seaward_first else "give") + " --seaward-first"
    listed = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
    yield (
        f"{len(names)} of {len(transects)} transects ({listed}) meet the shore from the water alone, and so have no "
        f"position: they run from sea to land. {remedy}."
    )


def _list_ids(group: Sequence[MappedScene]) -> tuple[str, ...]:
    return tuple(scene.id for scene in group)


def _read_tides(
    options: TimeseriesOptions, dates: Sequence[Acquisition], transects: Transects
) -> NDArray[np.float64] | None:
    moments = [date.acquired for date in dates]
    if options.tides is not None:
        return read_tide_heights(options.tides, moments)
    if options.tide_model is None or options.tide_folder is None:
        recorded = np.array([date.tide_m for date in dates])
        return recorded if np.isfinite(recorded).any() else None
    left, bottom, right, top = shapely.total_bounds(transects.build_lines())
    to_degrees = Transformer.from_crs(transects.crs, "OGC:CRS84", always_xy=True)
    lon, lat = to_degrees.transform((left + right) / 2, (bottom + top) / 2)
    return compute_model_heights(options.tide_model, options.tide_folder, moments, lon=lon, lat=lat)


def _write(
    plan: _Plan, folder: Path, name: str, series: Series, origin: tuple[NDArray[Any], str, tuple[str, ...]]
) -> None:
    reference, words, notes = origin
    write_series_tables(folder, series)
    simulated = any(scene.simulated for scene in plan.mapped.scenes)
    write_rates_map(folder / "rates.png", series, reference, simulated=simulated)
    write_positions_plot(folder / "positions.png", series, confidence=plan.options.confidence)
    record = SeriesRecord(
        series=series,
        mapped=plan.mapped,
        options=plan.options,
        basis=plan.basis,
        origin=words,
        notes=(*plan.notes, *notes),
    )
    write_series_record(folder, name, record)
