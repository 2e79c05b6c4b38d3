"""What a training ends with: a model file, calibrated on places that it never saw, with a card that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from models.card import Figure, ModelCard, Training
from models.measures.metrics import Confusion, compute_confusion, compute_near_shore, compute_temperature
from models.networks.checkpoint import save_model
from pipeline.samples.band_dropout import REQUIRED_BANDS
from pipeline.training.data import collate, draw_fixed
from pipeline.training.objectives import WaterObjective
from tiles.bands import L2A_STACK

if TYPE_CHECKING:
    from pipeline.training.module import TrainingModule
    from tiles.samples.mask_values import LabelShares
    from tiles.samples.sample import Sample, SampleSource

__all__ = ["Effort", "write_trained_model"]

_CALIBRATION_TILES = 256
_MOST_PIXELS = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """What a training took.

    Attributes:
        steps: Optimiser steps.
        minutes: Wall time of learning, over all the times that it was resumed.
    """

    steps: int
    minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Calibration:
    temperature: float
    probability_rmse: float
    confusion: Confusion


def write_trained_model(
    module: TrainingModule,
    path: Path,
    *,
    held_out: SampleSource | None,
    effort: Effort,
    labels: Sequence[LabelShares] = (),
) -> None:
    """Calibrate a network on held-out tiles and write it with its card.

    Args:
        module: What was trained.
        path: Where to.
        held_out: Places that were not learned from; without them nothing is calibrated, and the card says so.
        effort: What it took.
        labels: What share of the labels each value of the masks has, for the card.
    """
    recipe, measured = module.recipe, None
    if held_out is not None and isinstance(module.objective, WaterObjective):
        tiles = draw_fixed(held_out, count=_CALIBRATION_TILES, size=recipe.data.tile_px, seed=recipe.seed + 1)
        measured = _calibrate(module, tiles)
    save_model(path, module.network.eval(), _write_card(module, measured, effort, labels))


def _calibrate(module: TrainingModule, tiles: list[Sample]) -> _Calibration:
    margins, fractions, near = [], [], []
    for tile in tiles:
        margin = _compute_margin(module, tile)
        margins.append(margin[tile.valid])
        fractions.append(tile.fraction[tile.valid])
        near.append(compute_near_shore(tile.fraction)[tile.valid])
    margin, fraction = np.concatenate(margins), np.concatenate(fractions)
    step = max(1, len(margin) // _MOST_PIXELS)
    temperature = compute_temperature(margin[::step], fraction[::step])
    error = 1 / (1 + np.exp(-margin / temperature)) - fraction
    shore = np.concatenate(near)
    truth = fraction > 0.5
    return _Calibration(
        temperature=round(temperature, 4),
        probability_rmse=round(float(np.sqrt(np.mean(error[shore] ** 2))), 4) if shore.any() else 0.5,
        confusion=compute_confusion(margin > 0, truth, np.ones_like(truth)),
    )


def _compute_margin(module: TrainingModule, tile: Sample) -> NDArray[np.float32]:
    """Logit of water less logit of land, (row, col)."""
    module = module.eval()
    with torch.inference_mode():
        logits = module(collate([tile])["image"].to(module.device))[0]  # (2, H, W)
    margin: NDArray[np.float32] = (logits[1] - logits[0]).cpu().numpy()
    return margin


def _write_card(
    module: TrainingModule, measured: _Calibration | None, effort: Effort, labels: Sequence[LabelShares]
) -> ModelCard:
    recipe = module.recipe
    model = recipe.model
    parts = [f"{part.source} (weight {part.weight:g})" for part in recipe.data.parts]
    any_bands = bool(model.network.get("any_channels", False))
    return ModelCard(
        name=model.name,
        version=model.version,
        description=model.description,
        inputs=L2A_STACK,
        required_inputs=REQUIRED_BANDS if any_bands else (),
        classes=module.objective.classes or L2A_STACK,
        resolution_m=(10.0, 60.0),
        mean=module.normalise.mean,
        std=module.normalise.std,
        reflectance_range=module.normalise.reflectance_range,
        temperature=measured.temperature if measured else 1.0,
        probability_rmse=measured.probability_rmse if measured else 0.5,
        licence="MIT",
        training=Training(
            data="; ".join([*parts, *(shares.sentence for shares in labels)]),
            script="strandline train (the recipe stands beside the model)",
            seed=recipe.seed,
            steps=effort.steps,
            minutes=effort.minutes,
        ),
        figures=_list_figures(measured),
    )


def _list_figures(measured: _Calibration | None) -> tuple[Figure, ...]:
    if measured is None:
        return ()
    on = f"{_CALIBRATION_TILES} tiles drawn from places that were held out"
    figures = {"iou": measured.confusion.iou, "accuracy": measured.confusion.accuracy}
    return tuple(Figure(name=name, value=round(value, 5), on=on) for name, value in figures.items())
