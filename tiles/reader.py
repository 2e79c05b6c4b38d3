"""Read a scene from top to bottom, each block of each file decoded once, the next strip while the last is used.

Decoding twelve JPEG 2000 files costs more than the network (design, decision 3). So files are read in whole rows of
their own blocks, in parallel, kept as they are (native resolution, DN as stored) for as long as a strip needs them,
and brought to reflectance on the finest grid only a tile at a time: that is what keeps memory flat.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from tiles.errors import RasterReadError
from tiles.grid import Grid, Window
from tiles.masks import NODATA, OBSCURED, VALID, compute_band_validity
from tiles.resample import AxisSampling, compute_sampling, interpolate, take_nearest
from tiles.scene import BandSource, Radiometry, Scene

__all__ = ["Pixels", "ReadPlan", "Strip", "read_strips"]

LEAST_ROWS_A_READ = 256
"""Files with flat blocks (a TIFF of single rows) are read at least this many rows at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """A rectangle of a scene, ready for a network.

    Attributes:
        reflectance: float32 (band, row, col), finite everywhere; meaningless where ``state`` is nodata.
        state: uint8 (row, col): ``VALID``, ``NODATA`` or ``OBSCURED`` of ``tiles.masks``.
    """

    reflectance: NDArray[np.float32]
    state: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadPlan:
    """What to read of a scene.

    Attributes:
        scene: The scene.
        bands: Sources of the bands wanted, in the order of the network's channels.
        obscured_classes: Classes of the scene classification that hide the ground; empty: none does.
        threads: Files decoded at once; 0: one a processor core.
    """

    scene: Scene
    bands: tuple[BandSource, ...]
    obscured_classes: frozenset[int] = frozenset()
    threads: int = 0

    @property
    def sources(self) -> tuple[BandSource, ...]:
        """All that is decoded: the bands, and the scene classification where clouds are masked."""
        scl = self.scene.classification
        return (*self.bands, scl) if scl is not None and self.obscured_classes else self.bands


class FileStream:
    """The bands of one file, read downwards in whole rows of blocks, nothing twice.

    Not safe for two threads at once; each file has its own.
    """

    def __init__(self, sources: Sequence[BandSource], *, grid: Grid, windows: Sequence[Window]) -> None:
        """Open the file.

        Args:
            sources: Bands of one file.
            grid: The finest grid.
            windows: What will be asked for, in order; all of the same columns. May reach beyond the grid.
        """
        self.sources = tuple(sources)
        self._src_grid = src = sources[0].grid
        spans = [compute_sampling(src, grid, start=w.row_off, stop=w.row_stop, axis=0).span for w in windows]
        self._spans = spans
        # Near the lower edge a later strip may reflect to rows above those of an earlier one: keep what any will need.
        self._keep_from = np.minimum.accumulate([first for first, _ in spans][::-1])[::-1]
        col_start, col_stop = windows[0].col_off, windows[0].col_stop
        self.col_start, self._col_stop = compute_sampling(src, grid, start=col_start, stop=col_stop, axis=1).span
        self._chunks: list[tuple[int, NDArray[Any]]] = []  # (first row, (band, row, col))
        self._next_row = 0
        try:
            self._dataset = rasterio.open(sources[0].path)
        except RasterioError as error:
            raise RasterReadError(f"Cannot open {sources[0].path}: {error}") from error
        block_rows = max(shape[0] for shape in self._dataset.block_shapes)
        self._rows_a_read = block_rows * -(-LEAST_ROWS_A_READ // block_rows)

    def close(self) -> None:
        """Close the file and forget its pixels."""
        self._chunks.clear()
        self._dataset.close()

    def read_rows(self, position: int) -> tuple[int, NDArray[Any]]:
        """Read what window number ``position`` needs, and forget what neither it nor a later one does.

        Returns:
            First native row, and DN as stored (band, row, col).
        """
        (first, last), keep_from = self._spans[position], int(self._keep_from[position])
        self._chunks = [(row, chunk) for row, chunk in self._chunks if row + chunk.shape[1] > keep_from]
        if not self._chunks:  # skip what lies above an area of interest, in whole blocks
            self._next_row = max(self._next_row, keep_from // self._rows_a_read * self._rows_a_read)
        while self._next_row < last:
            self._chunks.append((self._next_row, self._decode(self._next_row)))
            self._next_row += self._chunks[-1][1].shape[1]
        base = self._chunks[0][0]
        whole = self._chunks[0][1] if len(self._chunks) == 1 else np.concatenate([c for _, c in self._chunks], axis=1)
        return first, whole[:, first - base : last - base]

    def _decode(self, row: int) -> NDArray[Any]:
        height = min(self._rows_a_read, self._src_grid.height - row)
        window = Window(self.col_start, row, self._col_stop - self.col_start, height)
        try:
            decoded: NDArray[Any] = self._dataset.read(
                [source.index for source in self.sources], window=window.to_rasterio()
            )
        except RasterioError as error:
            names = ", ".join(source.name for source in self.sources)
            raise RasterReadError(
                f"Cannot decode {names} at rows {row} to {row + height} of {self.sources[0].path}: "
                f"the file is truncated or corrupt ({error.__cause__ or error}). Fetch it again."
            ) from error
        return decoded


@dataclass(frozen=True, slots=True)
class NativeRows:
    """Rows of one band in memory, as stored: DN (row, col) and where they begin in the band's grid."""

    source: BandSource
    row_start: int
    col_start: int
    values: NDArray[Any]

    def sampling(self, window: Window, grid: Grid) -> tuple[AxisSampling, AxisSampling]:
        """Where the pixels of ``window`` fall in ``values``, rows and columns."""
        rows = compute_sampling(self.source.grid, grid, start=window.row_off, stop=window.row_stop, axis=0)
        cols = compute_sampling(self.source.grid, grid, start=window.col_off, stop=window.col_stop, axis=1)
        return rows.shift(self.row_start), cols.shift(self.col_start)

    def cut(self, window: Window, grid: Grid) -> tuple[NDArray[Any], AxisSampling, AxisSampling]:
        """Only the native pixels that ``window`` needs, and the sampling within them."""
        rows, cols = self.sampling(window, grid)
        (top, bottom), (left, right) = rows.span, cols.span
        return self.values[top:bottom, left:right], rows.shift(top), cols.shift(left)


@dataclass(frozen=True, slots=True)
class Strip:
    """Some rows of a scene in memory, as stored; ``read`` brings any part of them to reflectance."""

    plan: ReadPlan
    bands: tuple[NativeRows, ...]
    classification: NativeRows | None

    def read(self, window: Window) -> Pixels:
        """Bring a window to reflectance on the finest grid.

        Args:
            window: Within the rows and columns of the strip; beyond the scene's edge pixels are reflected.

        Returns:
            Reflectance and state.
        """
        grid, radiometry = self.plan.scene.grid, self.plan.scene.radiometry
        reflectance = np.empty((len(self.bands), *window.shape), dtype=np.float32)
        has_marker = radiometry.nodata_rule == "any"
        valid = np.full(window.shape, has_marker)
        for channel, native in enumerate(self.bands):
            dn, rows, cols = native.cut(window, grid)
            mask = compute_band_validity(dn, radiometry.nodata)
            reflectance[channel] = compute_reflectance(dn, mask, radiometry, native.source.name, (rows, cols))
            if mask is not None:
                fine = take_nearest(mask, rows, cols)
                valid = (valid & fine) if has_marker else (valid | fine)
            elif not has_marker:
                valid[:] = True
        state = np.where(valid, VALID, NODATA).astype(np.uint8)
        if self.classification is not None:
            classes, rows, cols = self.classification.cut(window, grid)
            hidden = np.isin(classes, list(self.plan.obscured_classes))
            state[take_nearest(hidden, rows, cols) & valid] = OBSCURED
        return Pixels(reflectance=reflectance, state=state)


def compute_reflectance(
    dn: NDArray[Any],
    mask: NDArray[np.bool_] | None,
    radiometry: Radiometry,
    name: str,
    sampling: tuple[AxisSampling, AxisSampling],
) -> NDArray[np.float32]:
    """Turn the DN of one band into reflectance on the finest grid; missing pixels take no part.

    Args:
        dn: As stored, (row, col).
        mask: True where ``dn`` is data, (row, col); ``None``: everywhere.
        radiometry: Offset and quantification.
        name: The band.
        sampling: Rows and columns of the finest grid in ``dn``.

    Returns:
        (fine row, fine col), finite; 0 where no data is near.
    """
    rows, cols = sampling
    scale = np.float32(1 / radiometry.quantification)
    values = (dn.astype(np.float32) + np.float32(radiometry.offsets.get(name, 0.0))) * scale
    if mask is None:
        return interpolate(values, rows, cols)
    values[~mask] = 0
    mixed = interpolate(values, rows, cols)
    if rows.is_identity and cols.is_identity:
        return mixed
    share = interpolate(mask.astype(np.float32), rows, cols)
    return np.divide(mixed, share, out=np.zeros_like(mixed), where=share > 0)


def read_strips(plan: ReadPlan, windows: Sequence[Window]) -> Iterator[Strip]:
    """Read a scene in strips, from top to bottom, decoding one strip ahead of the one in use.

    Args:
        plan: What to read.
        windows: What each strip must cover, in order of rising rows; all of the same columns. May reach beyond the
            scene's edge.

    Yields:
        A strip a window.

    Raises:
        RasterReadError: A file cannot be opened or decoded.
    """
    with ExitStack() as stack:
        streams = []
        for _, sources in groupby(sorted(plan.sources, key=lambda s: s.path), key=lambda s: s.path):
            streams.append(FileStream(tuple(sources), grid=plan.scene.grid, windows=windows))
            stack.callback(streams[-1].close)
        pool = ThreadPoolExecutor(max_workers=plan.threads or os.cpu_count() or 1, thread_name_prefix="decode")
        # On an error or Ctrl-C: finish what is being decoded, start nothing more, then close the files.
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)

        def submit(position: int) -> list[Future[tuple[int, NDArray[Any]]]]:
            return [pool.submit(stream.read_rows, position) for stream in streams if position < len(windows)]

        pending = submit(0)
        for position in range(len(windows)):
            results = [future.result() for future in pending]
            pending = submit(position + 1)
            yield _make_strip(plan, streams, results)


def _make_strip(plan: ReadPlan, streams: list[FileStream], results: list[tuple[int, NDArray[Any]]]) -> Strip:
    """Sort what the files gave back into the order of the bands."""
    found = {
        (source.path, source.index): NativeRows(source, row_start, stream.col_start, values[position])
        for stream, (row_start, values) in zip(streams, results, strict=True)
        for position, source in enumerate(stream.sources)
    }
    bands = tuple(found[source.path, source.index] for source in plan.bands)
    bands = tuple(replace(native, source=source) for native, source in zip(bands, plan.bands, strict=True))
    scl = plan.scene.classification if plan.obscured_classes else None
    return Strip(plan, bands, found[scl.path, scl.index] if scl is not None else None)
