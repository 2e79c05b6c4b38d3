"""The card of a trained model says what was measured on tiles that it never saw, and admits where nothing was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from models.networks.architecture import build_network
from models.networks.checkpoint import read_model
from models.networks.normalisation import Normalisation
from pipeline.samples.band_dropout import REQUIRED_BANDS
from pipeline.training.card import Effort, write_trained_model
from pipeline.training.data import collate, draw_fixed
from pipeline.training.module import TrainingModule
from pipeline.training.recipe import Recipe
from tests.pipeline.sources import Discs
from tiles.bands import L2A_STACK

SIZE, EFFORT = 16, Effort(steps=7, minutes=1.5)


def make_module(**network: object) -> TrainingModule:
    parts = [{"source": "discs", "weight": 2}, {"source": "more", "weight": 0.5}]
    values = {
        "seed": 5,
        "data": {"parts": parts, "tile_px": SIZE},
        "model": {"name": "tiny", "network": {"depth": 1, "width": 4, **network}},
    }
    recipe = Recipe.model_validate(values)
    torch.manual_seed(0)
    normalise = Normalisation(mean=(0.1,) * 12, std=(0.2,) * 12, reflectance_range=(-0.2, 1.5))
    return TrainingModule(recipe, build_network(recipe.model.network), normalise).eval()


def test_temperature_error_and_figures_are_those_of_256_tiles_that_were_held_out(tmp_path: Path) -> None:
    module = make_module(any_channels=True)
    write_trained_model(module, tmp_path / "tiny.safetensors", held_out=Discs(), effort=EFFORT)
    card = read_model(tmp_path / "tiny.safetensors").card
    tiles = draw_fixed(Discs(), count=256, size=SIZE, seed=6)
    with torch.inference_mode():
        logits = module(collate(tiles)["image"])
    valid, fraction = np.stack([tile.valid for tile in tiles]), np.stack([tile.fraction for tile in tiles])
    margin = (logits[:, 1] - logits[:, 0]).numpy()
    water, truth = (margin > 0)[valid], (fraction > 0.5)[valid]
    assert card.figure("accuracy") == pytest.approx((water == truth).mean(), abs=6e-6)
    assert card.figure("iou") == pytest.approx((water & truth).sum() / (water | truth).sum(), abs=6e-6)
    assert {figure.on for figure in card.figures} == {"256 tiles drawn from places that were held out"}

    def compute_cost(temperature: float) -> float:
        scaled = margin[valid] / temperature
        return float(np.mean(np.logaddexp(0, scaled) - fraction[valid] * scaled))

    others = [card.temperature * factor for factor in (0.9, 1.1) if 0.1 <= card.temperature * factor <= 10]
    assert others
    assert all(compute_cost(card.temperature) <= compute_cost(other) for other in others)
    assert 0 < card.probability_rmse < 1
    assert card.required_inputs == REQUIRED_BANDS


def test_without_held_out_places_nothing_is_claimed(tmp_path: Path) -> None:
    write_trained_model(make_module(), tmp_path / "tiny.safetensors", held_out=None, effort=EFFORT)
    card = read_model(tmp_path / "tiny.safetensors").card
    assert (card.temperature, card.probability_rmse, card.figures) == (1.0, 0.5, ())
    assert (card.inputs, card.required_inputs, card.classes) == (L2A_STACK, (), ("land", "water"))
    assert (card.mean[0], card.std[0], card.reflectance_range) == (0.1, 0.2, (-0.2, 1.5))
    assert (card.training.seed, card.training.steps, card.training.minutes) == (5, 7, 1.5)
    assert card.training.data == "discs (weight 2); more (weight 0.5)"
