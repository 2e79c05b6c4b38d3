"""Who turns the blocks of a file into pixels: GDAL, or a GPU where there is one and the user asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import rasterio
from numpy.typing import NDArray

from strandline import StrandlineError
from tiles.grid import Window

__all__ = ["BlockDecodeError", "BlockDecoder", "DecoderError", "DecoderName", "GdalDecoder", "open_decoder"]

DecoderName = Literal["gdal", "nvimgcodec"]


class DecoderError(StrandlineError, ValueError):
    """The decoder that was asked for is not on this machine, or has no GPU to run on."""

    exit_code = 2


class BlockDecodeError(StrandlineError, OSError):
    """A part of a file cannot be decoded; the caller knows which bands and rows it holds."""

    exit_code = 4


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
