"""The coastline and the bodies of land and water of a scene as features: geometry, kind, size, uncertainty, origin."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.ellipsoid import Ground
from pipeline.ocean import find_sea, read_ocean
from pipeline.simplify import build_polygons, drop_small_rings, simplify_traced
from pipeline.traced import REASONS, Floats, Ints, Rings, Traced
from tiles.errors import GridError
from tiles.grid import Grid

__all__ = ["UNCERTAINTY_CAP_PX", "CoastlineLayers", "CoastlineOptions", "SceneContext", "build_coastline"]

UNCERTAINTY_CAP_PX = 10.0
"""No larger positional uncertainty is stated, in pixels: where the probability is flat, the cap means "unknown"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneContext:
    """Where a coastline comes from.

    Attributes:
        scene: Identifier of the scene.
        acquired: Time of sensing in UTC, where known.
        model: Name and version of the model.
        probability_rmse: Root mean square error of the model's probability near the coastline, 0 to 1.
    """

    scene: str
    acquired: datetime | None
    model: str
    probability_rmse: float

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
        simplify_m: Tolerance of the simplification in metres; 0 for none.
        ocean: File of polygons of ocean; None for Natural Earth's.
    """

    min_area_m2: float = 0
    simplify_m: float = 0
    ocean: Path | None = None

    def __post_init__(self) -> None:
        for name, value in (("min_area_m2", self.min_area_m2), ("simplify_m", self.simplify_m)):
            if not 0 <= value < float("inf"):
                raise GridError(f"{name} must be 0 or more, found {value}. Use 0 to switch it off.")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CoastlineLayers:
    """Three layers in the scene's CRS that share their vertices; see ``fields`` for their columns.

    Attributes:
        coastline: Lines, land on the left.
        water: Polygons of water.
        land: Polygons of land.
    """

    coastline: gpd.GeoDataFrame
    water: gpd.GeoDataFrame
    land: gpd.GeoDataFrame


def build_coastline(
    traced: Traced, *, grid: Grid, context: SceneContext, options: CoastlineOptions | None = None
) -> CoastlineLayers:
    """Make features of what the tracer found.

    A body of water is ``inland`` where its outer ring is coastline all around, ``sea`` where it reaches the edge of
    the data and meets the ocean, else ``open``; a line is what its water is; land is ``sea`` where any sea washes it,
    else what the water around it is, or ``open`` where it reaches the edge of the data.

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
        areas = _ring_areas(traced.land, traced.xy, ground)
        traced = drop_small_rings(traced, land_areas_m2=areas, min_area_m2=options.min_area_m2)
    uncertainty = _compute_uncertainty(traced, ground, context.probability_rmse)
    if options.simplify_m:
        traced = simplify_traced(traced, tolerance_m=options.simplify_m, pixel_m=ground.pixel_m)
    places = ground.compute_coordinates(traced.xy)
    water, land = build_polygons(traced.water, places), build_polygons(traced.land, places)
    water_kind = _resolve_water_kinds(traced.water, water, ground, options.ocean)
    return CoastlineLayers(
        coastline=_line_layer(traced, places, uncertainty, water_kind, ground, context),
        water=_polygon_layer(water, water_kind, traced.water, traced.xy, ground, context),
        land=_polygon_layer(land, _resolve_land_kinds(traced, water_kind), traced.land, traced.xy, ground, context),
    )


def _ring_areas(rings: Rings, xy: Floats, ground: Ground) -> Floats:
    return ground.compute_ring_areas(xy[rings.vertex], rings.start)


def _sum_by_line(values: Floats, start: Ints) -> Floats:
    """Sum over each line of values between its vertices; ``values`` has one more for each gap between two lines."""
    if len(start) == 1:
        return np.zeros(0)
    padded = np.append(values, 0.0)
    padded[start[1:] - 1] = 0
    return np.add.reduceat(padded, start[:-1])


def _compute_uncertainty(traced: Traced, ground: Ground, probability_rmse: float) -> Floats:
    """(lines, 2) mean over the length, and worst, of the positional uncertainty in metres.

    An error of the probability moves the contour by that error over the slope: sigma = rmse / abs(grad p).
    """
    lines, pixel = traced.lines, np.array(ground.pixel_m)
    if len(lines) == 0:
        return np.zeros((0, 2))
    slope = np.hypot(*(traced.gradient[lines.vertex] / pixel).T)
    cap = UNCERTAINTY_CAP_PX * pixel.mean()
    sigma = (
        probability_rmse / np.maximum(slope, probability_rmse / cap) if probability_rmse > 0 else np.zeros(len(slope))
    )
    steps = np.hypot(*(np.diff(traced.xy[lines.vertex], axis=0) * pixel).T)
    weighted = _sum_by_line(steps * (sigma[1:] + sigma[:-1]) / 2, lines.start)
    mean = weighted / _sum_by_line(steps, lines.start)
    return np.stack((mean, np.maximum.reduceat(sigma, lines.start[:-1])), axis=1)


def _resolve_water_kinds(rings: Rings, polygons: NDArray[Any], ground: Ground, ocean: Path | None) -> NDArray[Any]:
    """Kind of each body of water."""
    cut_off = np.flatnonzero(~rings.contour[rings.outer[:-1]])
    kinds = np.full(len(polygons), "inland", dtype=object)
    if len(cut_off):
        sea = find_sea(polygons[cut_off], ground.crs, ground, read_ocean(ground, path=ocean))
        kinds[cut_off] = np.where(sea, "sea", "open")
    return kinds


def _resolve_land_kinds(traced: Traced, water_kind: NDArray[Any]) -> NDArray[Any]:
    """Kind of each body of land, from the water around it."""
    lines, land = traced.lines, traced.land
    outer = land.outer[:-1]
    kinds = np.full(len(outer), "open", dtype=object)
    beside = water_kind[traced.water.polygon[lines.water_ring]]
    body = land.polygon[lines.land_ring]
    around = lines.closed & (land.area[lines.land_ring] > 0)
    kinds[body[around]] = beside[around]
    kinds[body[beside == "sea"]] = "sea"
    return kinds


def _line_layer(
    traced: Traced, places: Floats, uncertainty: Floats, water_kind: NDArray[Any], ground: Ground, context: SceneContext
) -> gpd.GeoDataFrame:
    lines = traced.lines
    geometry = shapely.from_ragged_array(shapely.GeometryType.LINESTRING, places[lines.vertex], (lines.start,))
    steps = ground.compute_steps(traced.xy[lines.vertex]) if len(lines) else np.zeros(0)
    reasons = np.array(REASONS, dtype=object)[lines.reasons]
    columns = {
        "id": np.arange(1, len(lines) + 1),
        "kind": water_kind[traced.water.polygon[lines.water_ring]],
        "closed": lines.closed,
        "length_m": _sum_by_line(steps, lines.start),
        "start_reason": reasons[:, 0],
        "end_reason": reasons[:, 1],
        "uncertainty_mean_m": uncertainty[:, 0],
        "uncertainty_max_m": uncertainty[:, 1],
    }
    return _frame(columns, np.asarray(geometry), ground, context)


def _polygon_layer(
    polygons: NDArray[Any], kinds: NDArray[Any], rings: Rings, xy: Floats, ground: Ground, context: SceneContext
) -> gpd.GeoDataFrame:
    areas = np.bincount(rings.polygon, weights=_ring_areas(rings, xy, ground), minlength=len(polygons))
    columns = {"id": np.arange(1, len(polygons) + 1), "kind": kinds, "area_m2": areas}
    return _frame(columns, polygons, ground, context)


def _frame(
    columns: dict[str, NDArray[Any]], geometry: NDArray[Any], ground: Ground, context: SceneContext
) -> gpd.GeoDataFrame:
    origin = {"scene": context.scene, "time": context.time, "model": context.model}
    for name, value in origin.items():
        columns[name] = np.full(len(geometry), value, dtype=object)
    return gpd.GeoDataFrame(columns, geometry=geometry, crs=ground.crs)
