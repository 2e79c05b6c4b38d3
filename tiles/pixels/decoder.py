"""Who turns the blocks of a file into pixels: GDAL, or a GPU where there is one and the user asks for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.env import set_gdal_config

from tiles.grid import Window

__all__ = ["BlockDecoder", "DecoderName", "GdalDecoder", "limit_block_cache", "open_decoder"]

DecoderName = Literal["gdal", "nvimgcodec"]


class BlockDecoder(Protocol):
    """Decodes parts of one file; called by one thread at a time."""

    def decode(self, window: Window, indexes: Sequence[int]) -> NDArray[Any]:
        """Decode a window.

        Args:
            window: Within the file's grid, in whole rows of its blocks.
            indexes: Numbers of the bands, from 1.

        Returns:
            DN as stored, (band, row, col).

        Raises:
            RasterioError: GDAL cannot decode it.
            BlockDecodeError: Another decoder cannot.
        """
        ...

    def split(self, window: Window, indexes: Sequence[int]) -> list[Window]:
        """The parts of a window that are to be decoded one after the other, from left to right.

        Args:
            window: As of ``decode``.
            indexes: Likewise.
        """
        ...


class GdalDecoder:
    """Decodes what GDAL reads, on the processor.

    Args:
        dataset: The file, open.
    """

    def __init__(self, dataset: rasterio.DatasetReader) -> None:
        self._dataset = dataset

    def decode(self, window: Window, indexes: Sequence[int]) -> NDArray[Any]:
        """Decode a window, as ``BlockDecoder`` has it."""
        decoded: NDArray[Any] = self._dataset.read(list(indexes), window=window.to_rasterio())
        return np.asarray(decoded)

    def split(self, window: Window, indexes: Sequence[int]) -> list[Window]:
        """Whole columns of blocks that GDAL's cache holds, as ``BlockDecoder`` has it."""
        block = max(self._dataset.block_shapes[index - 1][1] for index in indexes)
        pixel_bytes = sum(_count_bytes(self._dataset.dtypes[index - 1]) for index in indexes)
        cols = max(1, _BYTES_A_FILE // (window.height * pixel_bytes * block)) * block
        first = window.col_off // block * block
        edges = [window.col_off, *range(first + cols, window.col_stop, cols), window.col_stop]
        return [Window(start, window.row_off, stop - start, window.height) for start, stop in pairwise(edges)]


def _count_bytes(dtype: str) -> int:
    """Of a pixel; rasterio reads the one type that numpy lacks as the next wider."""
    return np.dtype("complex64" if dtype == "complex_int16" else dtype).itemsize


def open_decoder(dataset: rasterio.DatasetReader, name: DecoderName) -> BlockDecoder:
    """The decoder of a file: what was asked for, or GDAL where that cannot read such a file.

    Args:
        dataset: The file, open; it stays open as long as it is decoded.
        name: ``nvimgcodec`` decodes JPEG 2000 files that lie on a disk; others, which cost little, go by GDAL.

    Raises:
        DecoderError: There is no such decoder here.
        BlockDecodeError: It cannot open the file.
    """
    if name == "nvimgcodec" and dataset.driver.startswith("JP2") and Path(dataset.name).is_file():
        from tiles.pixels.gpu_decoder import NvImageDecoder  # noqa: PLC0415 (few ask for it)

        return NvImageDecoder(dataset.name)
    return GdalDecoder(dataset)


_LEAST_BYTES = 32 * 2**20

_BYTES_A_FILE = 8 * 2**20
"""Four blocks of a 10 m band: GDAL decodes what is asked for in parallel only if the cache can hold it. By three it
takes a tenth more time, by a whole row of eleven no less (docs/performance.md)."""


def limit_block_cache(files: int) -> None:
    """Set the size of GDAL's cache, which all threads share; the user's own ``GDAL_CACHEMAX`` stands.

    Args:
        files: How many are decoded at once.
    """
    if "GDAL_CACHEMAX" not in os.environ:
        set_gdal_config("GDAL_CACHEMAX", _LEAST_BYTES + files * _BYTES_A_FILE)
