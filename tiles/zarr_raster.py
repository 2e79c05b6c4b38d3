"""A band in a Zarr store, as rasterio would open it: what reads rasters need not know the difference.

GDAL does not decode all of what zarr-python writes, so that it is zarr-python (of the extra ``scale``) that reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioIOError
from rasterio.windows import Window

from tiles.errors import SceneError

__all__ = ["ZARR", "ZarrRaster", "import_zarr", "open_raster"]

ZARR = "zarr:"
"""What the path of an array in a store begins with: ``zarr:/data/S2A.zarr/measurements/reflectance/r10m/b02``."""


def import_zarr() -> Any:  # noqa: ANN401 (most of it is not typed)
    """The library.

    Raises:
        SceneError: It is not installed.
    """
    try:
        import zarr  # noqa: PLC0415 (an extra)
    except ModuleNotFoundError as error:
        raise SceneError(
            "Products in Zarr need zarr-python, which is not installed: add the extra scale (pip install "
            "'strandline[scale]')."
        ) from error
    return zarr


def open_raster(path: str) -> Any:  # noqa: ANN401 (rasterio's, or what looks like it)
    """Open a raster.

    Args:
        path: What GDAL opens, or the path of an array in a Zarr store.

    Raises:
        RasterioError: It cannot be opened.
    """
    return ZarrRaster(path) if path.startswith(ZARR) else rasterio.open(path)


class ZarrRaster:
    """One two-dimensional array of a store, with those of rasterio's words that reading a band takes."""

    driver = "Zarr"
    count = 1

    def __init__(self, path: str) -> None:
        """Open it; no pixel is read.

        Args:
            path: Begins with ``zarr:``.

        Raises:
            RasterioIOError: There is no such array, or it has not two dimensions.
        """
        self.name = path
        try:
            self._array = import_zarr().open_array(path.removeprefix(ZARR), mode="r")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RasterioIOError(f"{path}: no array that zarr-python can read ({error})") from error
        if len(self._array.shape) != 2:
            raise RasterioIOError(f"{path}: expected rows and columns, found the shape {self._array.shape}")
        self.shape: tuple[int, int] = tuple(self._array.shape)
        self.height, self.width = self.shape
        self.dtypes = (str(self._array.dtype),)
        self.block_shapes = [tuple(getattr(self._array, "shards", None) or self._array.chunks)]
        self.mask_flag_enums = ([MaskFlags.all_valid],)

    def __enter__(self) -> Self:
        """As files have it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As files have it."""
        self.close()

    def close(self) -> None:
        """Nothing is kept open."""

    def overviews(self, index: int) -> list[int]:
        """None: a product keeps its coarser copies as arrays of their own.

        Args:
            index: As rasterio has it.
        """
        return []

    def read(
        self,
        indexes: int | Sequence[int] = 1,
        *,
        window: Window | None = None,
        out_shape: tuple[int, int] | None = None,
    ) -> NDArray[Any]:
        """Read pixels as they are stored.

        Args:
            indexes: 1, or a list of it, which adds a dimension.
            window: Rows and columns; ``None``: all.
            out_shape: Rows and columns that are wanted of them, the nearest.

        Raises:
            RasterioIOError: A part cannot be decoded.
        """
        rows, cols = (slice(None), slice(None)) if window is None else window.toslices()
        try:
            pixels = np.asarray(self._array[rows, cols])
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise RasterioIOError(f"{self.name}: {' '.join(str(error).split())}") from error
        if out_shape is not None:
            taken_rows, taken_cols = map(_take_nearest, out_shape, pixels.shape)
            pixels = pixels[np.ix_(taken_rows, taken_cols)]
        return pixels if isinstance(indexes, int) else pixels[None]


def _take_nearest(count: int, size: int) -> NDArray[np.intp]:
    """Which of ``size`` pixels lie nearest to the centres of ``count``."""
    return np.floor((np.arange(count) + 0.5) * size / count).astype(np.intp)
