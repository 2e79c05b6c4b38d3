"""Masks as files: which can be masks, and what is read and counted where they lie on their image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.crs import CRS

from tests.tiles.products.small_products import write_raster
from tiles.errors import SampleError
from tiles.grid import Grid, Window
from tiles.products.headers import read_header
from tiles.samples import mask_raster
from tiles.samples.mask_raster import count_mask_values, read_mask_share, require_mask
from tiles.samples.mask_values import BEYOND, MISSING, UNKNOWN, MaskValues

GRID = Grid(crs=CRS.from_epsg(32633), transform=Affine(10, 0, 399_960, 0, -10, 5_200_020), width=6, height=5)


def write_mask(
    path: Path,
    values: list[list[float]],
    *,
    shift: tuple[int, int] = (0, 0),
    hidden: tuple[int, int] | None = None,
    dtype: str = "uint8",
    nodata: float | None = None,
) -> Path:
    """A mask whose corner lies some rows and columns from that of the image; one pixel may be hidden."""
    mask = np.array(values, dtype)
    rows, cols = shift
    transform = GRID.transform @ Affine.translation(cols, rows)
    profile: dict[str, Any] = {"driver": "GTiff", "count": 1, "dtype": dtype, "nodata": nodata, "crs": GRID.crs}
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "w", **profile, width=mask.shape[1], height=mask.shape[0], transform=transform) as file,
    ):
        file.write(mask, 1)
        if hidden is not None:
            seen = np.full(mask.shape, 255, np.uint8)
            seen[hidden] = 0
            file.write_mask(seen)
    return path


def test_a_mask_has_one_band_of_plain_numbers(tmp_path: Path) -> None:
    header = read_header(str(write_mask(tmp_path / "a.tif", [[0, 1]])))
    require_mask(header)
    with pytest.raises(SampleError, match="Expected a mask of plain numbers, found complex64"):
        require_mask(replace(header, dtypes=("complex64",)))
    two = read_header(str(write_raster(tmp_path / "b.tif", np.ones((2, 3, 4), np.uint8))))
    with pytest.raises(SampleError, match="found 2 bands in"):
        require_mask(two)


@pytest.mark.parametrize("rows", [512, 2, 3])
def test_values_are_counted_where_the_mask_lies_on_its_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(mask_raster, "_ROWS", rows)
    path = write_mask(tmp_path / "a.tif", [[0, 0, 1], [7, 1, 0], [1, 1, 1], [1, 1, 0]], shift=(2, -1), hidden=(1, 1))
    # two columns and three rows of it lie on the image of 6 x 5
    assert count_mask_values(path, GRID) == {0.0: 2, 1.0: 3, MISSING: 1, BEYOND: 24}


def test_whole_and_absent_ground_is_not_mentioned(tmp_path: Path) -> None:
    path = write_mask(tmp_path / "a.tif", [[1] * 9] * 9, shift=(-2, -1))
    assert count_mask_values(path, GRID) == {1.0: 30}
    away = write_mask(tmp_path / "b.tif", [[1]], shift=(5, 0))
    assert count_mask_values(away, GRID) == {BEYOND: 30}


def test_nan_is_missing_and_nodata_is_a_value(tmp_path: Path) -> None:
    path = write_mask(tmp_path / "a.tif", [[np.nan, 1, -1, np.inf, 0, 0]] * 5, dtype="float32", nodata=-1)
    assert count_mask_values(path, GRID) == {MISSING: 10, 1.0: 5, -1.0: 5, 0.0: 10}


@pytest.mark.parametrize(("most", "counted"), [(256, 30), (14, 18), (13, 12)])
def test_what_has_too_many_values_is_not_read_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, counted: int
) -> None:
    assert (mask_raster._ENOUGH, mask_raster._ROWS) == (256, 512)
    monkeypatch.setattr(mask_raster, "_ROWS", 1)
    monkeypatch.setattr(mask_raster, "_ENOUGH", most)  # the two that stand for nothing are counted with them
    path = write_mask(tmp_path / "a.tif", np.arange(30).reshape(5, 6).tolist())
    assert sum(count_mask_values(path, GRID).values()) == counted


@pytest.mark.parametrize("content", [None, "no raster"])
def test_a_mask_that_cannot_be_read_is_said(tmp_path: Path, content: str | None) -> None:
    if content:
        (tmp_path / "a.tif").write_text(content)
    with pytest.raises(SampleError, match="A mask cannot be read"):
        count_mask_values(tmp_path / "a.tif", GRID)


def test_shares_are_read_window_by_window_beyond_the_image_too(tmp_path: Path) -> None:
    path = write_mask(tmp_path / "a.tif", [[0, 1, 0], [1, 9, 1]], shift=(1, 2), hidden=(1, 2))
    with rasterio.open(path) as dataset:
        share = read_mask_share(dataset, GRID, Window(1, 0, 5, 4), MaskValues())
        away = read_mask_share(dataset, GRID, Window(-9, -9, 2, 2), MaskValues())
    u = float(UNKNOWN)
    assert share.tolist() == [[u] * 5, [u, 0, 1, 0, u], [u, 1, u, u, u], [u] * 5]
    assert (share.dtype, away.tolist()) == (np.float32, [[u, u], [u, u]])
