"""A row of tiles in work: where its tiles write, how long others wait for it, and what comes of it."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from pipeline.predict.area import Area
from pipeline.predict.quicklook import Cells
from pipeline.predict.row import Pool, RowInWork, TileMap
from pipeline.predict.tile import Prediction
from tiles.grid import Window
from tiles.masks import NODATA, VALID
from tiles.pixels.reader import Strip
from tiles.tiling import Tile, TileRow, Tiling

AREA = Area(window=Window(3, 10, 7, 8))


def make_row() -> TileRow:
    """The second row of tiles of 4 pixels in the area: rows 14 to 18, two tiles of 4 and 3 columns."""
    return list(Tiling(domain=AREA.window, tile_size=4, halo=0).rows())[1]


def make_cells(layer: int) -> Cells:
    return Cells(layer=layer, row=0, col=0, total=np.zeros((1, 1)), count=np.zeros((1, 1)))


def make_row_of(*tiles: Future[list[Cells]]) -> RowInWork:
    probability, state, look = np.zeros((4, 7), np.float32), np.zeros((4, 7), np.uint8), np.zeros((4, 7), np.uint8)
    return RowInWork(row=make_row(), probability=probability, state=state, look=look, infrared=None, tiles=tiles)


def finish(result: object) -> Future[list[Cells]]:
    future: Future[list[Cells]] = Future()
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result([])
    return future


def test_each_tile_writes_its_own_part_and_what_none_writes_is_nodata() -> None:
    strip = cast("Strip", object())

    class Pooled(Pool):
        def _map_tile(self, given: Strip, tile: Tile, answer: TileMap) -> list[Cells]:
            assert given is strip
            assert answer.probability.shape == answer.state.shape == answer.look.shape == tile.interior.shape
            if tile.interior.col_off == 3:
                return [make_cells(0)]
            answer.probability[:], answer.state[:], answer.look[:], answer.infrared[:] = 0.25, VALID, 3, 1234
            return [make_cells(1), make_cells(2)]

    entered: list[str] = []
    prediction = cast("Prediction", SimpleNamespace(infrared_channel=7))
    with Pooled(prediction, workers=2, enter=lambda: entered.append(threading.current_thread().name)) as pool:
        rows = pool.submit(make_row(), strip).finish(AREA)
    assert len(entered) == len(set(entered)) <= pool.workers == 2
    assert rows.row_off == 4  # counted from the area's upper edge
    assert rows.state.shape == (4, 7)
    assert (rows.state[:, :4] == NODATA).all()
    assert np.isnan(rows.probability[:, :4]).all()
    assert (rows.state[:, 4:] == VALID).all()
    assert rows.look is not None
    assert ((rows.look == 3) == (rows.state == VALID)).all()
    assert rows.infrared is not None
    assert ((rows.infrared == 1234) == (rows.state == VALID)).all()
    assert (rows.probability[:, 4:] == np.float32(0.25)).all()
    assert [cells.layer for cells in rows.cells] == [0, 1, 2]


def test_nobody_waits_where_few_enough_tiles_are_left_or_one_has_failed() -> None:
    left: Future[list[Cells]] = Future()
    make_row_of(finish(None), left).wait_until_few(1)
    make_row_of(finish(ValueError("no memory")), left, Future()).wait_until_few(1)
    make_row_of(finish(None), finish(None)).wait_until_few(0)
    assert not left.done()


def test_who_waits_goes_on_once_few_tiles_are_left() -> None:
    first: Future[list[Cells]] = Future()
    second: Future[list[Cells]] = Future()
    third: Future[list[Cells]] = Future()
    row = make_row_of(first, second, third)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(row.wait_until_few, 1)
        first.set_result([])
        assert not waiting.done()
        second.set_result([])
        waiting.result(timeout=20)
        third.set_result([])


def test_what_went_wrong_with_a_tile_is_raised_with_the_row() -> None:
    with pytest.raises(ValueError, match="no memory"):
        make_row_of(finish(None), finish(ValueError("no memory"))).finish(AREA)
