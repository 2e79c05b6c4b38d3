"""A quick look at the pixels of a scene: enough to judge its radiometry, cheap on a full product."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from tiles.cores import count_cores
from tiles.errors import RasterReadError
from tiles.masks import read_declared_validity
from tiles.products.fills import compute_repeated_values
from tiles.remote import RetryBudget, is_remote, limit_listing, read_again
from tiles.zarr_raster import open_raster

__all__ = ["DnSamples", "read_dn_samples", "read_samples"]

_SMALL = 700_000
"""Pixels: a band this small is read whole."""

_PLACES = 4
"""Windows are read at this many places each way, spread over the band: 16 in all …"""

_PLACES_LARGE_BLOCKS = 3
"""… or 9 where blocks are large, as a JPEG 2000 tile of 1024² takes 0.15 s however little of it is wanted."""

_RETRIES = 4
"""Of one file on a host."""

_WINDOW, _WINDOW_LARGE_BLOCKS = 192, 512


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DnSamples:
    """Some pixels of bands, at the same places for all files of one shape.

    Attributes:
        dn: DN a band, one-dimensional, as stored.
        known: Which of them the file itself does not declare invalid and are finite, a band.
        shapes: Rows and columns of its file, a band.
    """

    dn: Mapping[str, NDArray[Any]]
    known: Mapping[str, NDArray[np.bool_]]
    shapes: Mapping[str, tuple[int, int]]

    def compute_repeated_values(self) -> dict[float, float]:
        """The values that all bands of many pixels have, and the share of pixels, see ``tiles.products.fills``."""
        groups: list[dict[str, NDArray[Any]]] = []
        for shape in dict.fromkeys(self.shapes.values()):
            names = [name for name in self.dn if self.shapes[name] == shape]
            known = np.logical_and.reduce([self.known[name] for name in names])
            groups.append({name: self.dn[name][known] for name in names})
        return compute_repeated_values(groups)

    def compute_valid_share(self, markers: Mapping[str, float | None], *, fills: Iterable[float] = ()) -> float | None:
        """The share (0 to 1) of the sampled pixels that have data; ``None`` where none was sampled.

        Args:
            markers: Nodata a band.
            fills: Further markers, of all bands.
        """
        valid = self.select_valid(markers, fills=fills)
        shares = [len(valid[name]) / dn.size for name, dn in self.dn.items() if dn.size]
        return max(shares, default=None)

    def select_valid(
        self, markers: Mapping[str, float | None], *, fills: Iterable[float] = ()
    ) -> dict[str, NDArray[Any]]:
        """The valid DN a band, one-dimensional.

        A pixel counts as missing where *all* sampled bands of its file's shape have a marker of 0, so that dark water
        clipped to 0 stays in; any other marker takes a band's pixel away.

        Args:
            markers: Nodata a band; NaN is always missing.
            fills: Further markers, of all bands.
        """
        marked = {name: _find_marked(dn, markers.get(name), fills) for name, dn in self.dn.items()}
        return {name: dn[self.known[name] & ~self._find_missing(name, markers, marked)] for name, dn in self.dn.items()}

    def _find_missing(
        self, name: str, markers: Mapping[str, float | None], marked: Mapping[str, NDArray[np.bool_]]
    ) -> NDArray[np.bool_]:
        # Bands of another resolution cannot be compared pixel by pixel, so only those of one file shape vote: their
        # samples may well be equally many.
        peers = [marked[other] for other in self.dn if self.shapes[other] == self.shapes[name]]
        if markers.get(name) != 0 or len(peers) == 1:
            return marked[name]
        missing: NDArray[np.bool_] = np.logical_and.reduce(peers)
        return missing


def read_dn_samples(files: Mapping[str, tuple[str, int]], *, nodata: float | None) -> dict[str, NDArray[Any]]:
    """Sample the valid DN of bands, at full resolution; see ``read_samples``.

    Args:
        files: Path and band number (from 1) of the file to sample, a band; the coarsest that there is will do.
        nodata: The marker of missing pixels; NaN is always missing.

    Returns:
        Valid DN a band, see ``DnSamples.select_valid``; bands that cannot be read are left out.
    """
    return read_samples(files).select_valid(dict.fromkeys(files, nodata))


def read_samples(
    files: Mapping[str, tuple[str, int]], *, masks: Mapping[str, tuple[int, ...]] | None = None
) -> DnSamples:
    """Sample the DN of bands, at full resolution.

    Small files are read whole, others in 9 or 16 windows spread over the scene. Overviews are used only where the
    file has real ones (COG): those of JPEG 2000 are wavelet averages, which mix nodata with data, water with land.

    Args:
        files: Path and band number (from 1) of the file to sample, a band; the coarsest that there is will do.
        masks: What in the file says which pixels are valid, as ``BandSource.masks``, by band.

    Returns:
        The samples; bands that cannot be read are left out.
    """
    wanted = [(path, index, (masks or {}).get(name, ())) for name, (path, index) in files.items()]
    # The filter of warnings is the whole process's: it is set once, by this thread.
    with ThreadPoolExecutor(count_cores(), thread_name_prefix="sample") as pool, warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        samples = list(pool.map(_read_sample, wanted))
    readable = {name: sample for name, sample in zip(files, samples, strict=True) if sample is not None}
    return DnSamples(
        dn={name: dn for name, (dn, _, _) in readable.items()},
        known={name: known for name, (_, known, _) in readable.items()},
        shapes={name: shape for name, (_, _, shape) in readable.items()},
    )


def _read_sample(
    wanted: tuple[str, int, tuple[int, ...]],
) -> tuple[NDArray[Any], NDArray[np.bool_], tuple[int, int]] | None:
    """DN, which of them are known, shape; ``None`` for a file that cannot be read, which is the reader's to report.

    On a host that may be true of this read alone: then what was decided would hang on it, so that it fails.
    """
    path = wanted[0]
    try:
        return read_again(path, lambda: _read_file(*wanted), budget=RetryBudget(_RETRIES))
    except RasterioError as error:
        if is_remote(path):
            raise RasterReadError(f"Cannot read {path} ({error.__cause__ or error}). Try again later.") from error
        return None


def _read_file(
    path: str, index: int, masks: tuple[int, ...]
) -> tuple[NDArray[Any], NDArray[np.bool_], tuple[int, int]]:
    with limit_listing(path), open_raster(path) as dataset:
        dn = _read_places(dataset, index, partial(dataset.read, index))
        known = np.isfinite(dn) if np.issubdtype(dn.dtype, np.floating) else np.ones(dn.shape, dtype=bool)
        if masks:
            known &= _read_places(dataset, index, partial(read_declared_validity, dataset, index, masks))
        return dn, known, dataset.shape


def _read_places(dataset: rasterio.io.DatasetReader, index: int, read: Callable[..., NDArray[Any]]) -> NDArray[Any]:
    """One-dimensional pixels of a band, at the same places for all files of one shape."""
    if dataset.width * dataset.height <= _SMALL:
        return np.asarray(read()).ravel()
    if dataset.overviews(index) and dataset.driver != "JP2OpenJPEG":
        factor = max(1, min(dataset.width, dataset.height) // 512)
        shape = (dataset.height // factor, dataset.width // factor)
        return np.asarray(read(out_shape=shape)).ravel()
    return np.concatenate([np.asarray(read(window=window)).ravel() for window in _plan_windows(dataset)])


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


def _find_marked(dn: NDArray[Any], nodata: float | None, fills: Iterable[float]) -> NDArray[np.bool_]:
    marked: NDArray[np.bool_] = np.zeros(dn.shape, dtype=bool) if nodata is None else dn == nodata
    for value in fills:
        marked |= dn == value
    return marked
