"""What is done with one tile: from the pixels of a strip to what the network says of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.runtimes.predictor import Predictor
from pipeline.clock import StageClock
from pipeline.predict import quicklook
from pipeline.predict.area import Area
from pipeline.predict.blending import compute_overlap
from pipeline.predict.looks import LookChannels, compute_look
from pipeline.predict.quicklook import TEXTURE, Cells, Visible
from pipeline.predict.tile_size import MOST_ROWS
from tiles.chips import list_chips
from tiles.grid import Window
from tiles.masks import NODATA, VALID
from tiles.panels import Panel
from tiles.pixels.reader import Pixels, ReadPlan
from tiles.tiling import Tile, Tiling

__all__ = [
    "MappedRows",
    "Prediction",
    "add_looks",
    "ask_network",
    "compute_cells",
    "cut_chips",
    "encode_infrared",
    "fill_unknown",
    "leave_out",
]

Channels = NDArray[np.float32] | Mapping[int, NDArray[np.float32]]
"""Reflectance by channel: all of them, (band, row, col), or those that are asked for."""

NEAR_INFRARED = ("B08", "B8A")
"""Bands by which the shore is located, the better one first."""

_LOOK_ROWS = 64
_BLOCK_ROWS = 1024
"""Of the 10 m bands of Sentinel-2 products, and of most Cloud Optimized GeoTIFFs made of them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MappedRows:
    """Rows of the map, over the whole width of the area, or of what a panel of it sees.

    Attributes:
        row_off: First row, counted from the area's upper edge.
        probability: Water probability, float32 (row, col), NaN where the state is not valid.
        state: uint8 (row, col): valid, nodata or obscured, as in ``tiles.masks``.
        look: uint8 (row, col): what they look like, as in ``pipeline.predict.looks``; ``None``: nobody asked.
        infrared: int16 (row, col): reflectance of the near infrared in steps of 0.0001, by which the shore is located;
            ``None``: the network reads no such band.
        cells: What their tiles give to the picture of the scene, in the order in which it is to be added.
        clouds: Islets that end in these rows, and were hidden as clouds.
        vessels: The same, as vessels.
    """

    row_off: int
    probability: NDArray[np.float32]
    state: NDArray[np.uint8]
    look: NDArray[np.uint8] | None = None
    infrared: NDArray[np.int16] | None = None
    cells: tuple[Cells, ...] = ()
    clouds: int = 0
    vessels: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """All that a run of the network over a scene needs.

    Attributes:
        plan: What to read; its bands in the order of the network's channels.
        runtime: The network, ready to run.
        area: The part of the scene to be mapped.
        tile_size: Columns of a tile's interior in pixels.
        clock: Takes the time of each stage.
        visible: What the picture of the scene takes of each tile; ``None``: there is none.
        look: Which channels say what a pixel looks like; ``None``: nobody asks.
        panel: The columns of the area that are mapped; ``None``: all.
    """

    plan: ReadPlan
    runtime: Predictor
    area: Area
    tile_size: int
    clock: StageClock
    visible: Visible | None = None
    look: LookChannels | None = None
    panel: Panel | None = None

    @property
    def infrared_channel(self) -> int | None:
        """The channel by which the shore is located: B08 or, without it, B8A; ``None``: there is neither."""
        names = [band.name for band in self.plan.bands]
        return next((names.index(name) for name in NEAR_INFRARED if name in names), None)

    @property
    def overlap(self) -> int | None:
        """Pixels over which tiles are blended, on each side of a shared edge; ``None``: a halo makes them seam-free."""
        return None if self.runtime.reach_px is not None else compute_overlap(self.tile_size, self.runtime.stride)

    @property
    def tiling(self) -> Tiling:
        """The plan of the tiles: halo and stride are the network's own; where it has no halo, the overlap's."""
        reach, stride = self.runtime.reach_px, self.runtime.stride
        halo = compute_overlap(self.tile_size, stride) if reach is None else reach
        blocks = 0 if reach is None else _BLOCK_ROWS
        is_low = reach is not None and getattr(self.runtime, "device", "cpu") == "cpu"
        return Tiling(
            domain=self.area.window,
            tile_size=self.tile_size,
            halo=halo,
            stride=stride,
            block_rows=blocks,
            most_rows=MOST_ROWS if is_low else 0,
            is_even=reach is not None,
            panel=self.panel,
        )


def ask_network(runtime: Predictor, pixels: Pixels, tile: Tile) -> NDArray[np.float32]:
    """Water probability (row, col) of a tile's interior; unknown pixels are filled first.

    Args:
        runtime: The network, whose reach the tile's halo holds.
        pixels: Of all that the tile reads; their reflectance is changed.
        tile: The tile.
    """
    margin = runtime.reach_px or 0
    batch = fill_unknown(runtime, pixels)  # (1, C, H, W)
    answer: NDArray[np.float32] = runtime.predict(batch, margin=margin)[0]
    row, col = tile.interior.row_off - tile.read.row_off - margin, tile.interior.col_off - tile.read.col_off - margin
    return answer[row : row + tile.interior.height, col : col + tile.interior.width]


def fill_unknown(runtime: Predictor, pixels: Pixels) -> NDArray[np.float32]:
    """A batch of one (1, C, H, W), in which the mean that the network was trained to take stands for "nothing known".

    Args:
        runtime: The network.
        pixels: Their reflectance is changed.
    """
    batch = pixels.reflectance[None]
    unknown = pixels.state != VALID
    if unknown.any():
        np.copyto(batch, runtime.fill[None, :, None, None], where=unknown[None, None])
    return batch


def leave_out(state: NDArray[np.uint8], prediction: Prediction, tile: Tile) -> NDArray[np.uint8]:
    """Pixels outside the area of interest count as nodata in the map, though the network may look at them.

    Args:
        state: Of the tile's interior, (row, col).
        prediction: What the area is.
        tile: The tile.
    """
    outside = prediction.area.compute_outside(tile.interior, prediction.plan.scene.grid)
    return state if outside is None else np.where(outside, np.uint8(NODATA), state)


def add_looks(
    look: NDArray[np.uint8], infrared: NDArray[np.int16], prediction: Prediction, reflectance: Channels
) -> None:
    """Write what the pixels of a tile look like, and their near infrared, where anybody asks.

    Args:
        look: (row, col), of the tile's interior.
        infrared: (row, col), likewise.
        prediction: Which channels say it.
        reflectance: Of the same, (row, col) by channel.
    """
    for first in range(0, len(look), _LOOK_ROWS):  # what is computed on the way stays in the processor's cache
        rows = slice(first, first + _LOOK_ROWS)
        if prediction.look is not None:
            look[rows] = compute_look([reflectance[channel][rows] for channel in prediction.look.all])
        if prediction.infrared_channel is not None:
            infrared[rows] = encode_infrared(reflectance[prediction.infrared_channel][rows])


def encode_infrared(reflectance: NDArray[np.float32]) -> NDArray[np.int16]:
    """Reflectance in steps of 0.0001, kept within the range of the type."""
    steps: NDArray[np.int16] = np.rint((reflectance * np.float32(1e4)).clip(-32768, 32767)).astype(np.int16)
    return steps


def compute_cells(
    prediction: Prediction, tile: Tile, reflectance: Channels, state: NDArray[np.uint8]
) -> Iterator[Cells]:
    """What a tile gives to the picture of the scene, and to the chips by which dates are registered.

    Args:
        prediction: Which channels these take.
        tile: The tile.
        reflectance: Of its interior, (row, col) by channel.
        state: Of its interior, (row, col).
    """
    if prediction.visible is None or tile.own is None:
        return
    kept, window = tile.own.slices(within=tile.interior), _move(tile.own, prediction.area.window)
    missing = state[kept] == NODATA
    some = bool(missing.any())
    for layer, channel in enumerate(prediction.visible.channels):
        values = reflectance[channel][kept]
        if some:
            values = np.where(missing, np.float32(np.nan), values)
        yield quicklook.compute_cells(window, values, layer=layer, factor=prediction.visible.factor)
    inner, channels = _move(tile.interior, prediction.area.window), prediction.visible.texture
    yield from cut_chips(
        prediction,
        tile,
        state,
        lambda part: np.stack([reflectance[channel][part.slices(within=inner)] for channel in channels]),
    )


def _move(window: Window, area: Window) -> Window:
    """A window of the scene's grid, counted from the corner of what is mapped."""
    return Window(window.col_off - area.col_off, window.row_off - area.row_off, window.width, window.height)


def cut_chips(
    prediction: Prediction,
    tile: Tile,
    state: NDArray[np.uint8],
    read: Callable[[Window], NDArray[np.float32]],
) -> Iterator[Cells]:
    """The mean of some channels in the parts of chips that lie in a tile, where its panel keeps it.

    Args:
        prediction: Where the chips lie.
        tile: The tile.
        state: Of its interior, (row, col).
        read: Gives the reflectance of the channels (band, row, col) in a window of the area.
    """
    visible = prediction.visible
    if visible is None or visible.grid is None or not visible.texture or tile.own is None:
        return
    inner, own = (_move(window, prediction.area.window) for window in (tile.interior, tile.own))
    shared = (own.intersection(chip) for chip in list_chips(visible.grid, near=own))
    for part in (part for part in shared if part is not None):
        valid = state[part.slices(within=inner)] == VALID
        mean = read(part).mean(axis=0)
        yield Cells(
            layer=TEXTURE,
            row=part.row_off,
            col=part.col_off,
            total=np.where(valid, mean, np.float32(0)),
            count=valid.astype(np.int32),
        )
