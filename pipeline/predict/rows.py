"""Run a network over a scene, tile by tile, so that the mosaic equals the untiled answer.

The tiles' halos are as wide as the network can see, so nothing is blended, but for networks that see all of a tile:
theirs overlap (``pipeline.predict.blending``). Pixels without data, and those under
cloud, are replaced by the mean that the network was trained to take for "nothing known", and their answer is thrown
away: they never become water or land.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.runtimes.predictor import Predictor
from pipeline.predict.blending import Blender
from pipeline.predict.pool import run_rows
from pipeline.predict.quicklook import Cells
from pipeline.predict.tile import MappedRows, Prediction, add_looks, compute_cells, fill_unknown, leave_out
from tiles.cores import count_cores
from tiles.masks import VALID
from tiles.pixels.reader import Strip, read_strips
from tiles.remote import is_remote
from tiles.tiling import TileRow

__all__ = ["MappedRows", "Prediction", "count_workers", "predict_rows"]

_ALL = slice(None)
_FEW_CORES = 2


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
    windows, watch = [row.read for row in rows], prediction.clock.stage
    strips = read_strips(prediction.plan, windows, watch=watch, is_ahead=_is_ahead(prediction))
    try:
        if prediction.overlap is None:
            workers = count_workers(prediction.runtime, threads=prediction.plan.threads)
            yield from run_rows(prediction, rows, strips, workers)
        else:
            yield from _blend_rows(prediction, rows, strips, overlap=prediction.overlap)
    finally:
        strips.close()


def count_workers(runtime: Predictor, *, threads: int = 0) -> int:
    """How many tiles are mapped at once: what the network takes, and no more than the threads that are allowed.

    Args:
        runtime: The network.
        threads: Threads that are allowed; 0: one a processor core.
    """
    return max(1, min(runtime.workers, threads or count_cores()))


def _is_ahead(prediction: Prediction) -> bool:
    """Whether to decode while tiles are mapped.

    A core or two are as busy in turns: a row of tiles employs them to its last tile, and all files of a row of blocks
    to the last file. More would wait at the end of each; and a GPU, or a host that is far, can be waited for
    meanwhile.
    """
    cores = prediction.plan.threads or count_cores()
    is_far = any(is_remote(source.path) for source in prediction.plan.sources)
    return cores > _FEW_CORES or getattr(prediction.runtime, "device", "cpu") != "cpu" or is_far


def _blend_rows(
    prediction: Prediction, rows: list[TileRow], strips: Iterator[Strip], *, overlap: int
) -> Iterator[MappedRows]:
    """As for tiles with a halo, for tiles that fade into each other; rows come once no later tile reaches them."""
    blender = Blender(prediction.area.window, overlap=overlap)
    cells: list[Cells] = []
    for row in rows:
        with prediction.clock.stage("wait for decoding"):
            strip = next(strips)
        cells += _blend_row(prediction, row, strip, blender)
        del strip  # or its rows could not be forgotten while the next is decoded
        for first, total, state, look, infrared in blender.take(row.interior.row_stop):
            probability = np.where(state == VALID, total.clip(0, 1), np.float32(np.nan))
            row_off = first - prediction.area.window.row_off
            yield MappedRows(
                row_off=row_off,
                probability=probability,
                state=state,
                look=look,
                infrared=None if prediction.infrared_channel is None else infrared,
                cells=tuple(cells),
            )
            cells = []


def _blend_row(prediction: Prediction, row: TileRow, strip: Strip, blender: Blender) -> Iterator[Cells]:
    """Add the tiles of a row; yields what they give to the picture."""
    for tile in row.tiles:
        inside = tile.interior.slices(within=tile.read)
        with prediction.clock.stage("reflectance"):
            pixels = strip.read(tile.read)
            kept = leave_out(pixels.state[inside], prediction, tile)
            reflectance, look = pixels.reflectance[(slice(None), *inside)], np.zeros_like(kept)
            infrared = np.zeros(kept.shape, np.int16)
            add_looks(look, infrared, prediction, reflectance)
            yield from compute_cells(prediction, tile, reflectance, kept)
        blender.set_state(tile.interior, kept, look, infrared)
        target = blender.reach(tile.interior)
        if target is not None and (pixels.state == VALID).any():
            with prediction.clock.stage("network"):
                answer = prediction.runtime.predict(fill_unknown(prediction.runtime, pixels))[0]
            blender.add(tile.interior, target, answer[target.slices(within=tile.read)])
