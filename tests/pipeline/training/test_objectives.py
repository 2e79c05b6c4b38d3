"""What each kind of network is asked for, and how that is counted: on a few pixels, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from models.losses.water import WaterLoss
from models.networks.autoencoder import AutoencoderConfig
from models.networks.classifier import SHORE, WATER, ClassifierConfig
from models.networks.unet import UNetConfig
from pipeline.training.objectives import (
    ClassObjective,
    ReconstructionObjective,
    WaterObjective,
    resolve_objective,
)

NO_INPUTS = torch.zeros(0)


def test_a_network_is_asked_for_what_its_kind_answers() -> None:
    loss = WaterLoss()
    water = resolve_objective(UNetConfig(), loss)
    assert isinstance(water, WaterObjective)
    assert water.loss is loss
    assert isinstance(resolve_objective(AutoencoderConfig(), loss), ReconstructionObjective)
    assert isinstance(resolve_objective(ClassifierConfig(), loss), ClassObjective)
    assert (water.classes, ClassObjective().classes) == (("land", "water"), ("land", "water", "shore"))
    assert ReconstructionObjective().classes == ()


def test_water_is_counted_where_a_pixel_is_valid_and_more_than_half_of_it_is_water() -> None:
    objective = WaterObjective(WaterLoss(shore_gain=0))
    margin = torch.tensor([[[1.0, 1.0, -1.0, -1.0, 1.0]]])  # called water, water, land, land, water
    answer = torch.stack([torch.zeros_like(margin), margin], dim=1)
    fraction = torch.tensor([[[1.0, 0.5, 0.51, 0.0, 0.0]]])
    valid = torch.tensor([[[True, True, True, True, False]]])
    metrics = objective.build_metrics()
    objective.update_metrics(metrics, answer, NO_INPUTS, fraction, valid)
    measured = {name: float(value) for name, value in metrics.compute().items()}
    assert measured == pytest.approx({"val/iou": 1 / 3, "val/accuracy": 2 / 4})
    even = objective.compute_loss(torch.zeros_like(answer), NO_INPUTS, fraction, valid)
    assert float(even) == pytest.approx(math.log(2))


def test_a_reconstruction_is_compared_where_something_was_known() -> None:
    objective = ReconstructionObjective()
    inputs = torch.tensor([[[[1.0, math.nan, 3.0]]]])
    answer = torch.tensor([[[[2.0, 9.0, 6.0]]]])
    assert float(objective.compute_loss(answer, inputs, NO_INPUTS, NO_INPUTS)) == pytest.approx((1 + 9) / 2)
    metrics = objective.build_metrics()
    objective.update_metrics(metrics, answer, inputs, NO_INPUTS, NO_INPUTS)
    assert float(metrics.compute()["val/mse"]) == pytest.approx(5)


def test_tiles_of_which_nothing_is_known_are_not_counted() -> None:
    objective = ClassObjective()
    fraction = torch.tensor([[[1.0, 1.0]], [[1.0, 0.0]], [[0.0, 0.0]], [[0.0, 0.0]]])  # water, shore, land, unknown
    valid = torch.ones_like(fraction, dtype=torch.bool)
    valid[3] = False
    answer = torch.zeros(4, 3)
    for tile, called in enumerate((WATER, SHORE, SHORE, SHORE)):
        answer[tile, called] = 40.0
    metrics = objective.build_metrics()
    objective.update_metrics(metrics, answer, NO_INPUTS, fraction, valid)
    assert float(metrics.compute()["val/accuracy"]) == pytest.approx(2 / 3)
    assert float(objective.compute_loss(answer, NO_INPUTS, fraction, valid)) == pytest.approx(40 / 3)
