"""Pictures in the log of a training: what a few held-out tiles look like to the network after each round."""

from __future__ import annotations

from pathlib import Path

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import TensorBoardLogger
from numpy.typing import NDArray
from PIL import Image

from pipeline.training.data import collate
from tiles.bands import L2A_STACK
from tiles.samples.sample import Sample

__all__ = ["PictureLog", "draw_rows"]

_RGB = tuple(L2A_STACK.index(name) for name in ("B04", "B03", "B02"))
_UNKNOWN = np.array([200, 60, 160], np.uint8)  # where the truth is not known


class PictureLog(Callback):
    """Draws tiles side by side (true colour, truth, answer) after each round: PNG files, and TensorBoard.

    Args:
        folder: For the PNG files; made where it is not there.
        tiles: What is drawn.
    """

    def __init__(self, folder: Path, tiles: list[Sample]) -> None:
        self.folder = folder
        self.tiles = tiles

    def on_validation_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Draw; called while the averaged weights are in place."""
        if not trainer.is_global_zero:
            return
        with torch.no_grad():
            answer = pl_module(collate(self.tiles)["image"].to(pl_module.device)).float().cpu()
        if (
            answer.ndim != 4 or answer.shape[1] != 2
        ):  # a class a tile, or a reconstruction: nothing to draw beside truth
            return
        water = torch.softmax(answer, dim=1)[:, 1].numpy()  # (B, H, W)
        picture = draw_rows(self.tiles, water)
        self.folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(self.folder / f"step-{trainer.global_step:07d}.png")
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.experiment.add_image("held out", picture, trainer.global_step, dataformats="HWC")


def draw_rows(tiles: list[Sample], water: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A row a tile: true colour, truth, answer.

    Args:
        tiles: All of one size.
        water: (tile, row, col), probability of water.

    Returns:
        uint8 (tiles * row, 3 * col, 3).
    """
    rows = []
    for tile, answer in zip(tiles, water, strict=True):
        truth = np.where(tile.valid[..., None], _draw_grey(tile.fraction), _UNKNOWN)
        rows.append(np.concatenate([_draw_colour(tile), truth, _draw_grey(answer)], axis=1))
    return np.concatenate(rows, axis=0)


def _draw_grey(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    grey = np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=-1)


def _draw_colour(tile: Sample) -> NDArray[np.uint8]:
    """True colour, stretched to the tile; black where its bands are absent."""
    visible = np.moveaxis(tile.reflectance[list(_RGB)], 0, -1)  # (row, col, 3)
    known = visible[np.isfinite(visible)]
    low, high = np.percentile(known, (1, 99)) if len(known) else (0.0, 1.0)
    stretched = (np.nan_to_num(visible) - low) / max(float(high - low), 0.02)
    return np.rint(255 * np.clip(stretched, 0, 1) ** 0.8).astype(np.uint8)
