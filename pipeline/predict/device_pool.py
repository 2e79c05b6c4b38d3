"""Run a network over the tiles of a row on a GPU, which is never left to wait for the host, nor the host for it.

While one tile is computed, the DN of the next are on their way to the device and the answer of the one before on its
way back, each in a lane of its own (``pipeline.predict.device_lanes``). The threads gather pixels, hand over work and
take answers; a few tiles are in hand at a time, so memory stays flat. On the processor the same code does the same work
at once; it is there for tests, and ``pipeline.predict.pool`` is faster.

It was never run on a GPU: its results and its order were tested on the processor.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.errors import DeviceError
from models.runtimes.torch_predictor import Runtime
from pipeline.predict.device_buffers import Departure, Return
from pipeline.predict.device_input import TileInput, prepare_tile
from pipeline.predict.device_lanes import Lane, Mark
from pipeline.predict.quicklook import Cells
from pipeline.predict.row import Pool, TileMap
from pipeline.predict.tile import Prediction, add_looks, compute_cells, cut_chips
from tiles.grid import Window
from tiles.masks import NODATA, VALID
from tiles.pixels.reader import Strip
from tiles.tiling import Tile

__all__ = ["DevicePool", "DeviceSpan"]

IN_FLIGHT = 3
"""Tiles in hand: one that comes, one that is computed, one that goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSpan:
    """When a piece of work ran on the device.

    Attributes:
        work: ``copy in``, ``input`` (up-sampling), ``network`` or ``copy back``.
        begin_s: Seconds since the pool was made.
        end_s: The same.
    """

    work: str
    begin_s: float
    end_s: float


class _Buffers:
    """Memory of one tile in hand."""

    def __init__(self, device: torch.device) -> None:
        self.departure, self.back = Departure(device), Return(device)


class DevicePool(Pool):
    """Maps tiles on a device, as ``pipeline.predict.pool.TilePool`` does on the processor. Use it as a context manager.

    Args:
        prediction: What to run on what.
        runtime: Its network.
        workers: Tiles in hand at once.
    """

    def __init__(self, prediction: Prediction, *, runtime: Runtime, workers: int = IN_FLIGHT) -> None:
        super().__init__(prediction, workers=workers)
        self._runtime = runtime
        self._device = device = torch.device(runtime.device)
        self._fill = torch.from_numpy(runtime.fill).to(device)
        if device.type == "cuda":
            torch.cuda.synchronize(device)  # the network and the fill are there before any lane asks for them
        self._incoming, self._compute, self._outgoing = (Lane(device) for _ in range(3))
        _, self._origin = self._compute.run("begin", lambda: None)
        self._marks: list[Mark] = []
        self._turn = threading.Lock()  # the kernels of two tiles never mix, or both would need their memory at once

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        for lane in (self._incoming, self._compute, self._outgoing):
            lane.wait()

    @property
    def spans(self) -> tuple[DeviceSpan, ...]:
        """When each finished piece of work ran on the device; four for each tile, which follow each other."""
        spans = [(mark.work, mark.compute_span(self._origin.end)) for mark in tuple(self._marks)]
        return tuple(DeviceSpan(work=work, begin_s=begin, end_s=end) for work, (begin, end) in spans)

    def _map_tile(self, strip: Strip, tile: Tile, answer: TileMap) -> list[Cells]:
        prediction = self._prediction
        outside = prediction.area.compute_outside(tile.interior, prediction.plan.scene.grid)
        if outside is not None and outside.all():
            return []
        buffers = self._take_buffers()
        with prediction.clock.stage("reflectance"):
            pixels = prepare_tile(strip, tile.read)
            if pixels.is_empty:
                return []
            buffers.departure.gather(pixels.arrays)
        with prediction.clock.stage("network"):
            answer.probability[:], answer.state[:] = self._predict_on_device(pixels, tile, buffers)
        if outside is not None:
            answer.probability[outside], answer.state[outside] = np.nan, NODATA
        with prediction.clock.stage("reflectance"):
            return self._look_at(tile, strip, answer)

    def _predict_on_device(
        self, pixels: TileInput, tile: Tile, buffers: _Buffers
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Probability and state of a tile's interior, in memory that is used again for this thread's next tile."""
        try:
            tensors, arrived = self._incoming.run("copy in", buffers.departure.send)
            with self._turn:
                inputs, ready = self._compute.run("input", lambda: pixels.compute(tensors, self._fill), after=arrived)
                answer, computed = self._compute.run("network", lambda: self._predict(*inputs, tile))
            result, returned = self._outgoing.run("copy back", lambda: buffers.back.fetch(*answer), after=computed)
        except torch.OutOfMemoryError as error:
            size = max(tile.interior.shape)
            raise DeviceError(
                f"The {self._device} device has no memory left for a tile of {size} pixels with its surroundings "
                f"({tile.read.width} x {tile.read.height}): ask for smaller tiles (--tile-size {max(32, size // 2)}), "
                "or end what else runs there."
            ) from error
        returned.wait()  # ``tensors`` and ``answer`` live until here: their memory is in use by other lanes
        self._marks += [arrived, ready, computed, returned]
        return result

    def _predict(self, image: Tensor, state: Tensor, tile: Tile) -> tuple[Tensor, Tensor]:
        """Probability (NaN where not valid) and state of a tile's interior, on the device, (row, col).

        Args:
            image: Reflectance of all that the tile reads, (1, C, H, W).
            state: Of the same, (H, W).
            tile: The tile.
        """
        margin = self._runtime.reach_px or 0
        rows, cols = tile.interior.slices(within=tile.read)
        state = state[rows, cols].contiguous()
        answer = self._runtime.predict_tensor(image, margin=margin)[0]  # (H, W), less the margin
        top, left = rows.start - margin, cols.start - margin
        answer = answer[top : top + tile.interior.height, left : left + tile.interior.width]
        return answer.masked_fill(state != VALID, torch.nan).contiguous(), state

    def _look_at(self, tile: Tile, strip: Strip, answer: TileMap) -> list[Cells]:
        """Bands of picture and looks are brought to reflectance on the host for the interior, those of chips there."""
        visible, look, infrared = self._prediction.visible, self._prediction.look, self._prediction.infrared_channel
        wanted = [*(visible.channels if visible else ()), *(look.all if look else ())]
        wanted += [] if infrared is None else [infrared]
        if not wanted:
            return []
        channels = sorted(set(wanted))
        bands = tuple(strip.bands[channel] for channel in channels)
        read = replace(strip, bands=bands, classification=None).read(tile.interior).reflectance
        reflectance = dict(zip(channels, read, strict=True))
        add_looks(answer.look, answer.infrared, self._prediction, reflectance)
        picture = replace(self._prediction, visible=replace(visible, texture=()) if visible else None)
        cells = list(compute_cells(picture, tile, reflectance, answer.state))
        return [*cells, *cut_chips(self._prediction, tile, answer.state, lambda part: self._read_chip(strip, part))]

    def _read_chip(self, strip: Strip, part: Window) -> NDArray[np.float32]:
        """Reflectance (band, row, col) of the chips' channels in a window of the area."""
        visible, area = self._prediction.visible, self._prediction.area.window
        bands = tuple(strip.bands[channel] for channel in visible.texture) if visible is not None else ()
        window = Window(part.col_off + area.col_off, part.row_off + area.row_off, part.width, part.height)
        return replace(strip, bands=bands, classification=None).read(window).reflectance

    def _take_buffers(self) -> _Buffers:
        """Of this thread."""
        if not hasattr(self._memory, "buffers"):
            self._memory.buffers = _Buffers(self._device)
        buffers: _Buffers = self._memory.buffers
        return buffers
