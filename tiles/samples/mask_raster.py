"""Masks as files: which ones can be masks of an image, and their values window by window."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import MaskFlags

from tiles.errors import RasterReadError, SampleError
from tiles.grid import Grid, Window
from tiles.products.headers import RasterHeader, open_quietly
from tiles.samples.mask_values import BEYOND, MISSING, UNKNOWN, MaskValues

__all__ = ["count_mask_values", "read_mask_share", "require_mask"]

_ROWS = 512
_ENOUGH = 256
"""Values after which a raster is no mask, and need not be read on."""


def require_mask(header: RasterHeader) -> None:
    """Refuse what cannot be a mask, whatever its values are.

    Args:
        header: Of the file.

    Raises:
        SampleError: It has several bands, or complex numbers.
    """
    if header.count != 1:
        raise SampleError(
            f"Expected a mask of one band (0 land, 1 water, others left out), found {header.count} bands in "
            f"{header.path}. Keep the one that holds the labels: gdal_translate -b 1 IN OUT."
        )
    if header.dtypes[0].startswith("complex"):
        raise SampleError(f"Expected a mask of plain numbers, found {header.dtypes[0]} in {header.path}. Convert it.")


def count_mask_values(path: Path, grid: Grid) -> Counter[float | str]:
    """Count the pixels of each value where a mask lies on its image.

    Args:
        path: The mask.
        grid: Of the image.

    Returns:
        Pixels by value; ``MISSING`` where an internal mask or NaN says that there is none, ``BEYOND`` for pixels of
        the image that the mask does not reach.

    Raises:
        SampleError: It cannot be read.
    """
    counts: Counter[float | str] = Counter()
    try:
        with open_quietly(str(path)) as dataset:
            for row in range(0, grid.height, _ROWS):
                window = Window(0, row, grid.width, min(_ROWS, grid.height - row))
                mask, missing, beyond = _read_window(dataset, grid, window)
                numbers, pixels = np.unique(mask[~missing & ~beyond], return_counts=True)
                counts.update(dict(zip(numbers.tolist(), pixels.tolist(), strict=True)))
                counts.update({MISSING: int(np.count_nonzero(missing)), BEYOND: int(np.count_nonzero(beyond))})
                if len(counts) > _ENOUGH:
                    break
    except RasterReadError as error:
        raise SampleError(f"A mask cannot be read. {error}") from error
    return +counts  # without those that are 0


def read_mask_share(
    dataset: rasterio.io.DatasetReader, grid: Grid, window: Window, values: MaskValues
) -> NDArray[np.float32]:
    """The share of water in the pixels of a window, float32 (row, col): 0, 1, or ``UNKNOWN``.

    Args:
        dataset: The mask, open.
        grid: Of its image.
        window: In pixels of the image; may reach beyond it, and beyond the mask.
        values: What its values mean.
    """
    mask, missing, beyond = _read_window(dataset, grid, window)
    share = values.compute_share(mask, missing, dataset.nodata)
    share[beyond] = UNKNOWN
    return share


def _read_window(
    dataset: rasterio.io.DatasetReader, grid: Grid, window: Window
) -> tuple[NDArray[Any], NDArray[np.bool_], NDArray[np.bool_]]:
    """Values, where there is none, and where the mask does not reach, (row, col) each."""
    mask = np.zeros(window.shape, dtype=dataset.dtypes[0])
    missing, beyond = np.zeros(window.shape, dtype=bool), np.ones(window.shape, dtype=bool)
    # The mask lies on pixels of the image, so its corner is a whole number of them away.
    col, row = (round(value) for value in ~grid.transform @ (dataset.bounds.left, dataset.bounds.top))
    common = window.intersection(Window(col, row, dataset.width, dataset.height))
    if common is not None:
        inner = common.slices(within=window)
        own = Window(common.col_off - col, common.row_off - row, common.width, common.height).to_rasterio()
        mask[inner] = dataset.read(1, window=own)
        beyond[inner] = False
        missing[inner] = ~np.isfinite(mask[inner]) | _read_gaps(dataset, own)
    return mask, missing, beyond


def _read_gaps(dataset: rasterio.io.DatasetReader, window: rasterio.windows.Window) -> NDArray[np.bool_] | bool:
    """Where an internal mask hides pixels; what a nodata tag hides is for the values to decide."""
    if MaskFlags.per_dataset not in dataset.mask_flag_enums[0]:
        return False
    return np.asarray(dataset.read_masks(1, window=window) == 0)
