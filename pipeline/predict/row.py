"""A row of tiles in work, and what a pool that maps its tiles is asked for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.predict.area import Area
from pipeline.predict.quicklook import Cells
from pipeline.predict.tile import MappedRows
from tiles.masks import NODATA
from tiles.pixels.reader import Strip
from tiles.tiling import Tile, TileRow

__all__ = ["Pool", "RowInWork", "begin_row"]

MapTile = Callable[[Tile, NDArray[np.float32], NDArray[np.uint8]], list[Cells]]
"""Writes probability and state of a tile's interior, (row, col), and returns what it gives to the picture."""


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


class Pool(Protocol):
    """What maps rows of tiles: threads on the processor, or a device."""

    @property
    def workers(self) -> int:
        """Tiles in work at once."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def submit(self, row: TileRow, strip: Strip) -> RowInWork:
        """Begin a row of tiles, whose pixels are in the strip."""
        ...


def begin_row(threads: ThreadPoolExecutor, row: TileRow, map_tile: MapTile) -> RowInWork:
    """Hand the tiles of a row to threads.

    Args:
        threads: What runs them.
        row: The row.
        map_tile: Maps one of them.
    """
    probability = np.full(row.interior.shape, np.nan, dtype=np.float32)
    state = np.full(row.interior.shape, NODATA, dtype=np.uint8)

    def run(tile: Tile) -> list[Cells]:
        target = tile.interior.slices(within=row.interior)
        return map_tile(tile, probability[target], state[target])

    tiles = tuple(threads.submit(run, tile) for tile in row.tiles)
    return RowInWork(row=row, probability=probability, state=state, tiles=tiles)
