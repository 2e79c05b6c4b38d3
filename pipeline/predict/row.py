"""A row of tiles in work, and what every pool that maps its tiles shares."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipeline.predict.area import Area
from pipeline.predict.quicklook import Cells
from pipeline.predict.tile import MappedRows, Prediction
from tiles.masks import NODATA
from tiles.pixels.reader import Strip
from tiles.tiling import Tile, TileRow

__all__ = ["Pool", "RowInWork", "TileMap"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowInWork:
    """A row of tiles that is being mapped.

    Attributes:
        row: The row.
        probability: float32 (row, col), written by the threads.
        state: uint8 (row, col), the same.
        look: uint8 (row, col), the same.
        infrared: int16 (row, col), the same; ``None``: the network reads no near infrared.
        tiles: What each tile gives to the picture, once it is done; from left to right.
    """

    row: TileRow
    probability: NDArray[np.float32]
    state: NDArray[np.uint8]
    look: NDArray[np.uint8]
    infrared: NDArray[np.int16] | None
    tiles: tuple[Future[list[Cells]], ...]

    def wait_until_few(self, count: int) -> None:
        """Return when at most ``count`` tiles are not done, or one has failed."""
        left = {tile for tile in self.tiles if not tile.done()}
        while len(left) > count and not any(tile.done() and tile.exception() for tile in self.tiles):
            left = wait(left, return_when=FIRST_COMPLETED).not_done

    def finish(self, area: Area) -> MappedRows:
        """Wait for all tiles, and give the rows.

        Args:
            area: What is mapped.

        Raises:
            StrandlineError: What went wrong with a tile.
        """
        cells = tuple(cell for tile in self.tiles for cell in tile.result())
        row_off = self.row.interior.row_off - area.window.row_off
        return MappedRows(
            row_off=row_off,
            probability=self.probability,
            state=self.state,
            look=self.look,
            infrared=self.infrared,
            cells=cells,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TileMap:
    """Where the map of a tile's interior goes, all (row, col) and part of its row's.

    Attributes:
        probability: float32, NaN until it is known.
        state: uint8, nodata until it is known.
        look: uint8, 0 until it is known.
        infrared: int16, likewise.
    """

    probability: NDArray[np.float32]
    state: NDArray[np.uint8]
    look: NDArray[np.uint8]
    infrared: NDArray[np.int16]


class Pool(ABC):
    """Threads that map the tiles of rows, on the processor or a device. Use it as a context manager.

    Args:
        prediction: What to run on what.
        workers: Tiles in work at once.
        enter: Called in each thread first.
    """

    def __init__(self, prediction: Prediction, *, workers: int, enter: Callable[[], None] | None = None) -> None:
        self.workers = workers
        self._prediction = prediction
        self._memory = threading.local()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="tile", initializer=enter)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)

    def submit(self, row: TileRow, strip: Strip) -> RowInWork:
        """Begin a row of tiles.

        Args:
            row: The row.
            strip: Its pixels.
        """
        probability = np.full(row.interior.shape, np.nan, dtype=np.float32)
        state = np.full(row.interior.shape, NODATA, dtype=np.uint8)
        look = np.zeros(row.interior.shape, dtype=np.uint8)
        infrared = np.zeros(row.interior.shape, dtype=np.int16)

        def run(tile: Tile) -> list[Cells]:
            target = tile.interior.slices(within=row.interior)
            part = TileMap(
                probability=probability[target], state=state[target], look=look[target], infrared=infrared[target]
            )
            return self._map_tile(strip, tile, part)

        tiles = tuple(self._threads.submit(run, tile) for tile in row.tiles)
        known = None if self._prediction.infrared_channel is None else infrared
        return RowInWork(row=row, probability=probability, state=state, look=look, infrared=known, tiles=tiles)

    @abstractmethod
    def _map_tile(self, strip: Strip, tile: Tile, answer: TileMap) -> list[Cells]:
        """Write the map of a tile's interior; returns what it gives to the picture."""
