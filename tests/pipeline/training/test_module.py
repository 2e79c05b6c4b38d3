"""How the learning rate goes, and which variations and losses a recipe means."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from models.losses.water import WaterLoss
from models.networks.architecture import build_network
from models.networks.normalisation import Normalisation
from models.networks.unet import UNetConfig
from pipeline.training.module import TrainingModule, build_augmentation, build_loss, compute_rate
from pipeline.training.recipe import DataRecipe, ModelRecipe, OptimiserRecipe, PartRecipe, Recipe, TrainerRecipe


def make_recipe(**changes: Any) -> Recipe:  # noqa: ANN401
    data = DataRecipe(parts=(PartRecipe(source="simulated:1-9"),))
    return Recipe(**({"data": data, "model": ModelRecipe(name="mine")} | changes))


@pytest.mark.parametrize(
    ("done", "rate"),
    [
        (0.0, 0.02),
        (0.05, 0.51),
        (0.1, 1.0),
        (0.325, 0.1 + 0.9 * (1 + 0.5**0.5) / 2),
        (0.55, 0.55),
        (1.0, 0.1),
        (1.2, 0.1),
    ],
)
def test_the_rate_rises_in_a_line_and_falls_in_a_cosine(done: float, rate: float) -> None:
    assert compute_rate(done, warm_up=0.1, last=0.1) == pytest.approx(rate, abs=1e-12)


def test_without_a_warm_up_it_begins_at_the_top() -> None:
    assert compute_rate(0.0, warm_up=0.0, last=0.2) == 1.0


@pytest.mark.parametrize("any_channels", [True, False, None])
def test_bands_are_absent_only_for_networks_that_can_do_without(any_channels: bool | None) -> None:
    network = {} if any_channels is None else {"any_channels": any_channels}
    augmentation = build_augmentation(make_recipe(model=ModelRecipe(name="mine", network=network)))
    assert (augmentation.bands is not None) == bool(any_channels)
    assert len(augmentation.wavelengths_nm) == 12
    assert (augmentation.gain, augmentation.turn, augmentation.blur_chance) == (0.1, True, 0.2)
    if augmentation.bands is not None:
        bands = augmentation.bands
        assert (bands.atmospheric, bands.usual, bands.random) == (0.2, 0.2, 0.15)


def test_the_loss_is_what_the_recipe_weighs() -> None:
    assert build_loss(make_recipe()) == WaterLoss(
        cross_entropy=1.0, dice=0.0, focal=0.0, sobel=0.0, boundary=0.0, shore_gain=2.0, focal_gamma=2.0
    )


def make_module(**changes: Any) -> TrainingModule:  # noqa: ANN401
    torch.manual_seed(0)
    network = build_network(UNetConfig(in_channels=12, depth=1, width=2, any_channels=True))
    normalise = Normalisation(mean=(0.5,) * 12, std=(0.25,) * 12, reflectance_range=(0.0, 1.0))
    return TrainingModule(make_recipe(**changes), network, normalise)


def test_the_optimiser_follows_the_schedule_step_by_step() -> None:
    module = make_module(
        optimiser=OptimiserRecipe(rate=0.5, weight_decay=0.25, warm_up=0.25, last=0.1), trainer=TrainerRecipe(steps=8)
    )
    made = module.configure_optimizers()
    (group,) = made["optimizer"].param_groups
    assert (group["initial_lr"], group["weight_decay"], made["lr_scheduler"]["interval"]) == (0.5, 0.25, "step")
    rates = [group["lr"]]
    for _ in range(8):
        made["optimizer"].step()
        made["lr_scheduler"]["scheduler"].step()
        rates.append(group["lr"])
    assert rates == pytest.approx([0.5 * compute_rate(step / 8, warm_up=0.25, last=0.1) for step in range(9)])


def test_bands_that_are_all_missing_are_told_to_the_network() -> None:
    module, seen = make_module(), []

    def answer(image: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        seen.append((image, present))
        return image[:, :2].to(torch.bfloat16)

    module.network.forward = answer  # type: ignore[method-assign]
    image = torch.full((2, 12, 4, 4), 0.75)
    image[0, 3], image[1, :, 0, 0], image[1, 5, 1:] = torch.nan, torch.nan, torch.nan
    image[1, 5, 0] = torch.nan
    assert module(image).dtype == torch.float32
    ((inputs, present),) = seen
    assert (~present).nonzero().tolist() == [[0, 3], [1, 5]]
    assert inputs.is_contiguous(memory_format=torch.channels_last)
    wanted = module._want({"image": image})
    assert torch.equal(wanted.isnan(), image.isnan())
    assert wanted[0, 0, 0, 0] == 1.0


@pytest.mark.parametrize("training", [True, False])
def test_each_batch_of_a_round_is_varied_in_its_own_way_again_and_again(training: bool) -> None:
    module, seeds = make_module(seed=3), []

    class Trainer:
        current_epoch, global_rank = 5, 1

    Trainer.training = training  # type: ignore[attr-defined]
    module._trainer = Trainer()  # type: ignore[assignment]

    def vary(*parts: Any) -> tuple[Any, ...]:  # noqa: ANN401
        seeds.append(parts[3].initial_seed())
        return tuple(part + 1 for part in parts[:3])

    module.augment = vary  # type: ignore[assignment]
    batch = {name: torch.zeros(1) for name in ("image", "fraction", "valid")}
    drawn = []
    for _ in range(2):
        module.on_train_epoch_start()
        drawn.append([module.on_after_batch_transfer(batch, 0)["valid"].item() for _ in range(2)])
    assert drawn == [[float(training)] * 2] * 2
    if training:
        keys = [[3, 5, number, 1] for number in (0, 1, 0, 1)]
        assert seeds == [int(numpy_seed(key)) for key in keys]
    else:
        assert seeds == []


def numpy_seed(key: list[int]) -> int:
    return int(np.random.SeedSequence(key).generate_state(1)[0])
