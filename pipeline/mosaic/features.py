"""A mosaic's lines as features: shape, length, uncertainty, how often each was seen, and by which items."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray

from pipeline.lonlat import cut_at_antimeridian
from pipeline.mosaic.fields import COASTLINE, SOURCES
from pipeline.mosaic.kinds import CutLines, cut_by_kind
from pipeline.mosaic.lines import LineBatch
from pipeline.record.mapped_scene import MappedScene
from pipeline.trace.coastline import UNCERTAINTY_CAP_PX, grade_certainty
from pipeline.trace.traced import Bools, Floats, Ints, end_at_data
from tiles.datum import COMPOSITE, INSTANTANEOUS

__all__ = ["CoastContext", "build_frames"]

_REASONS = np.array([None, "cloud", "nodata", "area edge", "mouth"], dtype=object)
_GEOD = pyproj.Geod(ellps="WGS84")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CoastContext:
    """Where a mosaic's lines come from.

    Attributes:
        crs: Of the output.
        scenes: All scenes, by number.
        sources: Sets of numbers of scenes; the first is empty, for what is not known.
        model: Name and version.
        pixel_m: Side of a pixel; uncertainty is capped at ten of them.
        min_area_m2: Closed lines around less are left out.
        min_length_m: Open lines shorter than this that end at cloud, nodata or the edge are left out.
        only: Kinds of lines that are wanted; none: all.
        own_ocean: The ocean is the user's own.
    """

    crs: pyproj.CRS
    scenes: Sequence[MappedScene]
    sources: Sequence[tuple[int, ...]]
    model: str
    pixel_m: float
    min_area_m2: float = 0.0
    min_length_m: float = 0.0
    only: frozenset[str] = frozenset()
    own_ocean: bool = False


def build_frames(batch: LineBatch, context: CoastContext) -> dict[str, gpd.GeoDataFrame]:
    """Make features of some lines.

    Args:
        batch: Whole lines.
        context: Where they come from.

    Returns:
        Frames by the names of ``mosaic_fields.MOSAIC_LAYERS``; what crosses 180 degrees is cut there where the CRS is
        geographic, and numbers of features are left to the writer.
    """
    areas = _measure_areas(batch)
    is_large = ~batch.closed | (np.abs(areas) >= context.min_area_m2)
    shape = np.where(batch.closed, np.where(areas > 0, "island", "water body"), "open").astype(object)
    cut = cut_by_kind(batch, steps_m=_measure_steps(batch), areas_m2=areas, own_ocean=context.own_ocean)
    kept = is_large[cut.owner] & (np.isin(cut.kind.astype(str), list(context.only)) | (not context.only))
    steps, sigma = _measure_steps(cut.batch), _compute_uncertainty(cut.batch, context)
    lines = _describe_lines(cut.batch, context, steps, sigma) | {
        "line": batch.first_line + cut.owner,
        "kind": cut.kind,
        "shape": shape[cut.owner],
        "area_m2": np.where(cut.batch.closed, np.abs(areas)[cut.owner], 0.0),
    }
    pieces = _describe_pieces(cut, context, steps, sigma)
    kept &= ~end_at_data(cut.batch.reasons) | (lines["length_m"] >= context.min_length_m)
    shown = kept[pieces.pop("piece of")]
    return {
        COASTLINE.name: _make_frame(lines, kept, context),
        SOURCES.name: _make_frame(pieces, shown, context),
    }


def _measure_steps(batch: LineBatch) -> Floats:
    """(vertices,) metres from each vertex to the next of its line; 0 at the last."""
    steps = np.zeros(len(batch.lonlat))
    lon, lat = batch.lonlat.T
    steps[:-1] = _GEOD.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])[2]
    steps[batch.start[1:] - 1] = 0
    return steps


def _measure_areas(batch: LineBatch) -> Floats:
    """(lines,) signed area of what closed lines surround, positive around land; 0 for open ones."""
    areas = np.zeros(len(batch.closed))
    for number in np.flatnonzero(batch.closed):
        ring = batch.lonlat[batch.start[number] : batch.start[number + 1]]
        areas[number] = _GEOD.polygon_area_perimeter(*ring.T)[0]
    return areas


def _compute_uncertainty(batch: LineBatch, context: CoastContext) -> Floats:
    """(vertices,) metres: an error of the probability moves the contour by that error over its slope."""
    cap = UNCERTAINTY_CAP_PX * context.pixel_m
    error = batch.error.astype(np.float64)
    return np.divide(error, np.maximum(batch.slope, error / cap), out=np.zeros(len(error)), where=error > 0)


def _describe_lines(batch: LineBatch, context: CoastContext, steps: Floats, sigma: Floats) -> dict[str, NDArray[Any]]:
    start = batch.start
    first = start[:-1]
    reasons = _REASONS[batch.reasons]
    seen = [np.unique(batch.source[a:b]) for a, b in pairwise(start)]
    members = [sorted({scene for number in numbers for scene in context.sources[number]}) for numbers in seen]
    count = np.diff(start)
    uncertainty = _summarise_uncertainty(steps, sigma, start)
    return {
        "geometry": np.asarray(shapely.from_ragged_array(shapely.GeometryType.LINESTRING, batch.xy, (start,))),
        "closed": batch.closed,
        "length_m": np.add.reduceat(steps, first),
        "start_reason": reasons[:, 0],
        "end_reason": reasons[:, 1],
        **uncertainty,
        "certainty": grade_certainty(uncertainty["uncertainty_mean_m"], context.pixel_m),
        "observations_min": np.minimum.reduceat(batch.observations.astype(np.int64), first),
        "observations_mean": np.add.reduceat(batch.observations.astype(np.float64), first) / count,
        "scenes": np.array([len(numbers) for numbers in members], dtype=np.int64),
        **_find_times(members, context.scenes),
        **_find_tides(members, context.scenes),
    }


def _summarise_uncertainty(steps: Floats, sigma: Floats, start: Ints) -> dict[str, NDArray[Any]]:
    """Mean over the length and worst, of parts of the array of vertices that lie end to end."""
    weighted, length = np.add.reduceat(steps * sigma, start[:-1]), np.add.reduceat(steps, start[:-1])
    plain = np.add.reduceat(sigma, start[:-1]) / np.diff(start)
    mean = np.divide(weighted, length, out=plain, where=length > 0)
    return {"uncertainty_mean_m": mean, "uncertainty_max_m": np.maximum.reduceat(sigma, start[:-1])}


def _describe_pieces(cut: CutLines, context: CoastContext, steps: Floats, sigma: Floats) -> dict[str, NDArray[Any]]:
    """The lines cut wherever the set of scenes changes, too."""
    batch = cut.batch
    line = np.repeat(np.arange(len(batch.closed)), np.diff(batch.start))
    is_edge = np.ones(len(line), dtype=bool)
    is_edge[batch.start[1:] - 1] = False
    edge = np.flatnonzero(is_edge)
    key = np.stack((line[edge], batch.source[edge]), axis=1)
    changes = np.flatnonzero((np.diff(key, axis=0) != 0).any(axis=1)) + 1
    begin = np.concatenate(([0], changes))
    length = np.diff(np.append(begin, len(edge)))
    # A piece has a vertex more than edges: the one where the next piece begins.
    start = np.concatenate(([0], np.cumsum(length + 1)))
    positions = np.arange(start[-1]) - np.repeat(start[:-1], length + 1) + np.repeat(edge[begin], length + 1)
    piece_steps = steps[positions]
    piece_steps[start[1:] - 1] = 0
    owner, numbers = line[edge[begin]], batch.source[edge[begin]]
    members = [context.sources[number] for number in numbers]
    of_line = cut.owner[owner]
    first_of_line = np.searchsorted(of_line, of_line)
    return {
        "geometry": np.asarray(
            shapely.from_ragged_array(shapely.GeometryType.LINESTRING, batch.xy[positions], (start,))
        ),
        "piece of": owner,
        "line": batch.first_line + of_line,
        "kind": cut.kind[owner],
        "piece": np.arange(len(owner)) - first_of_line,
        "items": np.array([",".join(context.scenes[n].id for n in one) or None for one in members], dtype=object),
        "observations": np.array([len(one) for one in members], dtype=np.int64),
        "length_m": np.add.reduceat(piece_steps, start[:-1]),
        **_summarise_uncertainty(piece_steps, sigma[positions], start),
        **_find_times(members, context.scenes),
        **_find_tides(members, context.scenes),
    }


def _find_times(members: Sequence[Sequence[int]], scenes: Sequence[MappedScene]) -> dict[str, NDArray[Any]]:
    """Earliest and latest time of some sets of scenes, ISO 8601 in UTC; ``None`` where no time is known."""
    first, last = np.full(len(members), None, dtype=object), np.full(len(members), None, dtype=object)
    for place, numbers in enumerate(members):
        times = [time for number in numbers if (time := scenes[number].acquired) is not None]
        if times:
            first[place], last[place] = _write_time(min(times)), _write_time(max(times))
    return {"first": first, "last": last}


def _find_tides(members: Sequence[Sequence[int]], scenes: Sequence[MappedScene]) -> dict[str, NDArray[Any]]:
    """What lines of some sets of scenes are, and the mean height of the tide; NaN where one is not known."""
    heights = [[np.nan if (m := scenes[number].tide_m) is None else m for number in one] for one in members]
    return {
        "datum": np.array([COMPOSITE if len(one) > 1 else INSTANTANEOUS for one in members], dtype=object),
        "tide_m": np.array([np.mean(one) if one else np.nan for one in heights]),
    }


def _write_time(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")


def _make_frame(columns: dict[str, NDArray[Any]], kept: Bools, context: CoastContext) -> gpd.GeoDataFrame:
    geometry = columns.pop("geometry")[kept]
    frame = pd.DataFrame({name: values[kept] for name, values in columns.items()})
    frame["model"] = np.full(len(frame), context.model, dtype=object)
    if context.crs.is_geographic and len(geometry):
        bounds = shapely.bounds(geometry)
        if (bounds[:, 0] < -180).any() or (bounds[:, 2] > 180).any():
            parts = [shapely.get_parts(one) for one in cut_at_antimeridian(geometry)]
            frame = frame.loc[np.repeat(np.arange(len(frame)), [len(part) for part in parts])]
            geometry = np.concatenate(parts)
    return gpd.GeoDataFrame(frame.reset_index(drop=True), geometry=geometry, crs=context.crs)
