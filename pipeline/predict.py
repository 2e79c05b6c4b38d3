"""Run a network over a scene, tile by tile, so that the mosaic equals the untiled answer.

The tiles' halos are as wide as the network can see, so nothing is blended, but for networks that see all of a tile:
theirs overlap (``pipeline.blending``). Pixels without data, and those under
cloud, are replaced by the mean that the network was trained to take for "nothing known", and their answer is thrown
away: they never become water or land.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.predictor import Predictor
from pipeline.area import Area
from pipeline.blending import Blender, compute_overlap
from pipeline.clock import StageClock
from pipeline.quicklook import Quicklook
from tiles.grid import Window
from tiles.masks import NODATA, VALID
from tiles.reader import Pixels, ReadPlan, Strip, read_strips
from tiles.tiling import Tile, TileRow, Tiling

__all__ = ["DEFAULT_TILE_SIZE", "MappedRows", "Prediction", "predict_rows"]

DEFAULT_TILE_SIZE = 512
"""Interior of a tile in pixels: wide enough that its halo costs little, narrow enough for the processor's cache."""

_ALL = slice(None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedRows:
    """Rows of the map, over the whole width of the area.

    Attributes:
        row_off: First row, counted from the area's upper edge.
        probability: Water probability, float32 (row, col), NaN where the state is not valid.
        state: uint8 (row, col): valid, nodata or obscured, as in ``tiles.masks``.
    """

    row_off: int
    probability: NDArray[np.float32]
    state: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """All that a run of the network over a scene needs.

    Attributes:
        plan: What to read; its bands in the order of the network's channels.
        runtime: The network, ready to run.
        area: The part of the scene to be mapped.
        tile_size: Interior of a tile in pixels.
        clock: Takes the time of each stage.
        quicklook: Takes the visible bands of each tile, with the channels to take: red, green, blue.
    """

    plan: ReadPlan
    runtime: Predictor
    area: Area
    tile_size: int = DEFAULT_TILE_SIZE
    clock: StageClock
    quicklook: tuple[Quicklook, tuple[int, ...]] | None = None

    @property
    def overlap(self) -> int | None:
        """Pixels over which tiles are blended, on each side of a shared edge; ``None``: a halo makes them seam-free."""
        return None if self.runtime.reach_px is not None else compute_overlap(self.tile_size, self.runtime.stride)

    @property
    def tiling(self) -> Tiling:
        """The plan of the tiles: halo and stride are the network's own; where it has no halo, the overlap's."""
        reach, stride = self.runtime.reach_px, self.runtime.stride
        halo = compute_overlap(self.tile_size, stride) if reach is None else reach
        return Tiling(domain=self.area.window, tile_size=self.tile_size, halo=halo, stride=stride)


def predict_rows(prediction: Prediction, *, part: slice = _ALL) -> Iterator[MappedRows]:
    """Map a scene from top to bottom.

    Args:
        prediction: What to run on what.
        part: Which rows of tiles; any, one after the other, for a network whose tiles are not blended.

    Yields:
        The rows of the map, a row of tiles at a time, without gaps or overlap.

    Raises:
        RasterReadError: A file of the scene cannot be decoded.
    """
    rows = list(prediction.tiling.rows())[part]
    strips = read_strips(prediction.plan, [row.read for row in rows])
    overlap = prediction.overlap
    blender = None if overlap is None else Blender(prediction.area.window, overlap=overlap)
    for row in rows:
        with prediction.clock.stage("wait for decoding"):
            strip = next(strips)
        if blender is None:
            yield _predict_row(prediction, row, strip)
        else:
            yield from _blend_row(prediction, row, strip, blender)


def _predict_row(prediction: Prediction, row: TileRow, strip: Strip) -> MappedRows:
    probability = np.full(row.interior.shape, np.nan, dtype=np.float32)
    state = np.full(row.interior.shape, NODATA, dtype=np.uint8)
    for tile in row.tiles:
        inside = tile.interior.slices(within=tile.read)
        target = tile.interior.slices(within=row.interior)
        with prediction.clock.stage("reflectance"):
            pixels = strip.read(tile.read)
            kept = _leave_out(pixels.state[inside], prediction.area, tile, prediction)
            _add_to_quicklook(prediction, tile, pixels.reflectance[(slice(None), *inside)], kept)
        state[target] = kept
        if (kept == VALID).any():  # else there is nothing to ask the network
            with prediction.clock.stage("network"):
                answer = _ask_network(prediction.runtime, pixels)[inside]
            probability[target] = np.where(kept == VALID, answer, np.nan)
    row_off = row.interior.row_off - prediction.area.window.row_off
    return MappedRows(row_off=row_off, probability=probability, state=state)


def _blend_row(prediction: Prediction, row: TileRow, strip: Strip, blender: Blender) -> Iterator[MappedRows]:
    """As ``_predict_row``, for tiles that fade into each other; rows come once no later tile reaches them."""
    for tile in row.tiles:
        inside = tile.interior.slices(within=tile.read)
        with prediction.clock.stage("reflectance"):
            pixels = strip.read(tile.read)
            kept = _leave_out(pixels.state[inside], prediction.area, tile, prediction)
            _add_to_quicklook(prediction, tile, pixels.reflectance[(slice(None), *inside)], kept)
        blender.set_state(tile.interior, kept)
        target = blender.reach(tile.interior)
        if target is not None and (pixels.state == VALID).any():
            with prediction.clock.stage("network"):
                answer = _ask_network(prediction.runtime, pixels)
            blender.add(tile.interior, target, answer[target.slices(within=tile.read)])
    for first, total, state in blender.take(row.interior.row_stop):
        probability = np.where(state == VALID, total.clip(0, 1), np.float32(np.nan))
        yield MappedRows(row_off=first - prediction.area.window.row_off, probability=probability, state=state)


def _leave_out(state: NDArray[np.uint8], area: Area, tile: Tile, prediction: Prediction) -> NDArray[np.uint8]:
    """Pixels outside the area of interest count as nodata in the map, though the network may look at them."""
    outside = area.compute_outside(tile.interior, prediction.plan.scene.grid)
    return state if outside is None else np.where(outside, np.uint8(NODATA), state)


def _ask_network(runtime: Predictor, pixels: Pixels) -> NDArray[np.float32]:
    """Water probability (row, col) of a tile whose unknown pixels are filled."""
    batch = pixels.reflectance[None]  # (1, C, H, W)
    np.copyto(batch, runtime.fill[None, :, None, None], where=(pixels.state != VALID)[None, None])
    answer: NDArray[np.float32] = runtime.predict(batch)[0]
    return answer


def _add_to_quicklook(
    prediction: Prediction, tile: Tile, reflectance: NDArray[np.float32], state: NDArray[np.uint8]
) -> None:
    if prediction.quicklook is None:
        return
    quicklook, channels = prediction.quicklook
    area = prediction.area.window
    window = Window(
        tile.interior.col_off - area.col_off,
        tile.interior.row_off - area.row_off,
        tile.interior.width,
        tile.interior.height,
    )
    for layer, channel in enumerate(channels):
        quicklook.add(window, np.where(state == NODATA, np.nan, reflectance[channel]), layer=layer)
