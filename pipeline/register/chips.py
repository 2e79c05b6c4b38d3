"""Read the same squares of ground on two dates, and what of them is land that stood still."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from scipy.ndimage import binary_dilation

from pipeline.output.classes import NODATA, WATER
from pipeline.output.texture import TEXTURE_NODATA
from tiles.chips import CHIP_PX, list_chips
from tiles.grid import Grid, Window

__all__ = ["ChipPair", "DatedImage", "read_chip_pairs"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

_MARGIN_PX: Final = 6
"""Ground so near to water on either date is no stable land: a beach moves, and so do its bars."""

_CLOUD_PX: Final = 1
"""Nor is ground so near to cloud, which maps have grown already, or to nodata."""

_LEAST_STABLE: Final = 0.35
"""Share of a square that is stable land."""

_MOST: Final = 64
"""More squares are thinned evenly: they tell nothing that so many do not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedImage:
    """What a mapped date keeps of its image.

    Attributes:
        grid: Of both files.
        texture: Brightness of the chips.
        water: Classes.
    """

    grid: Grid
    texture: Path
    water: Path


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChipPair:
    """A square of ground on two dates, on the grid of the first.

    Attributes:
        reference: (row, col) brightness on the first date; what is not stable has any value.
        moving: (row, col) on the second.
        stable: (row, col) True where both saw land, away from water and cloud.
    """

    reference: Floats
    moving: Floats
    stable: Bools


def read_chip_pairs(reference: DatedImage, moving: DatedImage) -> Iterator[ChipPair]:
    """Read the chips of which a third is stable land on both dates, at most 64, evenly over the grid.

    Args:
        reference: First date, on whose chips both are read.
        moving: Second date; its grid and CRS may differ.
    """
    chips = [chip for chip in list_chips(reference.grid) if chip.shape == (CHIP_PX, CHIP_PX)]
    with ExitStack() as stack:
        water, texture = (
            [_open(path, image.grid, reference.grid, resampling, stack) for path, image in files]
            for resampling, files in (
                (Resampling.nearest, [(image.water, image) for image in (reference, moving)]),
                (Resampling.cubic, [(image.texture, image) for image in (reference, moving)]),
            )
        )
        stable = [chip for chip in chips if _find_stable(water, chip).mean() >= _LEAST_STABLE]
        for number in np.unique(np.linspace(0, len(stable) - 1, min(len(stable), _MOST)).astype(int)):
            values = [_read(dataset, stable[number], fill=TEXTURE_NODATA) for dataset in texture]
            known = _find_stable(water, stable[number]) & (np.stack(values) != TEXTURE_NODATA).all(axis=0)
            if known.mean() >= _LEAST_STABLE:
                first, second = (value.astype(np.float64) for value in values)
                yield ChipPair(reference=first, moving=second, stable=known)


def _open(path: Path, grid: Grid, onto: Grid, resampling: Resampling, stack: ExitStack) -> Any:  # noqa: ANN401 (rasterio)
    """A raster as it lies on a grid: its own, or another that it is warped to."""
    dataset = stack.enter_context(rasterio.open(path))
    if (grid.crs, grid.transform, grid.shape) == (onto.crs, onto.transform, onto.shape):
        return dataset
    return stack.enter_context(
        WarpedVRT(
            dataset,
            crs=onto.crs,
            transform=onto.transform,
            width=onto.width,
            height=onto.height,
            resampling=resampling,
        )
    )


def _find_stable(water: list[Any], chip: Window) -> Bools:
    """(row, col) land on both dates, so far from all else that it does not move."""
    wide = Window(
        chip.col_off - _MARGIN_PX, chip.row_off - _MARGIN_PX, chip.width + 2 * _MARGIN_PX, chip.height + 2 * _MARGIN_PX
    )
    classes = np.stack([_read(dataset, wide, fill=NODATA) for dataset in water])
    around = np.ones((3, 3), dtype=bool)
    wet, hidden = (np.asarray(mask.any(axis=0)) for mask in (classes == WATER, classes > WATER))
    near: Bools = binary_dilation(wet, around, iterations=_MARGIN_PX)
    near |= binary_dilation(hidden, around, iterations=_CLOUD_PX)
    return ~near[_MARGIN_PX:-_MARGIN_PX, _MARGIN_PX:-_MARGIN_PX]


def _read(dataset: Any, window: Window, *, fill: int) -> NDArray[np.uint8]:  # noqa: ANN401
    """(row, col) values; beyond the edge there are none."""
    values = np.full(window.shape, fill, dtype=np.uint8)
    inner = window.intersection(Window(0, 0, dataset.width, dataset.height))
    if inner is not None:
        values[inner.slices(within=window)] = dataset.read(1, window=inner.to_rasterio())
    return values
