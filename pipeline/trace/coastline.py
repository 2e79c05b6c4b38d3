"""The coastline and the bodies of land and water of a scene as features: geometry, kind, size, uncertainty, origin."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.trace.ellipsoid import Ground, sum_by_line
from pipeline.trace.kinds import find_kinds, resolve_land_kinds
from pipeline.trace.simplify import build_polygons, drop_small_rings, simplify_traced
from pipeline.trace.traced import REASONS, Floats, Rings, Traced, compute_spans, end_at_data, find_batches
from tiles.datum import INSTANTANEOUS
from tiles.errors import GridError
from tiles.grid import Grid

__all__ = [
    "CERTAINTIES",
    "UNCERTAINTY_CAP_PX",
    "CoastlineLayers",
    "CoastlineOptions",
    "SceneContext",
    "build_coastline",
    "grade_certainty",
]

UNCERTAINTY_CAP_PX = 10.0
"""No larger positional uncertainty is stated, in pixels: where the probability is flat, the cap means "unknown"."""

CERTAINTIES: Final = ("good", "fair", "poor")

_BATCH = 1 << 16
"""Vertices that are looked at together: few enough for the processor's cache."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneContext:
    """Where a coastline comes from.

    Attributes:
        scene: Identifier of the scene.
        acquired: Time of sensing in UTC, where known.
        model: Name and version of the model.
        probability_rmse: Root mean square error of the model's probability near the coastline, 0 to 1.
        tide_m: Height of the tide at that moment, where known; the lines are not corrected for it.
    """

    scene: str
    acquired: datetime | None
    model: str
    probability_rmse: float
    tide_m: float | None = None

    @property
    def time(self) -> str | None:
        """Time of sensing by ISO 8601 in UTC; a time without a zone is taken to be in UTC."""
        if self.acquired is None:
            return None
        zoned = self.acquired if self.acquired.tzinfo else self.acquired.replace(tzinfo=UTC)
        return zoned.astimezone(UTC).isoformat().replace("+00:00", "Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class CoastlineOptions:
    """What the user can choose about the coastline.

    Attributes:
        min_area_m2: Islands and lakes smaller than this are left out.
        min_length_m: Open lines shorter than this that end at cloud, nodata or the scene's edge are left out.
        simplify_m: Tolerance of the simplification in metres; 0 for none.
        ocean: File of polygons of ocean; None for Natural Earth's.
        only: Kinds of features that are wanted; none for all.
    """

    min_area_m2: float = 0
    min_length_m: float = 0
    simplify_m: float = 0
    ocean: Path | None = None
    only: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name in ("min_area_m2", "min_length_m", "simplify_m"):
            value = getattr(self, name)
            if not 0 <= value < float("inf"):
                raise GridError(f"{name} must be 0 or more, found {value}. Use 0 to switch it off.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CoastlineLayers:
    """Three layers in the scene's CRS that share their vertices; see ``fields`` for their columns.

    Attributes:
        coastline: Lines, land on the left.
        water: Polygons of water.
        land: Polygons of land.
        sea_is_guessed: No water lay in the ocean, and what lies nearest to it was taken for sea.
    """

    coastline: gpd.GeoDataFrame
    water: gpd.GeoDataFrame
    land: gpd.GeoDataFrame
    sea_is_guessed: bool = False

    def select(self, kinds: frozenset[str]) -> CoastlineLayers:
        """The features of some kinds, with the numbers that they have among all."""
        coastline, water, land = (
            frame[frame["kind"].isin(kinds)].reset_index(drop=True) for frame in (self.coastline, self.water, self.land)
        )
        return replace(self, coastline=coastline, water=water, land=land)


def build_coastline(
    traced: Traced, *, grid: Grid, context: SceneContext, options: CoastlineOptions | None = None
) -> CoastlineLayers:
    """Make features of what the tracer found.

    A body of water is ``lake`` where its outer ring is coastline all around, ``sea`` where it meets the ocean,
    ``river`` where it is a channel that the edge of the data cuts off, else ``open``: see ``waters``. A line is what
    its water is, and is cut where the sea becomes a river; land is ``sea`` where any sea washes it, else what the
    water around it is, or ``open`` where it reaches the edge of the data.

    Args:
        traced: What a tracer of the grid's size found.
        grid: The scene's grid.
        context: Where it comes from.
        options: What the user chose.

    Raises:
        GridError: The sizes differ, or the ocean file cannot be used.
    """
    if (traced.width, traced.height) != (grid.width, grid.height):
        raise GridError(
            f"Expected a tracer of the grid's {grid.width} x {grid.height} pixels, found {traced.width} x "
            f"{traced.height}. Trace on the grid that the coastline is to lie on."
        )
    options = options or CoastlineOptions()
    ground = Ground(grid)
    if options.min_area_m2:
        traced = _drop_small(traced, ground, options.min_area_m2)
    kinds = find_kinds(traced, ground, options.ocean)
    traced = replace(traced, lines=kinds.lines)
    uncertainty = _compute_uncertainty(traced, ground, context.probability_rmse)
    if options.simplify_m:
        traced = simplify_traced(traced, tolerance_m=options.simplify_m, pixel_m=ground.pixel_m)
    sizes = _compute_sizes(traced, ground)
    places = ground.compute_coordinates(traced.xy)
    water, land = build_polygons(traced.water, places), build_polygons(traced.land, places)
    land_kind = resolve_land_kinds(traced, kinds.line)
    coastline = _line_layer(traced, places, sizes.lines, uncertainty, kinds.line, ground, context)
    is_stub = end_at_data(traced.lines.reasons) & (sizes.lines < options.min_length_m)
    layers = CoastlineLayers(
        coastline=coastline[~is_stub].reset_index(drop=True),
        water=_polygon_layer(water, kinds.water, sizes.water, ground, context),
        land=_polygon_layer(land, land_kind, sizes.land, ground, context),
        sea_is_guessed=kinds.guessed,
    )
    return layers.select(options.only) if options.only else layers


def _drop_small(traced: Traced, ground: Ground, min_area_m2: float) -> Traced:
    areas = ground.compute_ring_areas(traced.xy, traced.land.vertex, traced.land.start)
    return drop_small_rings(traced, land_areas_m2=areas, min_area_m2=min_area_m2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sizes:
    """Lengths of lines in metres, areas of polygons in square metres, all on the ellipsoid."""

    lines: Floats
    water: Floats
    land: Floats


def _compute_sizes(traced: Traced, ground: Ground) -> _Sizes:
    lines = traced.lines
    degrees = ground.compute_degrees(traced.xy)
    with ThreadPoolExecutor(1, thread_name_prefix="lengths") as pool:  # PROJ lets other threads work
        lengths = pool.submit(ground.compute_line_lengths, degrees, lines.vertex, lines.start)
        areas = _compute_areas(traced, ground)
        return _Sizes(lines=lengths.result(), water=areas[0], land=areas[1])


def _compute_areas(traced: Traced, ground: Ground) -> tuple[Floats, Floats]:
    """Of the polygons of water, and of those of land."""
    lines, water, land = traced.lines, traced.water, traced.land
    land_areas = ground.compute_ring_areas(traced.xy, land.vertex, land.start)
    water_areas = np.empty(len(water))
    # A ring that is coastline all around is the same for both, the other way around.
    water_areas[lines.water_ring] = -land_areas[lines.land_ring]
    own = np.flatnonzero(~water.contour)
    position, start = compute_spans(water.start, own)
    water_areas[own] = ground.compute_ring_areas(traced.xy, water.vertex[position], start)
    return _sum_by_polygon(water_areas, water), _sum_by_polygon(land_areas, land)


def _sum_by_polygon(areas: Floats, rings: Rings) -> Floats:
    return np.asarray(np.bincount(rings.polygon, weights=areas, minlength=len(rings.outer) - 1), dtype=np.float64)


def _compute_uncertainty(traced: Traced, ground: Ground, probability_rmse: float) -> Floats:
    """(lines, 2) mean over the length, and worst, of the positional uncertainty in metres.

    An error of the probability moves the contour by that error over the slope: sigma = rmse / abs(grad p).
    """
    lines, (width, height) = traced.lines, ground.pixel_m
    uncertainty = np.zeros((len(lines), 2))
    cap = UNCERTAINTY_CAP_PX * np.mean((width, height))
    for first, last in find_batches(lines.start, _BATCH):
        start = lines.start[first : last + 1] - lines.start[first]
        vertex = lines.vertex[lines.start[first] : lines.start[last]]
        slope_x, slope_y = np.take(traced.gradient, vertex, axis=0).T.astype(np.float64)
        slope = np.hypot(slope_x / width, slope_y / height)
        sigma = (
            probability_rmse / np.maximum(slope, probability_rmse / cap)
            if probability_rmse > 0
            else np.zeros(len(slope))
        )
        x, y = np.take(traced.xy, vertex, axis=0).T
        steps = np.hypot(np.diff(x) * width, np.diff(y) * height)
        weighted = sum_by_line(steps * (sigma[1:] + sigma[:-1]) / 2, start)
        uncertainty[first:last, 0] = weighted / sum_by_line(steps, start)
        uncertainty[first:last, 1] = np.maximum.reduceat(sigma, start[:-1])
    return uncertainty


def grade_certainty(uncertainty_m: Floats, pixel_m: float) -> NDArray[Any]:
    """How sure a line is, in a word: ``good`` within half a pixel, ``fair`` within one, else ``poor``.

    Args:
        uncertainty_m: (lines,) mean uncertainty of each line, one standard deviation.
        pixel_m: Edge of a pixel.
    """
    steps = np.searchsorted((0.5 * pixel_m, pixel_m), uncertainty_m)
    return np.array(CERTAINTIES, dtype=object)[steps]


def _line_layer(
    traced: Traced,
    places: Floats,
    length_m: Floats,
    uncertainty: Floats,
    kind: NDArray[Any],
    ground: Ground,
    context: SceneContext,
) -> gpd.GeoDataFrame:
    lines = traced.lines
    coordinates = np.take(places, lines.vertex, axis=0)
    geometry = shapely.from_ragged_array(shapely.GeometryType.LINESTRING, coordinates, (lines.start,))
    reasons = np.array(REASONS, dtype=object)[lines.reasons]
    columns = {
        "id": np.arange(1, len(lines) + 1),
        "kind": kind,
        "closed": lines.closed,
        "length_m": length_m,
        "start_reason": reasons[:, 0],
        "end_reason": reasons[:, 1],
        "uncertainty_mean_m": uncertainty[:, 0],
        "uncertainty_max_m": uncertainty[:, 1],
        "certainty": grade_certainty(uncertainty[:, 0], float(np.mean(ground.pixel_m))),
    }
    columns["datum"] = np.full(len(geometry), INSTANTANEOUS, dtype=object)
    columns["tide_m"] = np.full(len(geometry), np.nan if context.tide_m is None else context.tide_m)
    return _frame(columns, np.asarray(geometry), ground, context)


def _polygon_layer(
    polygons: NDArray[Any], kinds: NDArray[Any], area_m2: Floats, ground: Ground, context: SceneContext
) -> gpd.GeoDataFrame:
    columns = {"id": np.arange(1, len(polygons) + 1), "kind": kinds, "area_m2": area_m2}
    return _frame(columns, polygons, ground, context)


def _frame(
    columns: dict[str, NDArray[Any]], geometry: NDArray[Any], ground: Ground, context: SceneContext
) -> gpd.GeoDataFrame:
    origin = {"scene": context.scene, "time": context.time, "model": context.model}
    for name, value in origin.items():
        columns[name] = np.full(len(geometry), value, dtype=object)
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=ground.crs)
