"""How good a map is: its pixels and its coastline against the truth that lies beside a simulated product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import geopandas as gpd
import numpy as np
import pyogrio
import pyproj
import rasterio
import shapely
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterWindow
from scipy.ndimage import binary_dilation

from pipeline.output.rasters import LAND, WATER
from pipeline.trace.ellipsoid import Ground
from pipeline.trace.line_samples import compute_distances, compute_samples
from pipeline.trace.traced import Bools, Floats
from tiles.errors import GridError, RasterReadError
from tiles.grid import Grid

__all__ = ["Accuracy", "DistanceStats", "PixelStats", "compute_accuracy", "compute_ratio"]


def compute_ratio(part: float, whole: float) -> float:
    """A share, NaN of nothing."""
    return part / whole if whole else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelStats:
    """Counts of pixels that are valid in the map and known in the truth; water is the positive class.

    Attributes:
        true_positive: Water on the map, and half or more of it water in truth.
        false_positive: Water on the map, land in truth.
        false_negative: Land on the map, water in truth.
        true_negative: Land on both.
    """

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int

    @property
    def iou(self) -> float:
        """Intersection over union of water; NaN where there is no water at all."""
        return compute_ratio(self.true_positive, self.true_positive + self.false_positive + self.false_negative)

    @property
    def precision(self) -> float:
        """Share of mapped water that is water."""
        return compute_ratio(self.true_positive, self.true_positive + self.false_positive)

    @property
    def recall(self) -> float:
        """Share of true water that is mapped as water."""
        return compute_ratio(self.true_positive, self.true_positive + self.false_negative)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        wrong = self.false_positive + self.false_negative
        return compute_ratio(2 * self.true_positive, 2 * self.true_positive + wrong)


@dataclass(frozen=True, slots=True, kw_only=True)
class DistanceStats:
    """Distances in metres from points every 5 m along one set of lines to the nearest place of another.

    Attributes:
        count: Number of points.
        median: NaN where there are no points; so for the others.
        mean: Arithmetic mean.
        rmse: Root mean square.
        p95: 95th percentile.
    """

    count: int
    median: float
    mean: float
    rmse: float
    p95: float

    @classmethod
    def from_distances(cls, distances: Floats) -> DistanceStats:
        """Summarise (n,) distances in metres."""
        if len(distances) == 0:
            return cls(count=0, median=np.nan, mean=np.nan, rmse=np.nan, p95=np.nan)
        return cls(
            count=len(distances),
            median=float(np.median(distances)),
            mean=float(distances.mean()),
            rmse=float(np.sqrt(np.mean(distances**2))),
            p95=float(np.percentile(distances, 95)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """The errors of one map.

    Attributes:
        pixels: Agreement of pixels.
        mapped_to_true: How far the mapped coastline lies from the true one: what is drawn wrong.
        true_to_mapped: How far the true coastline lies from the mapped one, where the scene shows it: what is missed.
        within_1_sigma: Share of the mapped coastline that lies within its stated uncertainty (ideally 0.68).
        within_2_sigma: Share within twice that (ideally 0.95).
        loose_ends: Lines that end where data do not end; there must be none.
        lines: Number of mapped lines.
        mapped_length_m: Length of the mapped coastline.
    """

    pixels: PixelStats
    mapped_to_true: DistanceStats
    true_to_mapped: DistanceStats
    within_1_sigma: float
    within_2_sigma: float
    loose_ends: int
    lines: int
    mapped_length_m: float

    def to_dict(self) -> dict[str, Any]:
        """All figures, derived ones included, for a table or a file."""
        ratios = {name: getattr(self.pixels, name) for name in ("iou", "precision", "recall", "f1")}
        return {**asdict(self), "pixels": asdict(self.pixels) | ratios}


_STEP_M = 5.0
_ROWS = 1024
_FRACTION_SCALE: Final = 0.004
_FRACTION_NODATA: Final = 255


def compute_accuracy(result_dir: Path, truth_dir: Path) -> Accuracy:
    """Compare a map with the truth.

    Args:
        result_dir: Folder of a mapped scene: ``water.tif`` and ``coastline.gpkg``.
        truth_dir: Folder of the truth: ``water_fraction.tif`` (uint8, 0.004 a step, 255 unknown) on a grid of which
            the map's is a part, and ``shoreline.gpkg`` with the layer ``shoreline``.

    Raises:
        GridError: The two lie on different grids.
        RasterReadError: A file is missing or cannot be read, or the truth holds classes in place of shares.
    """
    classes, grid = _read_classes(result_dir / "water.tif")
    pixels = _compare_pixels(classes, grid, truth_dir / "water_fraction.tif")
    mapped = _split_lines(_read_lines(result_dir / "coastline.gpkg", "coastline"), grid)
    truth = _read_lines(truth_dir / "shoreline.gpkg", "shoreline")
    valid = (classes == LAND) | (classes == WATER)

    lines, true_lines = (_to_plane(frame, grid) for frame in (mapped, truth))
    drawn = compute_samples(lines, step=_STEP_M)
    errors = compute_distances(drawn.xy, true_lines)
    seen = compute_samples(true_lines, step=_STEP_M).xy
    seen = seen[_is_seen(_to_pixels(seen, grid), valid)]
    sigma = mapped["uncertainty_mean_m"].to_numpy(np.float64)[drawn.line]
    return Accuracy(
        pixels=pixels,
        mapped_to_true=DistanceStats.from_distances(errors),
        true_to_mapped=DistanceStats.from_distances(compute_distances(seen, lines)),
        within_1_sigma=compute_ratio(int((errors <= sigma).sum()), len(errors)),
        within_2_sigma=compute_ratio(int((errors <= 2 * sigma).sum()), len(errors)),
        loose_ends=_count_loose_ends(mapped, grid, valid),
        lines=len(mapped),
        mapped_length_m=float(mapped["length_m"].sum()),
    )


def _read_classes(path: Path) -> tuple[NDArray[np.uint8], Grid]:
    try:
        with rasterio.open(path) as raster:
            grid = Grid(crs=raster.crs, transform=raster.transform, width=raster.width, height=raster.height)
            return raster.read(1), grid
    except RasterioError as error:
        raise RasterReadError(f"{path} cannot be read ({error}). Map the scene first.") from error


def _compare_pixels(classes: NDArray[np.uint8], grid: Grid, path: Path) -> PixelStats:
    counts = np.zeros(4, dtype=np.int64)
    for row, known, wet in _read_truth(path, grid):
        part = classes[row : row + len(known)]
        counted = known & ((part == LAND) | (part == WATER))
        counts += np.bincount(2 * (part == WATER)[counted] + wet[counted], minlength=4)
    dry_dry, dry_wet, wet_dry, wet_wet = counts.tolist()
    return PixelStats(true_positive=wet_wet, false_positive=wet_dry, false_negative=dry_wet, true_negative=dry_dry)


def _read_truth(path: Path, grid: Grid) -> Iterator[tuple[int, Bools, Bools]]:
    """Rows of the truth on the map's grid: the first row's number, where it is known, and where it is water."""
    try:
        with rasterio.open(path) as raster:
            col_off, row_off = (round(value) for value in ~raster.transform @ (grid.bounds.left, grid.bounds.top))
            inside = 0 <= col_off <= raster.width - grid.width and 0 <= row_off <= raster.height - grid.height
            aligned = np.allclose(raster.transform @ (col_off, row_off), grid.transform @ (0, 0), rtol=0, atol=1e-6)
            if CRS.from_user_input(raster.crs) != grid.crs or not (inside and aligned):
                raise GridError(
                    f"Expected the truth {path} to cover the map's grid {grid.bounds} in {grid.crs}, found "
                    f"{raster.bounds} in {raster.crs}. Compare a map with the truth of its own product."
                )
            tops = set()
            for row in range(0, grid.height, _ROWS):
                rows = min(_ROWS, grid.height - row)
                fraction = raster.read(1, window=RasterWindow(col_off, row_off + row, grid.width, rows))
                known = fraction != _FRACTION_NODATA
                tops.add(int(fraction[known].max(initial=0)))
                yield row, known, fraction * _FRACTION_SCALE >= 0.5
            _require_shares(raster, max(tops), path)
    except RasterioError as error:
        raise RasterReadError(f"{path} cannot be read ({error}). Give the folder of a simulated truth.") from error


def _require_shares(raster: rasterio.io.DatasetReader, top: int, path: Path) -> None:
    """Refuse a mask of classes in place of shares: it would count as land from edge to edge."""
    if raster.count != 1 or raster.dtypes[0] != "uint8" or top == 1 or top > round(1 / _FRACTION_SCALE):
        raise RasterReadError(
            "Expected shares of water from 0 to 250 in steps of 0.004, 255 unknown, in one band of uint8, found "
            f"{raster.count} of {raster.dtypes[0]} up to {top} in {path}. Of a mask of 0 and 1, make 0 and 250 first."
        )


def _read_lines(path: Path, layer: str) -> gpd.GeoDataFrame:
    try:
        return gpd.read_file(path, layer=layer)
    except (OSError, ValueError, pyogrio.errors.DataSourceError) as error:
        raise RasterReadError(f"Layer {layer} of {path} cannot be read ({error}).") from error


def _split_lines(frame: gpd.GeoDataFrame, grid: Grid) -> gpd.GeoDataFrame:
    """Lines one by one in the map's CRS, whatever was asked of its vectors."""
    parts = frame.explode(ignore_index=True).to_crs(grid.crs.to_wkt())
    whole = frame.geometry.geom_type.eq("LineString").all()
    return parts if whole else parts.assign(closed=shapely.is_closed(parts.geometry.to_numpy()))


def _to_plane(frame: gpd.GeoDataFrame, grid: Grid) -> NDArray[Any]:
    """Lines in metres: as they are, where the CRS is in metres, else in a plane around the scene."""
    lines = np.asarray(frame.geometry.to_numpy())
    change = _plane_transformer(grid)
    return lines if change is None else shapely.transform(lines, lambda xy: np.stack(change.transform(*xy.T), axis=1))


def _plane_transformer(grid: Grid) -> pyproj.Transformer | None:
    ground = Ground(grid)
    if ground.crs.is_projected and all(axis.unit_name == "metre" for axis in ground.crs.axis_info):
        return None
    return pyproj.Transformer.from_crs(ground.crs, ground.plane, always_xy=True)


def _to_pixels(points: Floats, grid: Grid) -> Floats:
    """Pixel coordinates of points in the plane of :func:`_to_plane`."""
    change = _plane_transformer(grid)
    if change is not None:
        points = np.stack(change.transform(points[:, 0], points[:, 1], direction="INVERSE"), axis=1)
    t = grid.transform
    pixels: Floats = (points - (t.c, t.f)) / (t.a, t.e)
    return pixels


def _is_seen(pixels: Floats, valid: Bools) -> Bools:
    """Points whose pixel and its eight neighbours, as far as they are in the scene, are all valid."""
    hidden = binary_dilation(~valid, structure=np.ones((3, 3), dtype=bool))
    col, row = np.floor(pixels).astype(np.int64).T
    height, width = valid.shape
    inside = (row >= 0) & (row < height) & (col >= 0) & (col < width)
    inside[inside] = ~hidden[row[inside], col[inside]]
    return np.asarray(inside)


def _count_loose_ends(mapped: gpd.GeoDataFrame, grid: Grid, valid: Bools) -> int:
    """Open lines an end of which lies neither on the scene's edge nor within a pixel of one that is not valid."""
    lines = mapped.geometry.to_numpy()[~mapped["closed"].to_numpy(bool)]
    if len(lines) == 0:
        return 0
    ends = np.stack([shapely.get_coordinates(shapely.get_point(lines, place)) for place in (0, -1)], axis=1)
    t = grid.transform
    pixels = (ends - (t.c, t.f)) / (t.a, t.e)  # (lines, end, xy)
    size = np.array([grid.width, grid.height])
    on_edge = ((np.abs(pixels) < 1e-5) | (np.abs(pixels - size) < 1e-5)).any(axis=2)
    near_gap = np.zeros(on_edge.shape, dtype=bool)
    for step in np.ndindex(3, 3):
        near = np.clip(np.floor(pixels + np.array(step) - 1), 0, size - 1).astype(np.int64)
        near_gap |= ~valid[near[..., 1], near[..., 0]]
    return int((~(on_edge | near_gap)).any(axis=1).sum())
