"""A quick look at the pixels of a scene: enough to judge its radiometry, cheap on a full product."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError

__all__ = ["read_dn_samples"]

_SMALL = 700_000
"""Pixels: a band this small is read whole."""

_PLACES = 4
"""Windows are read at this many places each way, spread over the band: 16 in all …"""

_PLACES_LARGE_BLOCKS = 3
"""… or 9 where blocks are large, as a JPEG 2000 tile of 1024² takes 0.15 s however little of it is wanted."""

_WINDOW, _WINDOW_LARGE_BLOCKS = 192, 512


def read_dn_samples(files: Mapping[str, tuple[str, int]], *, nodata: float | None) -> dict[str, NDArray[Any]]:
    """Sample the valid DN of bands, at full resolution.

    Small files are read whole, others in 9 or 16 windows spread over the scene. Overviews are used only where the
    file has real ones (COG): those of JPEG 2000 are wavelet averages, which mix nodata with data, water with land.

    Args:
        files: Path and band number (from 1) of the file to sample, a band; the coarsest that there is will do.
        nodata: The marker of missing pixels; NaN is always missing.

    Returns:
        Valid DN a band, one-dimensional. A pixel counts as missing where *all* sampled bands of its file shape have
        the marker, so that dark water clipped to 0 stays in; bands that cannot be read are left out.
    """
    # The filter of warnings is the whole process's: it is set once, by this thread.
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="sample") as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        samples = list(pool.map(_read_sample, files.values()))
    readable = {name: sample for name, sample in zip(files, samples, strict=True) if sample is not None}
    read = {name: dn for name, (dn, _) in readable.items()}
    shapes = {name: shape for name, (_, shape) in readable.items()}
    return {name: dn[valid] for name, (dn, valid) in _pair_with_validity(read, shapes, nodata)}


def _read_sample(file: tuple[str, int]) -> tuple[NDArray[Any], tuple[int, int]] | None:
    """DN and shape; ``None`` for a file that cannot be read, which is the reader's to report."""
    path, index = file
    try:
        with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), rasterio.open(path) as dataset:
            return _read_dn(dataset, index), dataset.shape
    except RasterioError:
        return None


def _read_dn(dataset: rasterio.io.DatasetReader, index: int) -> NDArray[Any]:
    """One-dimensional DN of a band, at the same places for all files of one shape."""
    if dataset.width * dataset.height <= _SMALL:
        return np.asarray(dataset.read(index)).ravel()
    if dataset.overviews(index) and dataset.driver != "JP2OpenJPEG":
        factor = max(1, min(dataset.width, dataset.height) // 512)
        shape = (dataset.height // factor, dataset.width // factor)
        return np.asarray(dataset.read(index, out_shape=shape)).ravel()
    return np.concatenate([np.asarray(dataset.read(index, window=w)).ravel() for w in _plan_windows(dataset)])


def _plan_windows(dataset: rasterio.io.DatasetReader) -> Iterator[rasterio.windows.Window]:
    block_rows, block_cols = dataset.block_shapes[0]
    large = min(block_rows, block_cols) > _WINDOW_LARGE_BLOCKS
    size, places = (_WINDOW_LARGE_BLOCKS, _PLACES_LARGE_BLOCKS) if large else (_WINDOW, _PLACES)
    height, width = min(size, dataset.height), min(size, dataset.width)
    for row_off in _plan_starts(dataset.height, height, block_rows, places):
        for col_off in _plan_starts(dataset.width, width, block_cols, places):
            yield rasterio.windows.Window(col_off, row_off, width, height)


def _plan_starts(length: int, size: int, block: int, places: int) -> list[int]:
    """Where windows start along one axis: spread out, and at a block's start where blocks are many."""
    spread = [int(start) for start in np.linspace(0, length - size, places)]
    if length < places * block:
        return spread  # Strips and files of one block would pull all windows to one edge.
    return [min(start // block * block, length - size) for start in spread]


def _pair_with_validity(
    read: Mapping[str, NDArray[Any]], shapes: Mapping[str, tuple[int, int]], nodata: float | None
) -> Iterator[tuple[str, tuple[NDArray[Any], NDArray[np.bool_]]]]:
    marked = {name: _find_marked(dn, nodata) for name, dn in read.items()}
    for name, dn in read.items():
        # Bands of another resolution cannot be compared pixel by pixel, so only those of one file shape vote: their
        # samples may well be equally many.
        peers = [marked[other] for other in read if shapes[other] == shapes[name]]
        missing = np.logical_and.reduce(peers) if nodata == 0 and len(peers) > 1 else marked[name]
        finite = np.isfinite(dn) if np.issubdtype(dn.dtype, np.floating) else np.ones(dn.shape, dtype=bool)
        yield name, (dn, ~missing & finite)


def _find_marked(dn: NDArray[Any], nodata: float | None) -> NDArray[np.bool_]:
    marked: NDArray[np.bool_] = np.zeros(dn.shape, dtype=bool) if nodata is None else dn == nodata
    return marked
