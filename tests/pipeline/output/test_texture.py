"""The chips of a scene: as they were given, whatever the tiles; elsewhere nothing, and nothing stored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS

from pipeline.errors import OutputError
from pipeline.output.texture import TEXTURE_NODATA, TEXTURE_SCALE, Texture
from tiles.chips import list_chips
from tiles.grid import Grid, Window


def make_grid(width: int, height: int) -> Grid:
    return Grid(
        crs=CRS.from_epsg(32630), transform=Affine(10, 0, 399_960, 0, -10, 5_600_040), width=width, height=height
    )


def gather(grid: Grid, reflectance: np.ndarray, *, side: int) -> Texture:
    """Give a texture the parts of chips that lie in tiles of some size, as mapping does."""
    texture = Texture(grid)
    for row in range(0, grid.height, side):
        for col in range(0, grid.width, side):
            tile = Window(col, row, side, side)
            for part in (part for chip in list_chips(grid) if (part := chip.intersection(tile))):
                values = reflectance[part.slices()]
                texture.add(part.row_off, part.col_off, np.nan_to_num(values), np.isfinite(values))
    return texture


@settings(max_examples=15, deadline=None)
@given(side=st.integers(40, 400), width=st.integers(1, 300), height=st.integers(1, 300))
def test_chips_are_kept_as_they_were_whatever_the_tiles(
    side: int, width: int, height: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    grid, folder = make_grid(width, height), tmp_path_factory.mktemp("texture")
    reflectance = np.random.default_rng(width).uniform(0, 0.7, grid.shape).astype(np.float32)
    reflectance[reflectance < 0.05] = np.nan
    gather(grid, reflectance, side=side).write(folder / "texture.tif")
    with rasterio.open(folder / "texture.tif") as dataset:
        values = dataset.read(1)
        assert dataset.scales == (TEXTURE_SCALE,)
    known = np.isfinite(reflectance)
    assert ((values == TEXTURE_NODATA) == ~known).all()
    assert np.abs(values[known] * TEXTURE_SCALE - reflectance[known].clip(0, 254 * TEXTURE_SCALE)).max() <= 0.00126


def test_a_large_scene_stores_its_chips_alone(tmp_path: Path) -> None:
    grid = make_grid(6_000, 5_000)
    texture = Texture(grid)
    rng = np.random.default_rng(1)
    chips = list_chips(grid)
    for chip in chips:
        texture.add(chip.row_off, chip.col_off, rng.uniform(0, 0.5, chip.shape), np.ones(chip.shape, bool))
    texture.write(tmp_path / "texture.tif")
    pixels = sum(chip.width * chip.height for chip in chips)
    assert pixels * 3 < grid.width * grid.height
    assert (tmp_path / "texture.tif").stat().st_size < 1.1 * pixels
    with rasterio.open(tmp_path / "texture.tif") as dataset:
        assert (dataset.read(1) != TEXTURE_NODATA).sum() == pixels


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"no.texture\.tif"):
        Texture(make_grid(80, 80)).write(tmp_path / "no" / "texture.tif")
