"""The truth of a simulated coast: its exact shoreline, and on how many days each place was seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import rasterio
import shapely
from affine import Affine
from numpy.typing import NDArray

from tiles.grid import Window
from tiles.simulate.coast.days import compute_clear
from tiles.simulate.coast.tiles import PIXEL_M, CoastPlane, CoastTile, get_transformer
from tiles.simulate.coast.view import Day
from tiles.simulate.world.landscape import compute_shoreline
from tiles.simulate.world.world import World

__all__ = ["compute_truth_window", "write_clear", "write_true_shoreline"]

_SNAP_PX = 12
_CLEAR_M = 20
_BLOCK_ROWS = 512
_LONGEST_M = 500.0  # a straight line of the plane this long bends by 4 mm in a UTM zone, and by as much in degrees


def compute_truth_window(plane: CoastPlane, tiles: Sequence[CoastTile]) -> Window:
    """The window of the plane, in whole cells of its terrain, that covers the area and all tiles' crops."""
    cols, rows = [0.0, plane.grid.width], [0.0, plane.grid.height]
    for tile in tiles:
        across, down = _compute_corners(plane, tile)
        cols += across.tolist()
        rows += down.tolist()
    left, top = (int(np.floor(min(values) / _SNAP_PX)) * _SNAP_PX for values in (cols, rows))
    right, bottom = (int(np.ceil(max(values) / _SNAP_PX)) * _SNAP_PX for values in (cols, rows))
    return Window(left, top, right - left, bottom - top)


def _compute_corners(plane: CoastPlane, tile: CoastTile) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    outline = tile.compute_outline()
    to_plane = get_transformer(tile.square.crs, plane.wkt)
    return plane.to_pixels(*to_plane.transform(outline[:, 0], outline[:, 1]))


def write_true_shoreline(path: Path, world: World, plane: CoastPlane, window: Window) -> int:
    """Write the exact shoreline, land on the left of travel, as layers of a GeoPackage.

    ``shoreline`` is in the plane's CRS, ``shoreline_lonlat`` the same lines in EPSG:4326.

    Args:
        path: The ``.gpkg`` file.
        world: The coast.
        plane: Where it lies.
        window: In pixels of the plane; lines are cut at its edge.

    Returns:
        How many lines were written.
    """
    lines = [plane.to_metres(line) for line in compute_shoreline(world, window) if len(line) > 1]
    geometry = shapely.segmentize(np.array([shapely.LineString(line) for line in lines], dtype=object), _LONGEST_M)
    length = shapely.length(geometry)
    order = np.argsort(-length, kind="stable")
    geometry, length = geometry[order], length[order]
    to_degrees = get_transformer(plane.wkt, "EPSG:4326")
    degrees = shapely.transform(geometry, lambda xy: np.column_stack(to_degrees.transform(xy[:, 0], xy[:, 1])))
    layers = (("shoreline", geometry, plane.wkt), ("shoreline_lonlat", degrees, "EPSG:4326"))
    for layer, lines_of_layer, crs in layers:
        pyogrio.raw.write(
            path,
            geometry=shapely.to_wkb(lines_of_layer),
            field_data=[shapely.is_closed(geometry), length],
            fields=["closed", "length_m"],
            layer=layer,
            driver="GPKG",
            geometry_type="LineString",
            crs=crs,
            append=path.exists(),
        )
    return len(geometry)


def write_clear(path: Path, days: Sequence[Day], tiles: Sequence[CoastTile], plane: CoastPlane, window: Window) -> None:
    """Write on how many days each place is seen clearly, and by how many tiles it is covered.

    Band 1 ``clear_dates``: days without cloud, shadow or cirrus, inside the swath and at least one tile's crop.
    Band 2 ``tiles``: tiles whose crop holds the place.

    Args:
        path: The GeoTIFF, 20 m pixels of the plane.
        days: All overpasses.
        tiles: All crops.
        plane: Where the world lies.
        window: In 10 m pixels of the plane, even.
    """
    grid = plane.grid.crop(window)
    step = _CLEAR_M // PIXEL_M
    profile: dict[str, Any] = {
        "driver": "GTiff", "dtype": "uint8", "count": 2, "crs": grid.crs, "compress": "deflate",
        "transform": grid.transform @ Affine.scale(step), "width": grid.width // step, "height": grid.height // step,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.descriptions = ("clear_dates", "tiles")
        cols = np.arange(window.col_off + step / 2, window.col_stop, step)
        for start in range(0, grid.height // step, _BLOCK_ROWS):
            stop = min(start + _BLOCK_ROWS, grid.height // step)
            rows = np.arange(window.row_off + (start + 0.5) * step, window.row_off + stop * step, step)
            covered = _count_tiles(tiles, plane, rows, cols)
            clear = np.sum([compute_clear(day, rows, cols) for day in days], axis=0) * (covered > 0)
            place = Window(0, start, len(cols), len(rows)).to_rasterio()
            file.write(np.stack([clear, covered]).astype(np.uint8), window=place)


def _count_tiles(
    tiles: Sequence[CoastTile], plane: CoastPlane, rows: NDArray[np.float64], cols: NDArray[np.float64]
) -> NDArray[np.int64]:
    xy = plane.to_metres(np.column_stack([axis.ravel() for axis in np.meshgrid(cols, rows)]))
    count = np.zeros(len(xy), dtype=np.int64)
    for tile in tiles:
        from_plane = get_transformer(plane.wkt, tile.square.crs)
        x, y = from_plane.transform(xy[:, 0], xy[:, 1])
        left, bottom, right, top = tile.grid.bounds
        count += (x >= left) & (x < right) & (y > bottom) & (y <= top)
    return count.reshape(len(rows), len(cols))
