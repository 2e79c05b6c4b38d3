"""Land, water and the shore between them on one date, within one block of ground: what two dates are compared by.

The scene is never held whole: a block's window is read, traced as ``mapping`` traces it, and brought to the plane that
both dates share. Within the margin around cloud and nodata there is neither land nor water.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.windows import Window as RasterWindow
from scipy.ndimage import maximum_filter

from pipeline.change.plane import Box, Plane, clip_polygons, get_polygons
from pipeline.change.source import DatedCoast, RasterPart
from pipeline.output.classes import NODATA, OBSCURED, PROBABILITY_OFFSET, PROBABILITY_SCALE, WATER
from pipeline.trace.coastline import UNCERTAINTY_CAP_PX
from pipeline.trace.contour import ContourTracer
from pipeline.trace.ellipsoid import Ground
from pipeline.trace.simplify import build_polygons
from pipeline.trace.traced import Bools, Floats, Ints, Traced
from tiles import masks
from tiles.grid import Grid

__all__ = ["Faces", "Shore", "join_shores", "read_raster_faces"]

_SPARE_PX = 3
"""Pixels read beyond the block and the margin, so that what the window's edge does to a contour stays outside."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shore:
    """Lines of a date, land on the left.

    Attributes:
        xy: (n, 2) places in the plane, line after line; a closed line repeats its first.
        sigma: (n,) standard deviation of each place, across the line, in metres.
        start: (lines + 1,) where each line begins, and the end.
    """

    xy: Floats
    sigma: Floats
    start: Ints

    @property
    def segments(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Places (n, 2) and deviations (n,) at the tails and at the heads of all segments."""
        inner = np.ones(max(0, len(self.xy) - 1), dtype=bool)
        inner[self.start[1:-1] - 1] = False
        return self.xy[:-1][inner], self.sigma[:-1][inner], self.xy[1:][inner], self.sigma[1:][inner]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Faces:
    """What is known of a block on a date.

    Attributes:
        water: Polygons where there is water, in the plane.
        land: Polygons where there is land; what is neither was not seen.
        shore: The line between them.
    """

    water: shapely.Geometry
    land: shapely.Geometry
    shore: Shore


def read_raster_faces(
    coast: DatedCoast, box: Box, *, plane: Plane, margin_px: int, line_sigma_m: float
) -> Faces | None:
    """Trace a block of a date that is given as rasters.

    Args:
        coast: The date.
        box: The block, in the plane.
        plane: Shared by both dates.
        margin_px: Pixels around what was not seen that do not count either.
        line_sigma_m: Uncertainty where the date states none.

    Returns:
        ``None`` where no raster has data in the block.
    """
    water, land, shores = [], [], []
    covered: shapely.Geometry | None = None
    for part in coast.parts:
        traced = _trace_part(part, coast, box, plane=plane, margin_px=margin_px, line_sigma_m=line_sigma_m)
        if traced is None:
            continue
        if covered is not None:
            traced = _leave_out(traced, covered)
        water.append(traced.water)
        land.append(traced.land)
        shores.append(traced.shore)
        seen = shapely.union(traced.water, traced.land, grid_size=plane.snap)
        covered = seen if covered is None else shapely.union(covered, seen, grid_size=plane.snap)
        if shapely.area(box.polygon) - shapely.area(covered) < 1.0:
            break
    if not shores:
        return None
    return Faces(
        water=shapely.union_all(water, grid_size=plane.snap),
        land=shapely.union_all(land, grid_size=plane.snap),
        shore=join_shores(shores),
    )


def join_shores(shores: list[Shore]) -> Shore:
    """Put the lines of several shores into one."""
    sizes = np.cumsum([0, *(len(shore.xy) for shore in shores)])
    return Shore(
        xy=np.concatenate([shore.xy for shore in shores]),
        sigma=np.concatenate([shore.sigma for shore in shores]),
        start=np.concatenate(
            [shore.start[:-1] + size for shore, size in zip(shores, sizes[:-1], strict=True)] + [sizes[-1:]]
        ),
    )


def _leave_out(faces: Faces, covered: shapely.Geometry) -> Faces:
    """What another raster of the same date has not shown already."""
    shore = faces.shore
    shapely.prepare(covered)
    inside = shapely.intersects_xy(covered, shore.xy)
    keep = [
        (a, b)
        for a, b in zip(shore.start[:-1].tolist(), shore.start[1:].tolist(), strict=True)
        if not inside[a:b].all()
    ]
    sizes = np.cumsum([0, *(b - a for a, b in keep)])
    index = np.concatenate([np.arange(a, b) for a, b in keep]) if keep else np.zeros(0, np.int64)
    return Faces(
        water=shapely.union_all(get_polygons(shapely.difference(faces.water, covered))),
        land=shapely.union_all(get_polygons(shapely.difference(faces.land, covered))),
        shore=Shore(xy=shore.xy[index], sigma=shore.sigma[index], start=sizes),
    )


def _trace_part(
    part: RasterPart, coast: DatedCoast, box: Box, *, plane: Plane, margin_px: int, line_sigma_m: float
) -> Faces | None:
    window = _find_window(part.grid, box, plane, margin_px + _SPARE_PX)
    if window is None:
        return None
    probability, state = _read_window(part, window)
    error = None if part.share is None else _read_error(part.share, part.grid, window)
    if (state == masks.VALID).sum() == 0:
        return None
    state = np.where(maximum_filter(state != masks.VALID, 2 * margin_px + 1), masks.NODATA, masks.VALID)
    threshold = coast.threshold if part.share is None else 0.5
    tracer = ContourTracer(width=state.shape[1], height=state.shape[0], threshold=threshold)
    tracer.add_strip(probability, state.astype(np.uint8), error)
    traced = tracer.finish()
    grid = _cut_grid(part.grid, window)
    places = plane.project(Ground(grid).compute_coordinates(traced.xy), grid.crs)
    rmse = coast.probability_rmse if part.share is None else 1.0  # slopes are in units of the share's error
    sigma = _compute_sigma(traced, Ground(grid).pixel_m, rmse, line_sigma_m)
    vertex = traced.lines.vertex
    return Faces(
        water=clip_polygons(build_polygons(traced.water, places), box, plane),
        land=clip_polygons(build_polygons(traced.land, places), box, plane),
        shore=Shore(xy=places[vertex], sigma=sigma[vertex], start=np.asarray(traced.lines.start, np.int64)),
    )


def _compute_sigma(traced: Traced, pixel_m: tuple[float, float], rmse: float | None, line_sigma_m: float) -> Floats:
    """(vertices,) deviation of each vertex: the error of the probability over its slope, as ``coastline`` has it."""
    if rmse is None:
        return np.full(len(traced.xy), line_sigma_m)
    slope = np.hypot(*(traced.gradient / np.array(pixel_m)).T)
    cap = UNCERTAINTY_CAP_PX * (pixel_m[0] + pixel_m[1]) / 2
    if rmse <= 0:
        return np.zeros(len(slope))
    sigma: Floats = rmse / np.maximum(slope, rmse / cap)
    return sigma


def _find_window(grid: Grid, box: Box, plane: Plane, spare_px: int) -> tuple[int, int, int, int] | None:
    """First and last column and row of the pixels under a block; they may lie outside the grid."""
    ring = shapely.get_coordinates(shapely.segmentize(box.polygon, 1000.0))
    x, y = plane.unproject(ring, grid.crs).T
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        return None
    col, row = ~grid.transform @ (x, y)
    left, right = int(np.floor(col.min())) - spare_px, int(np.ceil(col.max())) + spare_px
    top, bottom = int(np.floor(row.min())) - spare_px, int(np.ceil(row.max())) + spare_px
    if right <= 0 or bottom <= 0 or left >= grid.width or top >= grid.height:
        return None
    return left, top, right, bottom


def _cut_grid(grid: Grid, window: tuple[int, int, int, int]) -> Grid:
    left, top, right, bottom = window
    transform = grid.transform @ rasterio.Affine.translation(left, top)
    return Grid(crs=grid.crs, transform=transform, width=right - left, height=bottom - top)


def _read_window(part: RasterPart, window: tuple[int, int, int, int]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Probability and state of pixels; beyond the raster's edge there is no data."""
    left, top, right, bottom = window
    inner = (max(left, 0), max(top, 0), min(right, part.grid.width), min(bottom, part.grid.height))
    place = (slice(inner[1] - top, inner[3] - top), slice(inner[0] - left, inner[2] - left))
    probability = np.zeros((bottom - top, right - left), dtype=np.float32)
    state = np.full(probability.shape, masks.NODATA, dtype=np.uint8)
    where = RasterWindow(inner[0], inner[1], inner[2] - inner[0], inner[3] - inner[1])
    drawn = part.share or part.probability
    if drawn is not None:
        with rasterio.open(drawn) as src:
            numbers, scale, offset = src.read(1, window=where), src.scales[0], src.offsets[0]
            probability[place] = _scale(numbers, scale, offset)
            state[place] = np.where(_find_valid(numbers, src.nodata), masks.VALID, masks.NODATA)
    if part.water is not None:
        with rasterio.open(part.water) as src:
            classes = src.read(1, window=where)
        if part.probability is None:
            probability[place] = classes == WATER
            state[place] = masks.VALID
        state[place][classes == OBSCURED] = masks.OBSCURED
        state[place][classes == NODATA] = masks.NODATA
    return probability, state


def _read_error(path: Path, grid: Grid, window: tuple[int, int, int, int]) -> NDArray[np.float32]:
    """Standard deviation of the share in some pixels; 0 beyond the raster's edge and where there is none."""
    left, top, right, bottom = window
    inner = (max(left, 0), max(top, 0), min(right, grid.width), min(bottom, grid.height))
    error = np.zeros((bottom - top, right - left), dtype=np.float32)
    place = (slice(inner[1] - top, inner[3] - top), slice(inner[0] - left, inner[2] - left))
    with rasterio.open(path) as src:
        numbers = src.read(2, window=RasterWindow(inner[0], inner[1], inner[2] - inner[0], inner[3] - inner[1]))
        values = _scale(numbers, src.scales[1], src.offsets[1])
        error[place] = np.where(_find_valid(numbers, src.nodata), values, 0)
    return error


def _scale(numbers: NDArray[Any], scale: float, offset: float) -> NDArray[np.float32]:
    """Values of stored numbers; bytes without a scale are in the steps of ``probability.tif``."""
    if numbers.dtype == np.uint8 and scale == 1.0:
        scale, offset = PROBABILITY_SCALE, PROBABILITY_OFFSET
    return (numbers * np.float64(scale) + offset).astype(np.float32)


def _find_valid(numbers: NDArray[Any], nodata: float | None) -> Bools:
    valid: Bools = np.isfinite(numbers) if nodata is None else np.isfinite(numbers) & (numbers != nodata)
    return valid
