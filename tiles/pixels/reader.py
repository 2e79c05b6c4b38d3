"""Read a scene from top to bottom, each block of each file decoded once.

Decoding twelve JPEG 2000 files costs more than the network (docs/design.md, "Decoding"). So files are read in whole
rows of their own blocks, in parallel, kept as they are (native resolution, DN as stored) for as long as a strip needs
them, and brought to reflectance on the finest grid only a tile at a time: that is what keeps memory flat.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, groupby
from typing import Any, TypeVar

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import MaskFlags, Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT

from tiles.cores import count_cores
from tiles.errors import BlockDecodeError, RasterReadError
from tiles.grid import Grid, Window
from tiles.masks import (
    NODATA,
    OBSCURED,
    VALID,
    combine_validity,
    compute_band_validity,
    read_declared_validity,
)
from tiles.pixels.chunk import Chunk, Masks
from tiles.pixels.cloud_buffer import NO_BUFFER, CloudBuffer
from tiles.pixels.decoder import DecoderName, limit_block_cache, open_decoder
from tiles.pixels.native_rows import Cut, NativeRows, widen
from tiles.pixels.resample import AxisSampling, compute_sampling, interpolate, take_nearest
from tiles.remote import RetryBudget, is_remote, limit_listing, read_again
from tiles.scene import BandSource, Radiometry, Scene
from tiles.zarr_raster import open_raster

__all__ = ["Pixels", "ReadPlan", "Strip", "read_strips"]

_Answer = TypeVar("_Answer")

Watch = Callable[[str], AbstractContextManager[Any]]

LEAST_ROWS_A_READ = 256
"""Files with flat blocks (a TIFF of single rows) are read at least this many rows at a time."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
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
        cloud_buffer: How far around them the ground is hidden too.
        threads: Files decoded at once; 0: one a processor core.
        decoder: Who decodes: ``gdal``; ``nvimgcodec``, on a GPU, what is JPEG 2000.
    """

    scene: Scene
    bands: tuple[BandSource, ...]
    obscured_classes: frozenset[int] = frozenset()
    cloud_buffer: CloudBuffer = NO_BUFFER
    threads: int = 0
    decoder: DecoderName = "gdal"

    @property
    def sources(self) -> tuple[BandSource, ...]:
        """All that is decoded: the bands, and the scene classification where clouds are masked."""
        scl = self.scene.classification
        return (*self.bands, scl) if scl is not None and self.obscured_classes else self.bands

    def resolve_buffer(self, source: BandSource) -> CloudBuffer:
        """The buffer in pixels of a file's own grid; nothing grows in the file of another band than the clouds'."""
        scl = self.scene.classification if self.obscured_classes else None
        is_there = scl is not None and _find_file(scl) == _find_file(source)
        return self.cloud_buffer.scale(self.scene.grid, source.grid) if is_there else NO_BUFFER


class FileStream:
    """The bands of one file, read downwards in whole rows of blocks, nothing twice.

    Not safe for two threads at once; each file has its own.
    """

    def __init__(
        self,
        sources: Sequence[BandSource],
        *,
        grid: Grid,
        windows: Sequence[Window],
        decoder: DecoderName = "gdal",
        margin: tuple[int, int] = (0, 0),
        budget: RetryBudget | None = None,
    ) -> None:
        """Open the file.

        Args:
            sources: Bands of one file.
            grid: The finest grid.
            windows: What will be asked for, in order; all of the same columns. May reach beyond the grid.
            decoder: Who decodes it.
            margin: Native rows and columns that are wanted on each side besides, as far as the file has them.
            budget: How often reads may be done again where the file lies on a host.
        """
        self.sources = tuple(sources)
        self._src_grid = src = sources[0].grid
        spans = [
            widen(compute_sampling(src, grid, start=w.row_off, stop=w.row_stop, axis=0).span, margin[0], src.height)
            for w in windows
        ]
        self._spans = spans
        # Near the lower edge a later strip may reflect to rows above those of an earlier one: keep what any will need.
        self._keep_from = np.minimum.accumulate([first for first, _ in spans][::-1])[::-1]
        col_start, col_stop = windows[0].col_off, windows[0].col_stop
        span = compute_sampling(src, grid, start=col_start, stop=col_stop, axis=1).span
        self.col_start, self._col_stop = widen(span, margin[1], src.width)
        self._chunks: list[Chunk] = []
        self._next_row = 0
        self._path, self._decoder_name, self._budget = sources[0].path, decoder, budget or RetryBudget()
        self._opened = ExitStack()
        try:
            read_again(self._path, self._open, budget=self._budget)
        except (RasterioError, BlockDecodeError) as error:
            raise RasterReadError(f"Cannot open {self._path}: {error}") from error
        self._mask_keys = tuple(map(self._find_mask_key, self.sources))
        block_rows = max(shape[0] for shape in self._dataset.block_shapes)
        self._rows_a_read = block_rows * -(-LEAST_ROWS_A_READ // block_rows)

    def _open(self) -> None:
        """Open the file, anew where it was open."""
        self._opened.close()
        with ExitStack() as opened:
            with limit_listing(self._path):  # as its header was read
                self._dataset = opened.enter_context(open_raster(self._path))
            if self.sources[0].is_warped:
                self._dataset = opened.enter_context(_warp(self._dataset, self._src_grid))
            self._decoder = open_decoder(self._dataset, self._decoder_name)
            self._opened = opened.pop_all()  # it stays open, as nothing went wrong

    def close(self) -> None:
        """Close the file and forget its pixels."""
        self._chunks.clear()
        self._opened.close()

    def read_rows(self, position: int) -> tuple[Chunk, ...]:
        """Read what window number ``position`` needs, and forget what neither it nor a later one does.

        Returns:
            Chunks, one below the other.
        """
        (_, last), keep_from = self._spans[position], int(self._keep_from[position])
        self._chunks = [chunk for chunk in self._chunks if chunk.row_stop > keep_from]
        if self._chunks:
            self._shorten_first(keep_from)
        else:  # skip what lies above an area of interest, in whole blocks
            self._next_row = max(self._next_row, keep_from // self._rows_a_read * self._rows_a_read)
        while self._next_row < last:
            self._chunks += self._decode(self._find_window(self._next_row))
            self._next_row = self._chunks[-1].row_stop
        return tuple(self._chunks)

    def _shorten_first(self, keep_from: int) -> None:
        """Of rows that only the next halo needs, keep a copy, and let the block go that they are part of."""
        first = self._chunks[0]
        if first.row_stop - keep_from <= first.dn.shape[1] // 2:
            self._chunks[0] = first.copy_rows(keep_from, first.row_stop)

    def _find_window(self, row: int) -> Window:
        height = min(self._rows_a_read, self._src_grid.height - row)
        return Window(self.col_start, row, self._col_stop - self.col_start, height)

    def _decode(self, window: Window) -> list[Chunk]:
        # Of a host, all at once: it is asked once for blocks that follow each other.
        is_split = not (is_remote(self._path) or self.sources[0].is_warped)
        indexes = [source.index for source in self.sources]
        parts = self._decoder.split(window, indexes) if is_split else [window]
        return Chunk.list_pieces(
            ((self._decode_part(part, indexes), self._decode_masks(part)) for part in parts),
            row_start=window.row_off,
            width=window.width,
            rows=LEAST_ROWS_A_READ,
        )

    def _decode_part(self, window: Window, indexes: Sequence[int]) -> NDArray[Any]:
        with self._explain_failure(window):
            return self._read_again(lambda: self._decoder.decode(window, indexes))

    def _read_again(self, read: Callable[[], _Answer]) -> _Answer:
        return read_again(self._path, read, budget=self._budget, renew=self._open)

    def _decode_masks(self, window: Window) -> Masks:
        """Decoded once for all bands that share it, while the blocks are at hand."""
        masks: dict[tuple[int, ...], NDArray[np.bool_] | None] = {(): None}
        with self._explain_failure(window):
            for source, key in zip(self.sources, self._mask_keys, strict=True):
                if key not in masks:
                    masks[key] = self._read_again(partial(self._read_validity, source, window))
        return tuple(masks[key] for key in self._mask_keys)

    def _read_validity(self, source: BandSource, window: Window) -> NDArray[np.bool_] | None:
        return read_declared_validity(self._dataset, source.index, source.masks, window=window.to_rasterio())

    def _find_mask_key(self, source: BandSource) -> tuple[int, ...]:
        """Equal for bands that share their masks; that of an alpha band, or of the whole file, is one for all."""
        flags = self._dataset.mask_flag_enums[source.index - 1]
        alone = 0 in source.masks and MaskFlags.per_dataset not in flags
        return (*source.masks, -source.index) if alone else source.masks

    @contextmanager
    def _explain_failure(self, window: Window) -> Iterator[None]:
        try:
            yield
        except (RasterioError, BlockDecodeError) as error:
            names = ", ".join(source.name for source in self.sources)
            if is_remote(self._path):
                raise RasterReadError(
                    f"Cannot read {names} at rows {window.row_off} to {window.row_stop} of {self._path} ({error}). Try "
                    "again later."
                ) from error
            raise RasterReadError(
                f"Cannot decode {names} at rows {window.row_off} to {window.row_stop} of {self.sources[0].path}: "
                f"the file is truncated or corrupt ({error.__cause__ or error}). Fetch it again."
            ) from error


Mask = NDArray[np.bool_] | None
"""True where there is data, (row, col); ``None``: everywhere."""


@dataclass(frozen=True, slots=True)
class Strip:
    """Some rows of a scene in memory, as stored; ``read`` brings any part of them to reflectance."""

    plan: ReadPlan
    bands: tuple[NativeRows, ...]
    classification: NativeRows | None

    def read(self, window: Window, *, out: NDArray[np.float32] | None = None) -> Pixels:
        """Bring a window to reflectance on the finest grid.

        Args:
            window: Within the rows and columns of the strip; beyond the scene's edge pixels are reflected.
            out: Where the reflectance goes, (band, row, col); ``None``: an array of its own. Who reads many tiles
                saves the system the work of finding new memory for each.

        Returns:
            Reflectance and state.
        """
        grid = self.plan.scene.grid
        reflectance = np.empty((len(self.bands), *window.shape), dtype=np.float32) if out is None else out
        cuts = [native.cut(window, grid) for native in self.bands]
        radiometry, names = self.plan.scene.radiometry, [native.source.name for native in self.bands]
        masks = [
            compute_band_validity(dn, radiometry.get_nodata(name), radiometry.fills)
            for name, (dn, _, _) in zip(names, cuts, strict=True)
        ]
        declared = [native.cut_mask(window, grid) for native in self.bands]
        valid = self._compute_validity(window, cuts, masks, declared)
        masks = [_merge_masks(mask, other) for mask, other in zip(masks, declared, strict=True)]
        if valid.any():
            for channel, (name, (dn, rows, cols), mask) in enumerate(zip(names, cuts, masks, strict=True)):
                compute_reflectance(dn, mask, radiometry, name, (rows, cols), out=reflectance[channel])
        else:
            reflectance[:] = 0
        state = np.where(valid, np.uint8(VALID), np.uint8(NODATA))
        hidden = self.find_hidden(window)
        if hidden is not None and hidden[0].any():
            state[take_nearest(*hidden) & valid] = OBSCURED
        return Pixels(reflectance=reflectance, state=state)

    def find_hidden(self, window: Window) -> Cut | None:
        """Where clouds hide the ground, with what they grow by; ``None`` where nobody says so.

        Args:
            window: As of ``read``.

        Returns:
            bool (row, col) in pixels of the classification's own grid, and where those of the finest fall in them.
        """
        native, grid = self.classification, self.plan.scene.grid
        if native is None:
            return None
        buffer = self.plan.resolve_buffer(native.source)
        classes, rows, cols = native.cut(window, grid, margin=buffer.margin)
        hidden = _find_classes(classes, self.plan.obscured_classes)
        declared = native.cut_mask(window, grid, margin=buffer.margin)
        return buffer.grow(hidden if declared is None else hidden & declared), rows, cols

    def _compute_validity(
        self, window: Window, cuts: Sequence[Cut], masks: Sequence[Mask], declared: Sequence[Mask]
    ) -> NDArray[np.bool_]:
        """Where there is data, as the product's rule for nodata has it, and the files themselves declare it valid."""
        radiometry = self.plan.scene.radiometry
        fine = (
            (None if mask is None else take_nearest(mask, rows, cols), radiometry.is_missing_alone(native.source.name))
            for native, (_, rows, cols), mask in zip(self.bands, cuts, masks, strict=True)
        )
        own = (
            (take_nearest(mask, rows, cols), True)
            for (_, rows, cols), mask in zip(cuts, declared, strict=True)
            if mask is not None
        )
        return combine_validity(chain(fine, own), shape=window.shape)


def _merge_masks(mask: Mask, other: Mask) -> Mask:
    return other if mask is None else mask if other is None else mask & other


def _find_classes(classes: NDArray[Any], wanted: frozenset[int]) -> NDArray[np.bool_]:
    """Where a scene classification holds one of some classes."""
    if classes.dtype != np.uint8:
        return np.isin(classes, list(wanted))
    table = np.zeros(256, dtype=np.bool_)
    table[[number for number in wanted if number < len(table)]] = True
    return np.take(table, classes)


def compute_reflectance(
    dn: NDArray[Any],
    mask: NDArray[np.bool_] | None,
    radiometry: Radiometry,
    name: str,
    sampling: tuple[AxisSampling, AxisSampling],
    *,
    out: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Turn the DN of one band into reflectance on the finest grid; missing pixels take no part.

    Args:
        dn: As stored, (row, col).
        mask: True where ``dn`` is data, (row, col); ``None``: everywhere.
        radiometry: Offset and quantification.
        name: The band.
        sampling: Rows and columns of the finest grid in ``dn``.
        out: Where the answer goes, (fine row, fine col); ``None``: an array of its own.

    Returns:
        (fine row, fine col), finite; 0 where no data is near.
    """
    rows, cols = sampling
    scale = np.float32(1 / radiometry.get_quantification(name))
    values = dn.astype(np.float32)
    values += np.float32(radiometry.get_offset(name))
    values *= scale
    if mask is None:
        return interpolate(values, rows, cols, out=out)
    values[~mask] = 0
    mixed = interpolate(values, rows, cols, out=out)
    if not (rows.is_identity and cols.is_identity):
        _divide_by_share(mixed, mask, rows, cols)
    return mixed


def _divide_by_share(
    mixed: NDArray[np.float32], mask: NDArray[np.bool_], rows: AxisSampling, cols: AxisSampling
) -> None:
    """Make a mean of what was summed up over valid pixels alone; 0 where none is near. Where all are, it is one."""
    missing = ~mask
    bad_rows, bad_cols = np.any(missing, axis=1), np.any(missing, axis=0)
    part_rows, part_cols = (
        _find_span(bad[axis.lower] | bad[axis.upper]) for bad, axis in ((bad_rows, rows), (bad_cols, cols))
    )
    if part_rows.stop == 0 or part_cols.stop == 0:  # what is missing is not asked for
        return
    share = interpolate(mask.astype(np.float32), rows.take(part_rows), cols.take(part_cols))
    reached, part = share > 0, mixed[part_rows, part_cols]
    np.divide(part, share, out=part, where=reached)
    part[~reached] = 0


def _find_span(flags: NDArray[np.bool_]) -> slice:
    """From the first true to the last."""
    positions = np.flatnonzero(flags)
    return slice(int(positions[0]), int(positions[-1]) + 1) if len(positions) else slice(0, 0)


def read_strips(
    plan: ReadPlan, windows: Sequence[Window], *, watch: Watch = nullcontext, is_ahead: bool = True
) -> Generator[Strip]:
    """Read a scene in strips, from top to bottom.

    Args:
        plan: What to read.
        windows: What each strip must cover, in order of rising rows; all of the same columns. May reach beyond the
            scene's edge.
        watch: Called with ``decode``, gives the context in which rows of a file are decoded: a clock's, for instance.
        is_ahead: A strip is decoded while the one before is in use; or else when it is asked for, and where that one
            has been let go of by then, its rows take no memory any more.

    Yields:
        A strip a window.

    Raises:
        RasterReadError: A file cannot be opened or decoded.
    """
    threads = plan.threads or count_cores()
    limit_block_cache(threads)
    budget = RetryBudget()
    with ExitStack() as stack:
        streams = []
        for _, sources in groupby(sorted(plan.sources, key=_find_file), key=_find_file):
            several = tuple(sources)
            margin = plan.resolve_buffer(several[0]).margin
            stream = FileStream(
                several, grid=plan.scene.grid, windows=windows, decoder=plan.decoder, margin=margin, budget=budget
            )
            streams.append(stream)
            stack.callback(stream.close)
        pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="decode")
        # On an error or Ctrl-C: finish what is being decoded, start nothing more, then close the files.
        stack.callback(pool.shutdown, wait=True, cancel_futures=True)

        def submit(position: int) -> list[Future[tuple[Chunk, ...]]]:
            return [pool.submit(read, stream, position) for stream in streams if position < len(windows)]

        def read(stream: FileStream, position: int) -> tuple[Chunk, ...]:
            with watch("decode"):
                return stream.read_rows(position)

        pending = submit(0)
        for position in range(len(windows)):
            strips = [_make_strip(plan, streams, [future.result() for future in pending])]
            pending = submit(position + 1) if is_ahead else []
            yield strips.pop()  # and does not keep it
            pending = pending or submit(position + 1)


def _find_file(source: BandSource) -> tuple[str, bool]:
    """Bands of one file that are read together."""
    return source.path, source.is_warped


def _warp(dataset: rasterio.DatasetReader, grid: Grid) -> WarpedVRT:
    """A file on another grid; its mask says where there is a value."""
    return WarpedVRT(
        dataset,
        crs=grid.crs,
        transform=grid.transform,
        width=grid.width,
        height=grid.height,
        resampling=Resampling.nearest,
        add_alpha=True,
        tolerance=1e-6,  # of a pixel: what is read must not depend on the window
    )


def _make_strip(plan: ReadPlan, streams: list[FileStream], results: list[tuple[Chunk, ...]]) -> Strip:
    """Sort what the files gave back into the order of the bands."""
    native_rows = {
        (*_find_file(source), source.index): NativeRows(
            source,
            chunks[0].row_start,
            stream.col_start,
            tuple(chunk.dn[position] for chunk in chunks),
            tuple(mask for chunk in chunks if (mask := chunk.masks[position]) is not None),
        )
        for stream, chunks in zip(streams, results, strict=True)
        for position, source in enumerate(stream.sources)
    }
    bands = tuple(native_rows[*_find_file(source), source.index] for source in plan.bands)
    bands = tuple(replace(native, source=source) for native, source in zip(bands, plan.bands, strict=True))
    scl = plan.scene.classification if plan.obscured_classes else None
    return Strip(plan, bands, native_rows[*_find_file(scl), scl.index] if scl is not None else None)
