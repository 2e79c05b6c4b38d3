"""What is done with one tile: its surroundings are cut off, what is not known is filled, what is outside left out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS

from pipeline.clock import StageClock
from pipeline.predict import tile as tile_module
from pipeline.predict.area import Area
from pipeline.predict.quicklook import TEXTURE, Visible
from pipeline.predict.tile import Prediction, ask_network, compute_cells, fill_unknown, leave_out
from tiles.grid import Grid, Window
from tiles.masks import NODATA, OBSCURED, VALID
from tiles.pixels.reader import Pixels
from tiles.tiling import Tile

GRID = Grid(crs=CRS.from_epsg(32630), transform=Affine(10, 0, 500000, 0, -10, 4500000), width=40, height=30)
TILE = Tile(interior=Window(4, 6, 3, 2), read=Window(0, 0, 12, 16), own=Window(4, 6, 3, 2))


@dataclass
class Echo:
    """A network that answers with its first channel, less the margin, and remembers what it was given."""

    reach_px: int | None = 2
    stride: int = 4
    fill: NDArray[np.float32] = field(default_factory=lambda: np.array([0.5, 0.25], np.float32))
    batch: NDArray[np.float32] | None = None

    def predict(self, batch: NDArray[np.float32], *, margin: int = 0) -> NDArray[np.float32]:
        self.batch = batch.copy()
        height, width = batch.shape[2:]
        return batch[:, 0, margin : height - margin, margin : width - margin]


def make_prediction(runtime: Echo | None = None, **changes: object) -> Prediction:
    given: dict[str, Any] = {
        "plan": SimpleNamespace(scene=SimpleNamespace(grid=GRID)),
        "runtime": runtime or Echo(),
        "area": Area(window=GRID.window),
        "tile_size": 512,
        "clock": StageClock(),
    }
    return Prediction(**{**given, **changes})


def make_pixels(window: Window, state: NDArray[np.uint8] | None = None) -> Pixels:
    """Each pixel of the first channel is ``100 * row + col``, of the second its negative."""
    rows, cols = np.mgrid[window.row_off : window.row_stop, window.col_off : window.col_stop]
    values = (100 * rows + cols).astype(np.float32)
    state = np.full(window.shape, VALID, np.uint8) if state is None else state
    return Pixels(reflectance=np.stack((values, -values)), state=state)


@pytest.mark.parametrize("reach", [None, 0, 2, 4])
def test_the_answer_is_of_the_interior_whatever_the_margin(reach: int | None) -> None:
    answer = ask_network(Echo(reach_px=reach), make_pixels(TILE.read), TILE)
    np.testing.assert_array_equal(answer, [[604, 605, 606], [704, 705, 706]])


def test_the_answer_does_not_depend_on_where_the_tile_was_read_from() -> None:
    tile = replace(TILE, read=Window(1, 3, 9, 8))
    answer = ask_network(Echo(reach_px=2), make_pixels(tile.read), tile)
    np.testing.assert_array_equal(answer, [[604, 605, 606], [704, 705, 706]])


def test_what_is_not_valid_is_filled_in_every_channel_and_nothing_else() -> None:
    state = np.array([[VALID, NODATA], [OBSCURED, VALID]], np.uint8)
    pixels = make_pixels(Window(1, 0, 2, 2), state)
    batch = fill_unknown(Echo(), pixels)
    np.testing.assert_array_equal(batch, [[[[1, 0.5], [0.5, 102]], [[-1, 0.25], [0.25, -102]]]])
    assert np.shares_memory(batch, pixels.reflectance)  # no copy of a tile


def test_what_is_all_valid_stays_as_it_is() -> None:
    batch = fill_unknown(Echo(), make_pixels(Window(0, 0, 2, 1)))
    np.testing.assert_array_equal(batch, [[[[0, 1]], [[-0.0, -1]]]])


def test_pixels_outside_the_outline_are_nodata_and_others_keep_their_state() -> None:
    west, north = 500000 + 10 * TILE.interior.col_off, 4500000 - 10 * TILE.interior.row_off
    outline = shapely.box(west, north - 10, west + 20, north)  # the upper left two pixels
    state = np.array([[OBSCURED, VALID, VALID], [VALID, VALID, OBSCURED]], np.uint8)
    inside = leave_out(state, make_prediction(area=Area(window=GRID.window, outline=outline)), TILE)
    np.testing.assert_array_equal(inside, [[OBSCURED, VALID, NODATA], [NODATA, NODATA, NODATA]])
    assert inside.dtype == np.uint8
    assert leave_out(state, make_prediction(), TILE) is state


def test_without_a_picture_a_tile_gives_nothing_to_it() -> None:
    pixels = make_pixels(TILE.interior)
    assert list(compute_cells(make_prediction(), TILE, pixels.reflectance, pixels.state)) == []


def test_a_tile_gives_the_chosen_channels_to_the_picture_in_their_order() -> None:
    pixels = make_pixels(TILE.interior)
    area = Area(window=Window(2, 4, 20, 20))  # the interior begins at column 2, row 2 of the area
    prediction = make_prediction(area=area, visible=Visible(channels=(1, 0), factor=2))
    first, second = compute_cells(prediction, TILE, pixels.reflectance, pixels.state)
    assert (first.layer, second.layer) == (0, 1)
    assert (first.row, first.col) == (1, 1)
    np.testing.assert_array_equal(second.total, [[604 + 605 + 704 + 705, 606 + 706]])
    np.testing.assert_array_equal(first.total, -second.total)
    np.testing.assert_array_equal(first.count, [[4, 2]])


def test_pixels_without_data_take_no_part_in_the_picture_and_those_under_cloud_do() -> None:
    state = np.array([[NODATA, OBSCURED, VALID], [VALID, VALID, NODATA]], np.uint8)
    pixels = make_pixels(TILE.interior, state)
    (cells,) = compute_cells(
        make_prediction(visible=Visible(channels=(0,), factor=2)), TILE, pixels.reflectance, pixels.state
    )
    np.testing.assert_array_equal(cells.total, [[605 + 704 + 705, 606]])
    np.testing.assert_array_equal(cells.count, [[3, 1]])


def test_what_lies_in_the_margin_of_a_panel_is_given_by_its_neighbour_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Picture and chips: a tile is the sum of two panels' parts, and one of margin alone gives nothing."""
    chips = [Window(3, 5, 4, 4)]
    monkeypatch.setattr(tile_module, "list_chips", lambda grid, near: chips)
    pixels = make_pixels(TILE.interior)
    prediction = make_prediction(visible=Visible(channels=(0,), factor=50, texture=(0, 1), grid=GRID))
    given = []
    for own in (TILE.interior, Window(4, 6, 1, 2), Window(5, 6, 2, 2), None):
        cells = list(compute_cells(prediction, replace(TILE, own=own), pixels.reflectance, pixels.state))
        given.append([(each.layer, each.row, each.col, each.total.sum(), each.count.sum()) for each in cells])
    whole, left, right, nothing = given
    assert nothing == []
    assert whole == [(0, 0, 0, 604 + 605 + 606 + 704 + 705 + 706, 6), (TEXTURE, 6, 4, 0, 6)]
    assert left == [(0, 0, 0, 604 + 704, 2), (TEXTURE, 6, 4, 0, 2)]
    assert right == [(0, 0, 0, 605 + 606 + 705 + 706, 4), (TEXTURE, 6, 5, 0, 4)]


def test_tiles_of_a_network_that_sees_so_far_have_its_halo_and_whole_blocks() -> None:
    prediction = make_prediction(Echo(reach_px=107, stride=32))
    assert prediction.overlap is None
    tiling = prediction.tiling
    assert (tiling.domain, tiling.tile_size, tiling.halo, tiling.stride) == (GRID.window, 512, 107, 32)
    assert tiling.block_rows == 1024


def test_tiles_of_a_network_that_sees_all_of_a_tile_overlap() -> None:
    prediction = make_prediction(Echo(reach_px=None, stride=32))
    assert prediction.overlap == 128
    assert (prediction.tiling.halo, prediction.tiling.block_rows) == (128, 0)
    assert make_prediction(Echo(reach_px=0)).overlap is None  # it sees its own pixel alone
