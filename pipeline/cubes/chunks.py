"""Ask a network about one chunk of a cube, so that the chunks together equal the whole.

A chunk is read with the pixels that its tiles' halos need, from however many chunks around it; tiles begin at
multiples of the network's stride counted from the cube's corner, whatever the chunking; beyond the cube's edge pixels
are reflected. All of that is ``tiles.tiling`` and ``tiles.pixels.reader``; this file only knows which part of the cube
is at hand.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelFileError
from models.runtimes.predictor import Device, Precision, Predictor
from models.runtimes.resolve import resolve_predictor
from pipeline.predict.tile import ask_network
from tiles.grid import Window
from tiles.masks import NODATA, OBSCURED, VALID
from tiles.pixels.cloud_buffer import CloudBuffer
from tiles.pixels.native_rows import NativeRows, widen
from tiles.pixels.reader import ReadPlan, Strip
from tiles.pixels.resample import reflect
from tiles.products.fills import find_beyond_reflectance
from tiles.scene import Radiometry, Scene
from tiles.tiling import Tiling

__all__ = ["HIDDEN", "ChunkMapper", "ModelKey", "Span", "decode_state", "load_predictor", "merge_chunks", "plan_spans"]

HIDDEN = -1.0
"""Stands for "obscured" in a chunk's answer; NaN stands for "no data"."""

LEAST_CHUNK = 256
"""Pixels: smaller chunks are mapped together, since the halo of each would cost more than itself."""

_NETWORK = threading.Lock()
"""One forward pass a process at a time: each uses all cores, and torch's flags are not a thread's own."""
_LOADING = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelKey:
    """Which model, made ready for which inputs: small enough to travel with every task.

    Attributes:
        source: Name of a bundled model, or path of a model file.
        sha256: Of the file; a worker that finds another under this name refuses.
        inputs: Bands to read, in the model's order.
        device: As in ``strandline.MapOptions``.
        precision: As in ``strandline.MapOptions``.
    """

    source: str
    sha256: str
    inputs: tuple[str, ...]
    device: Device
    precision: Precision


def load_predictor(key: ModelKey) -> Predictor:
    """The model, loaded once a process.

    Raises:
        ModelFileError: This machine has another file under that name.
        StrandlineError: It cannot be loaded.
    """
    with _LOADING:  # or each thread of a worker would load its own
        predictor = resolve_predictor(key.source, inputs=key.inputs, device=key.device, precision=key.precision)
    if predictor.sha256 != key.sha256:
        raise ModelFileError(
            f"Expected the model {key.source} with the checksum {key.sha256[:12]}…, found {predictor.sha256[:12]}… in "
            f"{predictor.source}: another file lies here under that name. Give all workers the same file."
        )
    return predictor


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A chunk along one axis, and what must be read for it.

    Attributes:
        start: First pixel of the chunk.
        length: Its pixels.
        read_start: First pixel to read.
        read_stop: One past the last.
    """

    start: int
    length: int
    read_start: int
    read_stop: int


def merge_chunks(chunks: Sequence[int]) -> tuple[int, ...]:
    """Join chunks that are too small to be worth their halo.

    Args:
        chunks: Lengths along one axis.

    Returns:
        Lengths with the same sum, none under ``LEAST_CHUNK`` but the last; equal ones stay equal.
    """
    merged: list[int] = []
    open_length = 0
    for length in chunks:
        open_length += length
        if open_length >= LEAST_CHUNK:
            merged.append(open_length)
            open_length = 0
    return (*merged, open_length) if open_length else tuple(merged)


def plan_spans(lengths: Sequence[int], *, halo: int, stride: int, margin: int = 0) -> tuple[Span, ...]:
    """What must be read for each chunk along one axis.

    Args:
        lengths: Of the chunks.
        halo: The network's reach in pixels.
        stride: The network's stride.
        margin: Pixels on each side besides, as far as the cube has them.
    """
    total = sum(lengths)
    spans = []
    start = 0
    for length in lengths:
        first = (start - halo) // stride * stride
        stop = -(-(start + length + halo) // stride) * stride
        needed = reflect(np.arange(first, stop, dtype=np.int64), total)
        read_start, read_stop = widen((int(needed.min()), int(needed.max()) + 1), margin, total)
        spans.append(Span(start=start, length=length, read_start=read_start, read_stop=read_stop))
        start += length
    return tuple(spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkMapper:
    """Maps one chunk of one date; small, so that it can travel to a worker.

    Attributes:
        model: What to ask.
        scenes: The cube's dates as scenes, those that are read alike only once.
        scene_of: Which of them each date is.
        obscured_classes: Classes of the scene classification that hide the ground.
        cloud_buffer: How far around them the ground is hidden too.
        tile_size: Interior of a tile in pixels.
        rows: The chunks' rows.
        cols: Their columns.
    """

    model: ModelKey
    scenes: tuple[Scene, ...]
    scene_of: tuple[int, ...]
    obscured_classes: frozenset[int]
    cloud_buffer: CloudBuffer
    tile_size: int
    rows: tuple[Span, ...]
    cols: tuple[Span, ...]

    def __call__(self, block: NDArray[Any], block_id: tuple[int, ...]) -> NDArray[np.float32]:
        """Map a block as Dask hands it over.

        Args:
            block: (1, band, row, col) as stored, all that the spans say; the scene classification last, if any.
            block_id: Date, row and column of the chunk.

        Returns:
            (1, row, col), see ``map_chunk``.
        """
        step, row, col = block_id
        return self.map_chunk(list(block[0]), step=step, rows=self.rows[row], cols=self.cols[col])[None]

    def map_chunk(self, arrays: Sequence[NDArray[Any]], *, step: int, rows: Span, cols: Span) -> NDArray[np.float32]:
        """Map one chunk.

        Args:
            arrays: (row, col) as stored, over what the spans read: the bands in the model's order, then the scene
                classification where the scene has one.
            step: The date.
            rows: The chunk's rows.
            cols: Its columns.

        Returns:
            (row, col): probability of water 0 to 1, NaN without data, ``HIDDEN`` where obscured.
        """
        predictor = load_predictor(self.model)
        strip = self._make_strip(arrays, self.scenes[self.scene_of[step]], (rows.read_start, cols.read_start))
        domain = Window(cols.start, rows.start, cols.length, rows.length)
        answer = np.full(domain.shape, np.nan, dtype=np.float32)
        reach = predictor.reach_px or 0
        tiling = Tiling(domain=domain, tile_size=self.tile_size, halo=reach, stride=predictor.stride)
        for tile in (tile for row in tiling.rows() for tile in row.tiles):
            pixels = strip.read(tile.read)
            inside = tile.interior.slices(within=tile.read)
            state = pixels.state[inside]
            part = answer[tile.interior.slices(within=domain)]
            part[state == OBSCURED] = HIDDEN
            if (state == VALID).any():
                with _NETWORK:
                    mapped = ask_network(predictor, pixels, tile)
                np.copyto(part, mapped, where=state == VALID)
        return answer

    def _make_strip(self, arrays: Sequence[NDArray[Any]], scene: Scene, corner: tuple[int, int]) -> Strip:
        names = self.model.inputs
        bands = tuple(source for name in names for source in scene.bands if source.name == name)
        arrays = [*mark_fills(arrays[: len(bands)], names, scene.radiometry), *arrays[len(bands) :]]
        plan = ReadPlan(
            scene=scene, bands=bands, obscured_classes=self.obscured_classes, cloud_buffer=self.cloud_buffer
        )
        native = tuple(NativeRows(source, *corner, (array,)) for source, array in zip(bands, arrays, strict=False))
        scl = scene.classification if self.obscured_classes else None
        return Strip(plan, native, None if scl is None else NativeRows(scl, *corner, (arrays[len(bands)],)))


def mark_fills(arrays: Sequence[NDArray[Any]], names: Sequence[str], radiometry: Radiometry) -> Sequence[NDArray[Any]]:
    """Give the pixels the marker in which all bands have one value that no ground reflects.

    Args:
        arrays: As stored, (row, col), a band.
        names: Of the bands.
        radiometry: How values become reflectance, and the markers.

    Returns:
        The arrays themselves where there is no such pixel, else changed copies.
    """
    first = arrays[0]
    fill = find_beyond_reflectance(first, max(map(radiometry.get_quantification, names)))
    for other in arrays[1:]:
        if not fill.any():
            return arrays
        fill &= first == other
    if len(arrays) == 1 or not fill.any():
        return arrays
    return [_mark(array, fill, radiometry.get_nodata(name)) for array, name in zip(arrays, names, strict=True)]


def _mark(array: NDArray[Any], fill: NDArray[np.bool_], nodata: float | None) -> NDArray[Any]:
    if nodata is None and array.dtype.kind != "f":
        return array  # the caller says that nothing marks what is missing
    marked = array.copy()
    marked[fill] = np.nan if nodata is None else nodata
    return marked


def decode_state(answer: NDArray[np.float32]) -> NDArray[np.uint8]:
    """States of ``tiles.masks`` from a chunk's answer."""
    state = np.where(np.isnan(answer), NODATA, VALID).astype(np.uint8)
    state[answer == np.float32(HIDDEN)] = OBSCURED
    return state
