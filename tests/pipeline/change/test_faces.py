"""Land, water and shore of a date that is given as rasters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import shapely

from pipeline.change.faces import Faces, Shore, join_shores, read_raster_faces
from pipeline.change.plane import Box, Plane
from pipeline.change.source import DatedCoast, RasterPart
from tests.pipeline.mapped_folder import make_grid

PLANE = Plane(crs=pyproj.CRS.from_epsg(32630))
LEFT, TOP = 500_000.0, 5_600_000.0
BOX = Box(left=LEFT + 50, bottom=TOP - 150, right=LEFT + 150, top=TOP - 50)


def make_shore(*lines: list[tuple[float, float]], sigma: float = 1.0) -> Shore:
    xy = np.array([point for line in lines for point in line], dtype=float)
    start = np.cumsum([0, *(len(line) for line in lines)])
    return Shore(xy=xy, sigma=np.full(len(xy), sigma), start=start)


def write(folder: Path, values: np.ndarray, *, left: float = LEFT, name: str = "water") -> RasterPart:
    """A raster of 10 m."""
    grid = make_grid(epsg=32630, left=left, top=TOP, width=values.shape[1], height=values.shape[0])
    path = folder / f"{name}.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=grid.width, height=grid.height, count=1, dtype=values.dtype,
        crs=grid.crs, transform=grid.transform,
    ) as out:  # fmt: skip
        out.write(values, 1)
    if values.dtype == np.uint8:
        return RasterPart(grid=grid, probability=None, water=path)
    return RasterPart(grid=grid, probability=path, water=None)


def read(*parts: RasterPart, box: Box = BOX, margin_px: int = 0, rmse: float | None = None) -> Faces | None:
    coast = DatedCoast(path=Path("a"), id="a", files=(), parts=parts, probability_rmse=rmse)
    return read_raster_faces(coast, box, plane=PLANE, margin_px=margin_px, line_sigma_m=7.0)


def split(width: int = 20) -> np.ndarray:
    """Water (1) from the eleventh column on."""
    return np.tile((np.arange(width) >= 10).astype(np.uint8), (20, 1))


def test_segments_do_not_lead_from_one_line_to_the_next() -> None:
    tail, _, head, _ = make_shore([(0, 0), (1, 0), (2, 0)], [(9, 9), (8, 9)]).segments
    assert tail.tolist() == [[0, 0], [1, 0], [9, 9]]
    assert head.tolist() == [[1, 0], [2, 0], [8, 9]]


def test_shores_are_joined_line_after_line() -> None:
    joined = join_shores([make_shore([(0, 0), (1, 0)], [(2, 0), (3, 0)]), make_shore([(4, 0), (5, 0)], sigma=2)])
    assert joined.start.tolist() == [0, 2, 4, 6]
    assert joined.xy[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert joined.sigma.tolist() == [1, 1, 1, 1, 2, 2]


def test_classes_part_the_block_between_two_pixels(tmp_path: Path) -> None:
    faces = read(write(tmp_path, split()))
    assert faces is not None
    assert shapely.bounds(faces.land) == pytest.approx((LEFT + 50, TOP - 150, LEFT + 100, TOP - 50))
    assert faces.water.area == pytest.approx(50 * 100)
    assert faces.shore.sigma == pytest.approx(np.full(len(faces.shore.xy), 7.0))


def test_the_deviation_is_the_error_over_the_slope(tmp_path: Path) -> None:
    ramp = np.tile(np.clip((np.arange(20) - 7.5) / 4, 0, 1), (20, 1)).astype(np.float32)  # 0.25 a pixel
    part = write(tmp_path, ramp)
    steep, flat, none = read(part, rmse=0.05), read(part, rmse=10.0), read(part, rmse=0.0)
    assert steep is not None
    assert flat is not None
    assert none is not None
    assert np.median(steep.shore.sigma) == pytest.approx(0.05 / 0.025, rel=1e-3)
    assert flat.shore.sigma.max() == pytest.approx(100, rel=1e-3)  # ten pixels at most
    assert none.shore.sigma.max() == 0


def test_a_margin_around_cloud_and_nodata_is_not_known(tmp_path: Path) -> None:
    values = split()
    values[:, 5] = 2
    faces = read(write(tmp_path, values), margin_px=2)
    assert faces is not None
    assert shapely.bounds(faces.land)[0] == pytest.approx(LEFT + 85)  # the middle of the first pixel that counts


def test_a_raster_elsewhere_or_without_data_gives_nothing(tmp_path: Path) -> None:
    assert read(write(tmp_path, split(), left=LEFT + 5000)) is None
    assert read(write(tmp_path, np.full((20, 20), 255, np.uint8), name="empty")) is None


def test_where_two_rasters_overlap_the_first_one_counts(tmp_path: Path) -> None:
    first, land = write(tmp_path, split(12)), write(tmp_path, np.zeros((20, 20), np.uint8), name="second")
    faces = read(first, land)
    assert faces is not None
    assert faces.water.area == pytest.approx(15 * 100)  # up to the middle of the first one's last pixel
    assert faces.land.area == pytest.approx(85 * 100)
