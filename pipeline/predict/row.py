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

__all__ = ["Pool", "RowInWork"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowInWork:
    """A row of tiles that is being mapped.

    Attributes:
        row: The row.
        probability: float32 (row, col), written by the threads.
        state: uint8 (row, col), the same.
        tiles: What each tile gives to the picture, once it is done; from left to right.
    """

    row: TileRow
    probability: NDArray[np.float32]
    state: NDArray[np.uint8]
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
        return MappedRows(row_off=row_off, probability=self.probability, state=self.state, cells=cells)


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

        def run(tile: Tile) -> list[Cells]:
            target = tile.interior.slices(within=row.interior)
            return self._map_tile(strip, tile, probability[target], state[target])

        tiles = tuple(self._threads.submit(run, tile) for tile in row.tiles)
        return RowInWork(row=row, probability=probability, state=state, tiles=tiles)

    @abstractmethod
    def _map_tile(
        self, strip: Strip, tile: Tile, probability: NDArray[np.float32], state: NDArray[np.uint8]
    ) -> list[Cells]:
        """Write probability and state of a tile's interior, (row, col); returns what it gives to the picture."""
