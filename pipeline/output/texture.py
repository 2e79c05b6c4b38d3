"""Write how bright the ground is in the chips of a grid, by which other dates of the same ground are registered.

``texture.tif`` has the grid of the map, and data in the chips alone: where there is none, nothing is stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from pipeline.errors import output_errors
from pipeline.output.rasters import make_profile
from tiles.chips import list_chips
from tiles.grid import Grid, Window

__all__ = ["TEXTURE_BANDS", "TEXTURE_NAME", "TEXTURE_NODATA", "TEXTURE_SCALE", "Texture"]

TEXTURE_NAME: Final = "texture.tif"

TEXTURE_BANDS: Final = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
"""The bands of 10 and 20 m, whose mean it is: each lies up to 0.2 pixels beside the others, their mean hardly."""

TEXTURE_SCALE: Final = 0.0025
"""Reflectance of one step; from 0.635 on a pixel is as bright as can be told."""

TEXTURE_NODATA: Final = 255

_BLOCK = 256


class Texture:
    """Gathers the chips of a scene while its tiles pass by.

    Args:
        grid: Of the map.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._chips = {chip: np.full(chip.shape, TEXTURE_NODATA, dtype=np.uint8) for chip in list_chips(grid)}

    def add(self, row: int, col: int, reflectance: NDArray[np.floating[Any]], valid: NDArray[np.bool_]) -> None:
        """Add pixels of chips.

        Args:
            row: First row on the grid.
            col: First column.
            reflectance: (row, col), 0 to 1.
            valid: (row, col), True where there is data.
        """
        window = Window(col, row, valid.shape[1], valid.shape[0])
        steps = np.clip(np.round(reflectance / TEXTURE_SCALE), 0, TEXTURE_NODATA - 1).astype(np.uint8)
        for chip in list_chips(self._grid, near=window):
            part = chip.intersection(window)
            if part is not None:
                inside = part.slices(within=window)
                self._chips[chip][part.slices(within=chip)] = np.where(valid[inside], steps[inside], TEXTURE_NODATA)

    def write(self, path: Path) -> None:
        """Write all chips that hold data.

        Args:
            path: The file.

        Raises:
            OutputError: It cannot be written.
        """
        profile = make_profile(self._grid, dtype="uint8", nodata=TEXTURE_NODATA, block=_BLOCK)
        options = {"count": 1, "compress": "deflate", "zlevel": 5, "predictor": 2, "sparse_ok": True}
        environment = rasterio.Env(GDAL_PAM_ENABLED="NO")
        with output_errors(path, RasterioError), environment, rasterio.open(path, "w", **profile, **options) as dataset:
            dataset.scales = (TEXTURE_SCALE,)
            dataset.set_band_description(1, "mean reflectance of the bands of 10 and 20 m")
            for window, values in self._list_blocks():
                dataset.write(values, 1, window=window.to_rasterio())

    def _list_blocks(self) -> Iterator[tuple[Window, NDArray[np.uint8]]]:
        """The blocks of the file in which there is data, each whole: what is compressed cannot be written twice."""
        for row in range(0, self._grid.height, _BLOCK):
            height = min(_BLOCK, self._grid.height - row)
            strip = Window(0, row, self._grid.width, height)
            values = np.full(strip.shape, TEXTURE_NODATA, dtype=np.uint8)
            for chip in list_chips(self._grid, near=strip):
                part = chip.intersection(strip)
                if part is not None:
                    values[part.slices(within=strip)] = self._chips[chip][part.slices(within=chip)]
            for col in range(0, strip.width, _BLOCK):
                kept = values[:, col : col + _BLOCK]
                if (kept != TEXTURE_NODATA).any():
                    yield Window(col, strip.row_off, kept.shape[1], height), kept
