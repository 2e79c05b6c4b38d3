"""Dates of a coast whose ground has a face, drawn at any place to a fraction of a pixel without interpolation."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.crs import CRS

from pipeline.output.texture import Texture
from pipeline.register.chips import DatedImage
from tiles.chips import list_chips
from tiles.grid import Grid

__all__ = ["Date", "make_grid", "write_image"]

LEFT, TOP = 399_960.0, 5_600_040.0
_WAVES = 150


@dataclass(frozen=True, slots=True, kw_only=True)
class Date:
    """One date.

    Attributes:
        east_m: How far its image lies off.
        north_m: Likewise.
        shore_m: Metres of water from the left edge, as the ground has it; the beach is 40 m of bright sand.
        light: What reflectance is multiplied by.
        noise: Standard deviation of what a pixel adds.
        face: Decides the ground.
    """

    east_m: float = 0.0
    north_m: float = 0.0
    shore_m: float = 1_000.0
    light: float = 1.0
    noise: float = 0.003
    face: int = 0


def make_grid(size: int = 450, *, col: int = 0, row: int = 0, epsg: int = 32630, pixel_m: float = 10.0) -> Grid:
    """A grid of the coast, which may begin elsewhere."""
    left, top = LEFT + 10 * col, TOP - 10 * row
    if epsg != 32630:
        left, top = Transformer.from_crs("EPSG:32630", f"EPSG:{epsg}", always_xy=True).transform(left, top)
    return Grid(
        crs=CRS.from_epsg(epsg),
        transform=Affine(pixel_m, 0, round(left, -1), 0, -pixel_m, round(top, -1)),
        width=size,
        height=size,
    )


def write_image(folder: Path, date: Date, grid: Grid | None = None) -> DatedImage:
    """Write ``texture.tif`` of a date as mapping would, and ``water.tif`` where there is none."""
    grid = grid or make_grid()
    folder.mkdir(parents=True, exist_ok=True)
    rows, cols = np.mgrid[: grid.height, : grid.width] + 0.5
    x, y = grid.transform @ (cols.ravel(), rows.ravel())
    if grid.crs.to_epsg() != 32630:
        x, y = Transformer.from_crs(grid.crs.to_wkt(), "EPSG:32630", always_xy=True).transform(x, y)
    east = (np.asarray(x) - LEFT - date.east_m).reshape(grid.shape)
    south = (TOP - np.asarray(y) + date.north_m).reshape(grid.shape)
    reflectance = date.light * _draw_ground(east, south, date)
    reflectance += np.random.default_rng(int(1e3 * date.light)).normal(0, date.noise, grid.shape)
    texture = Texture(grid)
    for chip in list_chips(grid):
        texture.add(chip.row_off, chip.col_off, reflectance[chip.slices()], np.ones(chip.shape, bool))
    texture.write(folder / "texture.tif")
    if not (folder / "water.tif").exists():
        profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "nodata": 255, "crs": grid.crs}
        size = {"transform": grid.transform, "width": grid.width, "height": grid.height}
        with rasterio.open(folder / "water.tif", "w", **profile, **size) as dataset:
            dataset.write((east < date.shore_m).astype(np.uint8), 1)
    return DatedImage(grid=grid, texture=folder / "texture.tif", water=folder / "water.tif")


def _draw_ground(east: NDArray[np.float64], south: NDArray[np.float64], date: Date) -> NDArray[np.float64]:
    """Waves of 30 m to 600 m in all directions; water is dark, and the beach goes with the shore."""
    rng = np.random.default_rng(date.face)
    length = np.exp(rng.uniform(np.log(30), np.log(600), _WAVES))
    angle, phase = rng.uniform(0, 2 * np.pi, (2, _WAVES))
    face = np.full(east.shape, 0.15)
    for wave, way, start in zip(length, angle, phase, strict=True):
        face += 0.005 * np.cos(2 * np.pi * (east * np.cos(way) + south * np.sin(way)) / wave + start)
    face = np.where(east < date.shore_m + 40, 0.45, face)
    return np.where(east < date.shore_m, 0.03, face)
