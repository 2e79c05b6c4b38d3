"""What a training does where its recipe says nothing, and within which borders."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.training.recipe import (
    AugmentationRecipe,
    DataRecipe,
    LossRecipe,
    ModelRecipe,
    OptimiserRecipe,
    PartRecipe,
    Recipe,
    TrainerRecipe,
)
from tests.pipeline.choices import check_ranges

PART = PartRecipe(source="simulated:1-9")
CHANCE = ((0, 1), (-0.001, 1.001))
COUNT = ((1,), (0,))
NOT_NEGATIVE = ((0, 5), (-0.001, float("inf"), float("nan")))
POSITIVE = ((0.001, 5), (0, float("inf")))


def test_a_recipe_that_says_nothing_but_data_and_name() -> None:
    recipe = Recipe(data=DataRecipe(parts=(PART,)), model=ModelRecipe(name="mine"))
    assert recipe.model_dump() == {
        "seed": 1,
        "data": {
            "parts": ({"source": "simulated:1-9", "weight": 1.0, "held_out": 0.15},),
            "root": None,
            "cache": None,
            "tile_px": 128,
            "validation_tiles": 64,
            "split_seed": 0,
        },
        "model": {
            "name": "mine",
            "version": "1",
            "description": "A U-Net for land and water.",
            "network": {},
            "start": None,
            "start_from": "all",
            "keep": 0.0,
        },
        "augmentation": {
            "turn": True,
            "gain": 0.1,
            "band_gain": 0.03,
            "veil": 0.006,
            "offset": 0.002,
            "noise": 0.003,
            "clip_chance": 0.25,
            "hole_chance": 0.3,
            "cloud_chance": 0.15,
            "shadow_chance": 0.2,
            "blur_chance": 0.2,
            "absent_atmospheric": 0.2,
            "absent_usual": 0.2,
            "absent_random": 0.15,
        },
        "loss": {
            "cross_entropy": 1.0,
            "shore_gain": 2.0,
            "dice": 0.0,
            "focal": 0.0,
            "sobel": 0.0,
            "boundary": 0.0,
        },
        "optimiser": {"rate": 2e-3, "weight_decay": 1e-2, "warm_up": 0.03, "last": 0.01, "clip": 1.0},
        "trainer": {
            "steps": 10_000,
            "batch": 8,
            "accumulate": 1,
            "round_steps": 500,
            "precision": "auto",
            "accelerator": "auto",
            "devices": 1,
            "workers": 1,
            "average": 0.998,
            "patience": None,
            "pictures": 4,
        },
    }


def test_borders_of_the_data_and_the_model() -> None:
    check_ranges(
        PartRecipe,
        {"source": (("a",), ("",)), "weight": POSITIVE, "held_out": ((0, 0.999), (-0.001, 1))},
        ValidationError,
        source="a",
    )
    check_ranges(
        DataRecipe,
        {"parts": (((PART,),), ((),)), "tile_px": ((16, 2048), (15, 2049)), "validation_tiles": COUNT},
        ValidationError,
        parts=(PART,),
    )
    check_ranges(
        ModelRecipe,
        {
            "name": (("a", "0.1_b-c"), ("", "A", ".a", "a b")),
            "version": (("0",), ("",)),
            "description": (("x",), ("",)),
        },
        ValidationError,
        name="a",
    )


def test_borders_of_how_it_learns() -> None:
    chances = {name: CHANCE for name in AugmentationRecipe.model_fields if name.endswith("chance") or "absent" in name}
    strengths = dict.fromkeys(("gain", "band_gain", "veil", "offset", "noise"), NOT_NEGATIVE)
    check_ranges(AugmentationRecipe, chances | strengths, ValidationError)
    check_ranges(LossRecipe, dict.fromkeys(LossRecipe.model_fields, NOT_NEGATIVE), ValidationError)
    check_ranges(
        OptimiserRecipe,
        {
            "rate": POSITIVE,
            "weight_decay": NOT_NEGATIVE,
            "warm_up": ((0, 0.999), (-0.001, 1)),
            "last": CHANCE,
            "clip": POSITIVE,
        },
        ValidationError,
    )
    counts = dict.fromkeys(("steps", "batch", "accumulate", "round_steps", "devices", "patience"), COUNT)
    check_ranges(
        TrainerRecipe,
        counts | {"workers": ((0,), (-1,)), "average": ((0, 0.999), (-0.001, 1)), "pictures": ((0,), (-1,))},
        ValidationError,
    )


def test_a_recipe_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        PART.weight = 2.0  # type: ignore[misc]
    with pytest.raises(ValidationError, match="not permitted"):
        LossRecipe(strange=1)  # type: ignore[call-arg]
