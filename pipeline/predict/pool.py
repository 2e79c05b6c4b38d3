"""Run a network over the tiles of a row, a tile a core; the next rows are decoded beside them, or after.

One thread a tile, instead of all threads on one tile, keeps every core busy where others decode beside it: nobody waits
for the slowest at the end of each layer. What a tile needs is kept by its thread and used again, since new memory
costs more than the arithmetic on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.predict.quicklook import Cells
from pipeline.predict.row import Pool, RowInWork, TileMap
from pipeline.predict.tile import MappedRows, Prediction, add_looks, ask_network, compute_cells
from tiles.grid import Window
from tiles.masks import NODATA, VALID
from tiles.pixels.reader import Strip
from tiles.tiling import Tile, TileRow

__all__ = ["TilePool", "run_rows"]


class TilePool(Pool):
    """Threads that map tiles, as many as the network takes at once. Use it as a context manager.

    Args:
        prediction: What to run on what.
        workers: Threads.
    """

    def __init__(self, prediction: Prediction, *, workers: int) -> None:
        super().__init__(prediction, workers=workers, enter=prediction.runtime.enter_worker)

    def _map_tile(self, strip: Strip, tile: Tile, answer: TileMap) -> list[Cells]:
        prediction, inside = self._prediction, tile.interior.slices(within=tile.read)
        outside = prediction.area.compute_outside(tile.interior, prediction.plan.scene.grid)
        if outside is not None and outside.all():
            return []
        with prediction.clock.stage("reflectance"):
            pixels = strip.read(tile.read, out=self._take_memory(len(strip.bands), tile.read))
            answer.state[:] = pixels.state[inside]
            if outside is not None:
                answer.state[outside] = NODATA
            reflectance = pixels.reflectance[(slice(None), *inside)]
            add_looks(answer.look, answer.infrared, prediction, reflectance)
            cells = list(compute_cells(prediction, tile, reflectance, answer.state))
        is_valid = answer.state == VALID
        if is_valid.any():  # else there is nothing to ask the network
            with prediction.clock.stage("network"):
                probability = ask_network(prediction.runtime, pixels, tile)
            np.copyto(answer.probability, probability, where=is_valid)
        return cells

    def _take_memory(self, bands: int, window: Window) -> NDArray[np.float32]:
        """Reflectance of this thread's tile, (band, row, col)."""
        size = bands * window.height * window.width
        if getattr(self._memory, "size", 0) < size:
            self._memory.size, self._memory.values = size, np.empty(size, dtype=np.float32)
        values: NDArray[np.float32] = self._memory.values
        return values[:size].reshape(bands, *window.shape)


def run_rows(
    prediction: Prediction,
    rows: Sequence[TileRow],
    strips: Iterator[Strip],
    workers: int,
    *,
    pool: Pool | None = None,
) -> Iterator[MappedRows]:
    """Map rows of tiles, beginning with each while the one before is finished.

    Args:
        prediction: What to run on what.
        rows: The rows.
        strips: The pixels of each.
        workers: Tiles at once, on the processor.
        pool: What maps them; ``None``: what suits the network.

    Yields:
        The rows of the map.
    """
    before: RowInWork | None = None
    with pool or _open_pool(prediction, workers=workers) as opened:
        for row in rows:
            if before is not None:  # the next strip is taken only when hands are free
                before.wait_until_few(opened.workers - 1)
            with prediction.clock.stage("wait for decoding"):
                strip = next(strips)
            now = opened.submit(row, strip)
            del strip  # or its rows could not be forgotten while the next is decoded
            if before is not None:
                yield before.finish(prediction.area)
            before = now
        if before is not None:
            yield before.finish(prediction.area)


def _open_pool(prediction: Prediction, *, workers: int) -> Pool:
    """A pool that suits the network: on a GPU, one that keeps it busy."""
    if getattr(prediction.runtime, "device", "cpu") == "cuda":
        from models.runtimes.torch_predictor import Runtime  # noqa: PLC0415 (torch, which other networks do without)

        if isinstance(prediction.runtime, Runtime):
            from pipeline.predict.device_pool import DevicePool  # noqa: PLC0415 (the same)

            return DevicePool(prediction, runtime=prediction.runtime)
    return TilePool(prediction, workers=workers)
