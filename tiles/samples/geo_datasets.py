"""A labelled scene as an intersection of torchgeo's datasets, and torchgeo's samplers on it.

This file alone in this room may import torch and torchgeo (``tests/test_rooms.py``), and only who trains imports it.

Each scene is a dataset of its own, in its own CRS and on its own pixels: neither images nor masks are ever resampled,
scenes of several CRSs go side by side, and two dates of one place do not show through each other. What torchgeo does
otherwise is put right here:

- it warps rasters with pixels that are not square (``_load_warp_file``), and so moves the labels: files are opened as
  they are;
- it interpolates where a window is off by a rounding error, which fills in pixels beside missing ones: the nearest
  pixel is taken;
- the last row and column of an image are never drawn, and an area smaller than a tile not at all (torchgeo issues 431
  and 1630): the region to draw from is one pixel larger, and reaches beyond the image where it must;
- masks are made whole numbers, filled with 0 where they are hidden or end: they are read as they are
  (``mask_raster``);
- of a file of polygons it reads the first layer, projects corners alone, and looks them up by two corners of the query,
  which lie inside a rotated frame: all layers are read, projected once edge by edge, searched by index, and drawn four
  times as fine, so that the shore has a share of water;
- the random sampler uses torch's global generator too: it is put back afterwards.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas
import pyproj
import rasterio
import shapely
import torch
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.features import rasterize
from rasterio.transform import from_bounds
from torchgeo.datasets import DatasetNotFoundError, GeoDataset, IntersectionDataset, RasterDataset
from torchgeo.datasets.utils import GeoSlice
from torchgeo.samplers import GridGeoSampler, RandomGeoSampler

from tiles.errors import SampleError
from tiles.grid import Grid, Window
from tiles.masks import read_declared_validity
from tiles.samples.folder_layout import FolderScene
from tiles.samples.mask_raster import read_mask_share
from tiles.vector_edges import project_shapes
from tiles.vector_file import read_water_layers

__all__ = ["draw_window", "list_windows", "read_labelled"]

_FINER = 4
"""Polygons are drawn this many times as fine, each way."""

_MARGIN_PX = 16_384
"""How far beyond the image a tile may reach."""

_UNKNOWN = -1.0


class _Image(RasterDataset):
    """One image, on its own pixels, its bands as they are wanted."""

    def __init__(self, folder_scene: FolderScene) -> None:
        super().__init__([folder_scene.image], crs=folder_scene.grid.crs, res=folder_scene.grid.resolution)
        self.band_indexes = [band.index for band in folder_scene.scene.bands]
        _set_ground(self, shapely.box(*folder_scene.grid.bounds))

    @property
    def resampling(self) -> Resampling:
        """Nearest: to interpolate where a window is off by a rounding error would fill in missing pixels."""
        return Resampling.nearest

    def _load_warp_file(self, filepath: str | os.PathLike[str]) -> rasterio.DatasetReader:
        return rasterio.open(filepath)


class _Mask(RasterDataset):
    """One mask, on its own pixels, which are the image's."""

    is_image = False

    def __init__(self, folder_scene: FolderScene) -> None:
        super().__init__([str(folder_scene.mask)], crs=folder_scene.grid.crs, res=folder_scene.grid.resolution)
        self.dataset = rasterio.open(folder_scene.mask)
        self.grid, self.values = folder_scene.grid, folder_scene.values
        _set_ground(self, shapely.box(*self.dataset.bounds))

    def __getitem__(self, query: GeoSlice) -> dict[str, Any]:
        where = self._disambiguate_slice(query)
        share = read_mask_share(self.dataset, self.grid, _compute_window(self.grid, where), self.values)
        return {"crs": self.crs, "bounds": query, "mask": torch.from_numpy(share)}


class _Water(GeoDataset):
    """Polygons of water as shares of a pixel; what is not in the area is unknown."""

    def __init__(self, folder_scene: FolderScene) -> None:
        grid, area = folder_scene.grid, folder_scene.area
        self.paths = list(folder_scene.polygons)
        self.water = _read_polygons(folder_scene.polygons, grid, noun="labels")
        self.area = _read_polygons((area,), grid, noun="area of the labels") if area else None
        always = pandas.IntervalIndex.from_tuples(
            [(pandas.Timestamp.min, pandas.Timestamp.max)], closed="both", name="datetime"
        )
        self._res = grid.resolution
        self.index = geopandas.GeoDataFrame(geometry=[shapely.box(*grid.bounds)], index=always, crs=grid.crs)

    def __getitem__(self, query: GeoSlice) -> dict[str, Any]:
        where = self._disambiguate_slice(query)
        share = _draw_polygons(self.water, where)
        if self.area is not None:
            share[_draw_polygons(self.area, where) < 1] = _UNKNOWN
        return {"crs": self.crs, "bounds": query, "mask": torch.from_numpy(share)}


def _set_ground(dataset: GeoDataset, ground: shapely.Polygon) -> None:
    dataset.index = dataset.index.set_geometry([ground], crs=dataset.index.crs)


def _read_polygons(paths: tuple[Path, ...], grid: Grid, *, noun: str) -> geopandas.GeoSeries:
    """What of polygons lies near an image, in its CRS. A file without a feature says that there is none."""
    crs, tolerance = pyproj.CRS.from_user_input(grid.crs), min(grid.resolution) / _FINER**2
    parts = [
        project_shapes(layer.shapes, layer.crs, crs, tolerance=tolerance, bounds=tuple(grid.bounds))
        for path in paths
        for layer in read_water_layers(path, noun=noun, error_type=SampleError, required=False)
        if len(layer.frame)
    ]
    return geopandas.GeoSeries(np.concatenate(parts) if parts else [], crs=grid.crs)


def _draw_polygons(shapes: geopandas.GeoSeries, query: tuple[slice, ...]) -> NDArray[np.float32]:
    """Share of each pixel that polygons cover, (row, col)."""
    x, y, *_ = query
    height, width = _compute_shape(query)
    near = shapes.iloc[shapes.sindex.query(shapely.box(x.start, y.start, x.stop, y.stop))]
    if near.empty:
        return np.zeros((height, width), dtype=np.float32)
    fine = (height * _FINER, width * _FINER)
    transform = from_bounds(x.start, y.start, x.stop, y.stop, fine[1], fine[0])
    drawn = rasterize(near.geometry, out_shape=fine, transform=transform, dtype="uint8")
    # (row * finer, col * finer) to (row, col)
    shares: NDArray[np.float32] = drawn.reshape(height, _FINER, width, _FINER).mean(axis=(1, 3), dtype=np.float32)
    return shares


def _compute_inside(ground: shapely.Polygon, query: tuple[slice, ...]) -> NDArray[np.bool_]:
    """Which pixels of a query have their centre within a box: bool (row, col)."""
    x, y, *_ = query
    height, width = _compute_shape(query)
    left, bottom, right, top = ground.bounds
    cols = x.start + (np.arange(width) + 0.5) * x.step
    rows = y.stop - (np.arange(height) + 0.5) * y.step
    inside: NDArray[np.bool_] = ((rows > bottom) & (rows < top))[:, None] & ((cols > left) & (cols < right))
    return inside


def _compute_shape(query: tuple[slice, ...]) -> tuple[int, int]:
    x, y, *_ = query
    return round((y.stop - y.start) / y.step), round((x.stop - x.start) / x.step)


def _compute_window(grid: Grid, query: tuple[slice, ...]) -> Window:
    """A query in pixels of a grid on which it lies."""
    x, y, *_ = query
    height, width = _compute_shape(query)
    col, row = ~grid.transform @ (x.start, y.stop)
    return Window(round(col), round(row), width, height)


def _open_dataset(folder_scene: FolderScene) -> IntersectionDataset:
    return _open_in_process(folder_scene, os.getpid())  # a file that is open must not be used by two processes


@lru_cache(maxsize=64)
def _open_in_process(folder_scene: FolderScene, _process: int) -> IntersectionDataset:
    labels = _Mask(folder_scene) if folder_scene.mask else _Water(folder_scene)
    dataset = IntersectionDataset(_Image(folder_scene), labels)
    left, bottom, right, top = folder_scene.grid.bounds
    x, y = (size * _MARGIN_PX for size in folder_scene.grid.resolution)
    _set_ground(dataset, shapely.box(left - x, bottom - y, right + x, top + y))
    return dataset


def read_labelled(folder_scene: FolderScene, window: Window) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Read a window of a scene with its labels.

    Args:
        folder_scene: The scene.
        window: In pixels of the image; may reach beyond it.

    Returns:
        DN as stored, float32 (band, row, col) in the order of ``folder_scene.scene.bands``, NaN beyond the image; and
        the share of water, float32 (row, col), -1 where it is not known.

    Raises:
        SampleError: A file cannot be read.
    """
    bounds, (x, y) = folder_scene.grid.crop(window).bounds, folder_scene.grid.resolution
    query = (slice(bounds.left, bounds.right, x), slice(bounds.bottom, bounds.top, y))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sample = _open_dataset(folder_scene)[query]
    except (DatasetNotFoundError, rasterio.errors.RasterioError, IndexError) as error:
        raise SampleError(
            f"Cannot read {window} of {folder_scene.image} or its labels ({error}). Fetch the files again."
        ) from error
    dn: NDArray[np.float32] = sample["image"].numpy().astype(np.float32)
    share: NDArray[np.float32] = sample["mask"].numpy().astype(np.float32)
    dn[:, ~_compute_inside(shapely.box(*folder_scene.grid.bounds), query)] = np.nan
    _drop_undeclared(dn, folder_scene, window)
    return dn, share


def _drop_undeclared(dn: NDArray[np.float32], folder_scene: FolderScene, window: Window) -> None:
    """Make NaN of what the image itself declares invalid, by its mask or its alpha band."""
    inside = window.intersection(folder_scene.grid.window)
    if inside is None or not any(band.masks for band in folder_scene.scene.bands):
        return
    with rasterio.open(folder_scene.image) as dataset:
        for values, band in zip(dn, folder_scene.scene.bands, strict=True):
            if band.masks:
                part = values[inside.slices(within=window)]
                valid = read_declared_validity(dataset, band.index, band.masks, window=inside.to_rasterio())
                part[~valid] = np.nan


def draw_window(folder_scene: FolderScene, rng: np.random.Generator, *, inside: Window, size: int) -> Window:
    """Draw a square with torchgeo's random sampler.

    Args:
        folder_scene: The scene.
        rng: Source of chance.
        inside: Pixels that the square shall hold, or where the square is smaller, that shall hold the square.
        size: Rows and columns.

    Returns:
        The square, in pixels of the image. It reaches beyond the image only where that is smaller.
    """
    rows = _compute_offset_range(inside.row_off, inside.row_stop, folder_scene.grid.height, size)
    cols = _compute_offset_range(inside.col_off, inside.col_stop, folder_scene.grid.width, size)
    # One pixel more than the squares need: the sampler rounds down, and so would never draw the last place.
    reach = Window(cols[0], rows[0], cols[1] - cols[0] + size + 1, rows[1] - rows[0] + size + 1)
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    with torch.random.fork_rng(devices=[]):
        region = shapely.box(*folder_scene.grid.crop(reach).bounds)
        sampler = RandomGeoSampler(_open_dataset(folder_scene), size, length=1, roi=region, generator=generator)
        x, y, _ = next(iter(sampler))
    width, height = folder_scene.grid.resolution
    col_off = round((x.start - folder_scene.grid.bounds.left) / width)
    row_stop = round((folder_scene.grid.bounds.top - y.start) / height)
    return Window(int(np.clip(col_off, *cols)), int(np.clip(row_stop - size, *rows)), size, size)


def _compute_offset_range(start: int, stop: int, length: int, size: int) -> tuple[int, int]:
    """First and last place of a window along an axis, so that it holds ``start`` to ``stop``."""
    if length < size:
        return length - size, 0
    low, high = max(0, stop - size), min(start, length - size)
    return min(low, high), max(low, high)


def list_windows(folder_scene: FolderScene, *, size: int) -> Iterator[Window]:
    """Cover an image with squares, by torchgeo's grid sampler, each pixel once.

    Args:
        folder_scene: The scene.
        size: Rows and columns.

    Yields:
        Squares in pixels of the image; the uppermost and the rightmost may reach beyond it.
    """
    width, height = (-(-length // size) * size for length in (folder_scene.grid.width, folder_scene.grid.height))
    bounds = folder_scene.grid.crop(Window(0, folder_scene.grid.height - height, width, height)).bounds
    x, y = folder_scene.grid.resolution
    # A quarter of a pixel more, lest rounding make the region smaller than one tile, which the sampler skips.
    region = shapely.box(bounds.left, bounds.bottom, bounds.right + x / 4, bounds.top + y / 4)
    for across, up, _ in GridGeoSampler(_open_dataset(folder_scene), size, roi=region):
        col_off = round((across.start - bounds.left) / x)
        row_stop = folder_scene.grid.height - round((up.start - bounds.bottom) / y)
        window = Window(col_off, row_stop - size, size, size)
        if window.intersection(folder_scene.grid.window):
            yield window
