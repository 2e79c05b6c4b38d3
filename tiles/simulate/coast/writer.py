"""Writes the scenes of a simulated coast: a folder of band files a scene, strip by strip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.io import DatasetWriter

from tiles.bands import BANDS, L2A_STACK
from tiles.grid import Grid, Window
from tiles.simulate.coast.tiles import CoastPlane, CoastTile
from tiles.simulate.coast.view import Day, TileView, compute_plane_window, view_fraction, view_tile
from tiles.simulate.product.acquisition import Acquisition
from tiles.simulate.product.pixels import FRACTION_STEPS
from tiles.simulate.world.terrain import Terrain
from tiles.simulate.world.world import World

__all__ = ["SceneFiles", "write_day", "write_fractions", "write_own_day"]

_STRIP_ROWS = 384  # one row of blocks in each file: 384 at 10 m, 192 at 20 m, 64 at 60 m
_DN_OFFSET, _DN_STEPS, _DN_LARGEST = 1000, 10_000, 65_534
_CLASSES = 12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SceneFiles:
    """A scene that was written.

    Attributes:
        tile: Whose crop.
        acquisition: When, and by what name.
        folder: Where the band files are: ``B01.tif`` … ``B12.tif``, ``SCL.tif``.
        classes: Pixels (12,) of each class of the scene classification.
    """

    tile: CoastTile
    acquisition: Acquisition
    folder: Path
    classes: NDArray[np.int64]

    def compute_share(self, *classes: int) -> float:
        """Share of the pixels with data that has one of the classes, in percent; 0 where there is no data."""
        data = int(self.classes[1:].sum())
        return 100 * int(self.classes[list(classes)].sum()) / data if data else 0.0

    @property
    def nodata_percent(self) -> float:
        """Share of the pixels without data."""
        return 100 * int(self.classes[0]) / int(self.classes.sum())


def _plan_strips(tiles: Sequence[CoastTile], plane: CoastPlane) -> list[tuple[int, Window]]:
    """All strips of all tiles from north to south, so that what one strip renders the next ones find in memory."""
    strips = []
    for number, tile in enumerate(tiles):
        for row in range(0, tile.grid.height, _STRIP_ROWS):
            window = Window(0, row, tile.grid.width, min(_STRIP_ROWS, tile.grid.height - row))
            strips.append((compute_plane_window(tile.grid.crop(window), plane).row_off, number, window))
    return [(number, window) for _, number, window in sorted(strips, key=lambda strip: strip[:2])]


def write_day(
    day: Day,
    tiles: Sequence[CoastTile],
    plane: CoastPlane,
    *,
    acquisitions: Sequence[Acquisition],
    folders: Sequence[Path],
) -> list[SceneFiles]:
    """Write one day as all tiles see it.

    Args:
        day: The overpass.
        tiles: The crops.
        plane: Where the world lies.
        acquisitions: One a tile.
        folders: One a tile; made here.
    """
    counts = np.zeros((len(tiles), _CLASSES), dtype=np.int64)
    with ExitStack() as stack:
        files = []
        for tile, folder in zip(tiles, folders, strict=True):
            folder.mkdir(parents=True)
            names = (*L2A_STACK, "SCL")
            files.append({name: stack.enter_context(_open_layer(folder, tile.grid, name)) for name in names})
        for number, window in _plan_strips(tiles, plane):
            view = view_tile(day, tiles[number], plane, window)
            _write_strip(files[number], view, window, offset=_DN_OFFSET if acquisitions[number].has_offset else 0)
            counts[number] += np.bincount(view.classification.ravel(), minlength=_CLASSES)
    return [
        SceneFiles(tile=tile, acquisition=acquisition, folder=folder, classes=classes)
        for tile, acquisition, folder, classes in zip(tiles, acquisitions, folders, counts, strict=True)
    ]


def write_own_day(
    world: World, tile: CoastTile, *, acquisition: Acquisition, folder: Path, fraction_file: Path
) -> SceneFiles:
    """Write one day of a world whose pixels are the tile's own: as rendered, without resampling.

    Args:
        world: The overpass; its pixel (0, 0) is the upper left one of the crop.
        tile: The crop.
        acquisition: When, and by what name.
        folder: For the band files; made here.
        fraction_file: The true share of water of each 10 m pixel, 250 for all water.
    """
    classes = np.zeros(_CLASSES, dtype=np.int64)
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        files = {name: stack.enter_context(_open_layer(folder, tile.grid, name)) for name in (*L2A_STACK, "SCL")}
        truth = stack.enter_context(_open_raster(fraction_file, tile.grid, step=1, dtype="uint8", nodata=None))
        truth.scales = (1 / FRACTION_STEPS,)
        for row in range(0, tile.grid.height, _STRIP_ROWS):
            window = Window(0, row, tile.grid.width, min(_STRIP_ROWS, tile.grid.height - row))
            seen = world.render(window)
            valid = {step * 10: np.ones((window.height // step, window.width // step), np.bool_) for step in (1, 2, 6)}
            view = TileView(reflectance=seen.reflectance, classification=seen.classification, valid=valid)
            _write_strip(files, view, window, offset=_DN_OFFSET if acquisition.has_offset else 0)
            fraction = np.round(seen.water_fraction * FRACTION_STEPS).astype(np.uint8)
            truth.write(fraction, 1, window=window.to_rasterio())
            classes += np.bincount(view.classification.ravel(), minlength=_CLASSES)
    return SceneFiles(tile=tile, acquisition=acquisition, folder=folder, classes=classes)


def write_fractions(terrain: Terrain, tiles: Sequence[CoastTile], plane: CoastPlane, folder: Path) -> None:
    """Write the true share of water of each tile's 10 m pixels as ``<tile>_water_fraction.tif``, 250 for all water."""
    for tile in tiles:
        with _open_raster(
            folder / f"{tile.name}_water_fraction.tif", tile.grid, step=1, dtype="uint8", nodata=None
        ) as file:
            file.scales = (1 / FRACTION_STEPS,)
            for _, window in _plan_strips([tile], plane):
                fraction = view_fraction(terrain, tile, plane, window)
                file.write(np.round(fraction * FRACTION_STEPS).astype(np.uint8), 1, window=window.to_rasterio())


def _open_raster(path: Path, grid: Grid, *, step: int, dtype: str, nodata: int | None) -> DatasetWriter:
    return rasterio.open(
        path,
        "w",
        driver="GTiff",
        dtype=dtype,
        count=1,
        crs=grid.crs,
        transform=grid.transform @ Affine.scale(step),
        width=grid.width // step,
        height=grid.height // step,
        nodata=nodata,
        compress="deflate",
        predictor=2,
        tiled=True,
        blockxsize=_STRIP_ROWS // step,
        blockysize=_STRIP_ROWS // step,
    )


def _open_layer(folder: Path, grid: Grid, name: str) -> DatasetWriter:
    dtype = "uint8" if name == "SCL" else "uint16"
    return _open_raster(folder / f"{name}.tif", grid, step=_get_step(name), dtype=dtype, nodata=0)


def _get_step(name: str) -> int:
    """How many 10 m pixels a native pixel of a layer is wide."""
    return 2 if name == "SCL" else BANDS[name].resolution_m // 10


def _write_strip(files: Mapping[str, DatasetWriter], view: TileView, window: Window, *, offset: int) -> None:
    for name, file in files.items():
        step = _get_step(name)
        place = Window(0, window.row_off // step, window.width // step, window.height // step)
        file.write(_compute_dn(view, name, offset), 1, window=place.to_rasterio())


def _compute_dn(view: TileView, name: str, offset: int) -> NDArray[Any]:
    if name == "SCL":
        return view.classification
    dn = np.clip(np.round(view.reflectance[name] * _DN_STEPS) + offset, 1, _DN_LARGEST)
    return np.where(view.valid[_get_step(name) * 10], dn, 0).astype(np.uint16)
