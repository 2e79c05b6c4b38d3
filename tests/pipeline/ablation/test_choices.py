"""What an ablation does where its recipe says nothing, and within which borders."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from pipeline.ablation.recipe import AblationRecipe, ChannelsRecipe, FitRecipe, TilesRecipe
from tests.pipeline.choices import check_ranges
from tiles.bands import L2A_STACK


def test_a_recipe_that_says_nothing() -> None:
    recipe = AblationRecipe()
    assert recipe.model_dump(exclude={"channels"}) == {
        "tiles": {
            "size_px": 64,
            "pool": 560,
            "held_out": 300,
            "validation": 100,
            "real": 300,
            "first_seed": 1_500_000_000,
            "first_held_out_seed": 2_000_500_000,
            "first_validation_seed": 2_000_600_000,
        },
        "network": {"depth": 3, "width": 8},
        "fit": {
            "steps": 20_000,
            "round_steps": 100,
            "patience": 10,
            "batch": 8,
            "rate": 0.003,
            "precision": "32-true",
        },
        "amounts": (9, 35, 140, 560),
        "variants": ("unet", "no_skips", "autoencoder", "classifier"),
        "seeds": (1, 2, 3),
        "scenes": None,
    }
    assert recipe.channels.amount == 35
    assert recipe.channels.sets == (("B08",), ("B02", "B03", "B04"), ("B02", "B03", "B04", "B08"), L2A_STACK)


def test_borders_of_a_recipe() -> None:
    counts = ((1,), (0,))
    check_ranges(
        TilesRecipe,
        {
            "size_px": ((16, 384), (15, 385)),
            "pool": counts,
            "held_out": counts,
            "validation": counts,
            "real": counts,
            "first_seed": ((0,), (-1,)),
            "first_held_out_seed": ((0,), (-1,)),
            "first_validation_seed": ((0,), (-1,)),
        },
        ValidationError,
    )
    rates = ((1e-9,), (0, float("inf")))
    fits = {"steps": counts, "round_steps": counts, "patience": counts, "batch": counts, "rate": rates}
    check_ranges(FitRecipe, fits, ValidationError)
    check_ranges(ChannelsRecipe, {"amount": counts}, ValidationError)
    check_ranges(
        AblationRecipe,
        {
            "amounts": (((1,), (560,)), ((), (0,), (561,))),
            "variants": ((("unet",),), ((),)),
            "seeds": (((0,),), ((),)),
        },
        ValidationError,
    )


def test_a_recipe_is_frozen_and_knows_its_settings() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        FitRecipe().steps = 2  # type: ignore[misc]
    with pytest.raises(ValidationError, match="not permitted"):
        FitRecipe(strange=1)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("first_seed", "held_out_seed", "apart"), [(0, 10, True), (0, 9, False), (5, 0, True), (4, 0, False)]
)
def test_seeds_of_the_pool_and_of_what_is_held_out_lie_apart(first_seed: int, held_out_seed: int, apart: bool) -> None:
    def build() -> TilesRecipe:
        return TilesRecipe(pool=10, held_out=5, first_seed=first_seed, first_held_out_seed=held_out_seed)

    if apart:
        assert build().pool == 10
    else:
        with pytest.raises(ValidationError, match="share seeds"):
            build()


def test_as_many_tiles_as_the_pool_has_may_be_asked_for() -> None:
    tiles = TilesRecipe(pool=40)
    assert AblationRecipe(tiles=tiles, amounts=(40,)).tiles.pool == 40
    with pytest.raises(ValidationError, match="41 tiles are asked for, and the pool has 40"):
        AblationRecipe(tiles=tiles, amounts=(1,), channels=ChannelsRecipe(amount=41))


@pytest.mark.parametrize("bands", [(), ("B08", "B02"), ("B02", "B02"), ("B99",)])
def test_bands_stand_in_their_order(bands: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="in this order"):
        ChannelsRecipe(sets=(bands,))
