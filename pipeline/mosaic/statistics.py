"""What all dates together say of one cell of a mosaic: how often it was seen, how often it was water, and when last.

Each overpass counts once, however many of its tiles overlap at a place. Pixels that lie on the lattice are taken as
they are; others are interpolated between pixel centres, and known only where all four pixels around are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

import numpy as np
import rasterio
import rasterio.warp
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from scipy.ndimage import map_coordinates

from pipeline.mosaic.lattice import Lattice, find_transformer
from pipeline.output.classes import NODATA, OBSCURED, PROBABILITY_OFFSET, PROBABILITY_SCALE, SHARE_NAME
from pipeline.shore.stretch import spread_share
from pipeline.trace.traced import Bools
from tiles import masks
from tiles.errors import RasterReadError
from tiles.grid import Grid, Window

__all__ = [
    "COMPOSITES",
    "OUTSIDE",
    "Layer",
    "LayerWindow",
    "Statistic",
    "Statistics",
    "compute_source_places",
    "compute_statistics",
    "order_layers",
    "read_layer",
]

Statistic = Literal["frequency", "median", "latest"]
"""What the coastline of a mosaic is drawn on."""

COMPOSITES: Final[Mapping[Statistic, str]] = MappingProxyType(
    {
        "median": "At each pixel the median over the overpasses that saw it clear of the probability of water, near a "
        "shore of the share of water.",
        "frequency": "At each pixel the share of the overpasses that saw it clear on which it was water; the line is "
        "where that is half.",
        "latest": "At each pixel the last overpass that saw it clear.",
    }
)
"""What several dates come to: the rule by which a surface is made of them, on which the coastline is drawn.

An overpass counts once, however many of its tiles overlap.
"""

OUTSIDE: Final = 3
"""State of a pixel that no scene covers; the others are those of ``tiles.masks``."""

_KNOT_PX = 16
"""Pixels between the places where a transformation is computed exactly."""

Field = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One mapped scene, as a source of pixels.

    Attributes:
        number: Of the scene, see ``mosaic_plan``.
        folder: Where its rasters are.
        grid: Their grid.
        overpass: Number of the acquisition that it is a part of; they rise with time.
        acquired: Time of sensing.
        threshold: Probability from which a pixel of its map is water.
        error: Error of its surface where its map states none for a pixel, 0 to 1.
    """

    number: int
    folder: Path
    grid: Grid
    overpass: int
    acquired: datetime | None
    threshold: float = 0.5
    error: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayerWindow:
    """A window of one layer, on the lattice.

    Attributes:
        probability: (row, col) of water, near a shore the share of water; NaN where the ground is not seen.
        error: (row, col) its standard deviation, 0 to 1.
        obscured: (row, col) True under cloud.
        covered: (row, col) True within the scene's grid.
    """

    probability: Field
    error: Field
    obscured: Bools
    covered: Bools


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Statistics:
    """What is known of a window, (row, col) each.

    Attributes:
        observations: uint16, overpasses that saw the ground.
        frequency: Share of them on which it was water; NaN where there is none.
        median: Median probability of water; NaN likewise.
        latest: Probability on the last of them; NaN likewise.
        mean_error: What the overpasses state of their errors, the mean; NaN likewise.
        latest_error: The same of the last of them.
        latest_day: uint16, its day, counted from 1970-01-01; 0 where there is none or its time is not known.
        state: uint8, ``VALID``, ``OBSCURED`` (covered, and cloud each time), ``NODATA`` or ``OUTSIDE``.
        used: int32 (overpass, row, col), number of the scene that was taken; -1 where none saw the ground.
    """

    observations: NDArray[np.uint16]
    frequency: Field
    median: Field
    latest: Field
    mean_error: Field
    latest_error: Field
    latest_day: NDArray[np.uint16]
    state: NDArray[np.uint8]
    used: NDArray[np.int32]

    def get_surface(self, statistic: Statistic) -> Field:
        """The field whose contour is the coastline."""
        surface: Field = getattr(self, statistic)
        return surface

    def get_error(self, statistic: Statistic) -> Field:
        """Its standard deviation; not less for many dates, since what errs on one mostly errs on all."""
        return self.latest_error if statistic == "latest" else self.mean_error


def order_layers(layers: Iterable[Layer], lattice: Lattice) -> list[Layer]:
    """By overpass; within one those first whose pixels are the lattice's own.

    Args:
        layers: Scenes that may reach into a window.
        lattice: The mosaic's pixels.
    """
    return sorted(layers, key=lambda one: (one.overpass, lattice.resolve_offset(one.grid) is None, one.number))


def read_layer(layer: Layer, lattice: Lattice, window: Window) -> LayerWindow:
    """Read a window of one mapped scene.

    Args:
        layer: The scene.
        lattice: The mosaic's pixels.
        window: Counted from the lattice's origin.

    Raises:
        RasterReadError: A map cannot be read.
    """
    try:
        return _read_layer(layer, lattice, window)
    except RasterioError as error:
        reason = " ".join(str(error.__cause__ or error).split())
        raise RasterReadError(
            f"Cannot read the map in {layer.folder} ({reason}). Map it again: strandline map --overwrite."
        ) from error


def _read_layer(layer: Layer, lattice: Lattice, window: Window) -> LayerWindow:
    offset = lattice.resolve_offset(layer.grid)
    if offset is None:
        return _warp_layer(layer, lattice, window)
    home = Window(offset[1], offset[0], layer.grid.width, layer.grid.height)
    probability, error = (np.full(window.shape, np.nan, dtype=np.float32) for _ in range(2))
    obscured, covered = (np.zeros(window.shape, dtype=bool) for _ in range(2))
    shared = home.intersection(window)
    if shared is not None:
        here, there = shared.slices(within=window), shared.slices(within=home)
        source = Window(there[1].start, there[0].start, shared.width, shared.height)
        covered[here] = True
        probability[here], error[here], obscured[here] = _read_maps(layer, source)
    return LayerWindow(probability=probability, error=error, obscured=obscured, covered=covered)


def _read_maps(layer: Layer, window: Window) -> tuple[Field, Field, Bools]:
    """Probability of water, NaN where not known, its error, and where cloud hides the ground, in a scene's window.

    Near a shore the share of water stands for it, by which the scene's own line was drawn.
    """
    with rasterio.open(layer.folder / "probability.tif") as src:
        steps = src.read(1, window=window.to_rasterio())
    with rasterio.open(layer.folder / "water.tif") as src:
        classes = src.read(1, window=window.to_rasterio())
    probability = np.where(steps == NODATA, np.nan, _scale(steps)).astype(np.float32)
    error = np.full(probability.shape, layer.error, dtype=np.float32)
    if (layer.folder / SHARE_NAME).exists():
        with rasterio.open(layer.folder / SHARE_NAME) as src:
            share, stated = src.read(window=window.to_rasterio())
        near = (stated > 0) & (stated != NODATA)
        probability[near] = spread_share(_scale(share[near]), layer.threshold)
        error[near] = _scale(stated[near])
    return probability, error, classes == OBSCURED


def _scale(steps: NDArray[np.uint8]) -> Field:
    return np.asarray(steps * np.float32(PROBABILITY_SCALE) + np.float32(PROBABILITY_OFFSET), np.float32)


def _warp_layer(layer: Layer, lattice: Lattice, window: Window) -> LayerWindow:
    """As a layer on the lattice's own pixels, for one whose pixels lie elsewhere."""
    row, col = compute_source_places(lattice.compute_grid(window), layer.grid)
    nearest = np.rint(row).astype(np.int64), np.rint(col).astype(np.int64)
    covered = (nearest[0] >= 0) & (nearest[1] >= 0)
    covered &= (nearest[0] < layer.grid.height) & (nearest[1] < layer.grid.width)
    probability, error = (np.full(window.shape, np.nan, np.float32) for _ in range(2))
    obscured = np.zeros(window.shape, dtype=bool)
    needed = _find_source_window(row, col, layer.grid)
    if needed is None or not covered.any():
        return LayerWindow(probability=probability, error=error, obscured=obscured, covered=covered)
    source, stated, hidden = _read_maps(layer, needed)
    if _is_coarser(lattice, window, layer.grid):
        grids = layer.grid.crop(needed), lattice.compute_grid(window)
        probability, error = (_average(field, *grids) for field in (source, stated))
    else:
        # Where any of the four pixels around is not known, nor is the value between them.
        places = [row - needed.row_off, col - needed.col_off]
        for field, output in ((source, probability), (stated, error)):
            map_coordinates(field, places, output=output, order=1, mode="constant", cval=np.nan)
    at = nearest[0][covered] - needed.row_off, nearest[1][covered] - needed.col_off
    obscured[covered] = hidden[at]
    probability[obscured | ~covered] = np.nan
    return LayerWindow(probability=probability, error=error, obscured=obscured, covered=covered)


def compute_source_places(grid: Grid, src: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where the pixel centres of a grid lie in another, in rows and columns of that one's pixel centres.

    The transformation is exact every 16 pixels and bilinear between, which is right to a millionth of a pixel;
    GDAL's warper is off by up to an eighth of a pixel unless told otherwise.

    Args:
        grid: The grid.
        src: The other one, in any CRS.

    Returns:
        Two arrays (row, col) of the grid's shape.
    """
    rows = np.arange(0, grid.height + _KNOT_PX, _KNOT_PX, dtype=np.float64)
    cols = np.arange(0, grid.width + _KNOT_PX, _KNOT_PX, dtype=np.float64)
    x, y = _apply_affine(grid.transform, *np.meshgrid(cols + 0.5, rows + 0.5))
    to_source = find_transformer(grid.crs.to_wkt(), src.crs.to_wkt())
    knots = _apply_affine(~src.transform, *to_source.transform(x, y))
    fine = np.meshgrid(np.arange(grid.height) / _KNOT_PX, np.arange(grid.width) / _KNOT_PX, indexing="ij")
    col, row = (map_coordinates(np.asarray(axis) - 0.5, fine, order=1, mode="nearest") for axis in knots)
    return np.asarray(row), np.asarray(col)


def _apply_affine(
    t: Affine, x: NDArray[np.float64], y: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return t.a * x + t.b * y + t.c, t.d * x + t.e * y + t.f


def _find_source_window(row: NDArray[np.float64], col: NDArray[np.float64], grid: Grid) -> Window | None:
    """The pixels of a grid that lie around some places in it."""
    if not (np.isfinite(row).all() and np.isfinite(col).all()):
        return None
    top, left = int(np.floor(row.min())) - 1, int(np.floor(col.min())) - 1
    height, width = int(np.ceil(row.max())) + 2 - top, int(np.ceil(col.max())) + 2 - left
    return Window(left, top, width, height).intersection(grid.window)


def _average(source: Field, src: Grid, dst: Grid) -> Field:
    averaged = np.full(dst.shape, np.nan, dtype=np.float32)
    rasterio.warp.reproject(
        source,
        averaged,
        src_transform=src.transform,
        src_crs=src.crs,
        src_nodata=np.nan,
        dst_transform=dst.transform,
        dst_crs=dst.crs,
        dst_nodata=np.nan,
        resampling=Resampling.average,
    )
    return averaged


def _is_coarser(lattice: Lattice, window: Window, grid: Grid) -> bool:
    """Whether a pixel of the lattice holds several of a grid's, which have to be averaged then."""
    middle = Window(window.col_off + window.width // 2, window.row_off + window.height // 2, 1, 1)
    left, _, right, _ = rasterio.warp.transform_bounds(lattice.crs, grid.crs, *lattice.compute_grid(middle).bounds)
    return bool(right - left > 1.5 * grid.resolution[0])


def compute_statistics(
    layers: Sequence[Layer], read: Callable[[Layer], LayerWindow], *, threshold: float, shape: tuple[int, int]
) -> Statistics:
    """Sum up what the layers saw.

    Args:
        layers: In the order of ``order_layers``: of the layers of one overpass, an earlier one goes before a later.
        read: Gives what a layer saw; not asked for what an overpass has seen completely already.
        threshold: Probability from which a pixel is water.
        shape: (rows, cols) of the window.
    """
    overpasses = sorted({layer.overpass for layer in layers})
    probability = np.full((len(overpasses), *shape), np.nan, dtype=np.float32)
    used = np.full((len(overpasses), *shape), -1, dtype=np.int32)
    days = np.zeros(len(overpasses), dtype=np.uint16)
    obscured, covered = np.zeros(shape, dtype=bool), np.zeros(shape, dtype=bool)
    total_error, latest_error = np.zeros(shape, np.float32), np.full(shape, np.nan, np.float32)
    for layer in layers:
        place = overpasses.index(layer.overpass)
        missing = np.isnan(probability[place])
        if not missing.any():
            continue
        view = read(layer)
        taken = missing & np.isfinite(view.probability)
        probability[place][taken] = view.probability[taken]
        used[place][taken] = layer.number
        total_error[taken] += view.error[taken]
        latest_error[taken] = view.error[taken]
        days[place] = _count_days(layer.acquired)
        obscured |= view.obscured
        covered |= view.covered
    observations = (used >= 0).sum(axis=0, dtype=np.uint16)
    none = observations == 0
    state = np.where(covered, np.where(obscured, masks.OBSCURED, masks.NODATA), OUTSIDE)
    latest, latest_day = _find_latest(probability, days)
    wet = (probability >= np.float32(threshold)).sum(axis=0)
    frequency = np.divide(wet, observations, out=np.full(shape, np.nan, np.float32), where=~none, casting="unsafe")
    return Statistics(
        observations=observations,
        frequency=frequency,
        median=_compute_median(probability, observations),
        latest=latest,
        mean_error=np.divide(total_error, observations, out=np.full(shape, np.nan, np.float32), where=~none),
        latest_error=latest_error,
        latest_day=latest_day,
        state=np.where(none, state, masks.VALID).astype(np.uint8),
        used=used,
    )


def _count_days(acquired: datetime | None) -> int:
    return 0 if acquired is None else (acquired - datetime(1970, 1, 1, tzinfo=UTC)).days


def _find_latest(probability: Field, days: NDArray[np.uint16]) -> tuple[Field, NDArray[np.uint16]]:
    latest = np.full(probability.shape[1:], np.nan, dtype=np.float32)
    latest_day = np.zeros(probability.shape[1:], dtype=np.uint16)
    for layer, day in zip(probability, days, strict=True):
        known = np.isfinite(layer)
        latest[known], latest_day[known] = layer[known], day
    return latest, latest_day


def _compute_median(probability: Field, observations: NDArray[np.uint16]) -> Field:
    """Median over the first axis; ``numpy.nanmedian`` does the same, many times slower."""
    if len(probability) == 0:
        return np.full(observations.shape, np.nan, dtype=np.float32)
    ordered = np.sort(probability, axis=0)  # NaN comes last
    count = observations.astype(np.intp)
    low, high = (np.maximum(count - 1, 0) // 2)[None], (count // 2).clip(max=len(ordered) - 1)[None]
    pair = [np.take_along_axis(ordered, place, axis=0)[0] for place in (low, high)]
    return np.where(count > 0, (pair[0] + pair[1]) / 2, np.float32(np.nan)).astype(np.float32)
