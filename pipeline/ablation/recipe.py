"""What an ablation is told: which networks learn from how much, of which bands, how often; YAML, strictly checked."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import TrainingError
from pipeline.strict_yaml import explain, read_yaml
from tiles.bands import L2A_STACK

__all__ = ["AblationRecipe", "Run", "Variant", "read_ablation"]

Variant = Literal["unet", "no_skips", "autoencoder", "classifier"]
"""A U-Net; one without skips; U-Nets whose encoder was first an autoencoder's, or a classifier's."""

_Count = Annotated[int, Field(ge=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TilesRecipe(_Strict):
    """The simulated tiles.

    Attributes:
        size_px: Rows and columns of a tile.
        pool: How many there are to learn from; pretraining sees all of them.
        held_out: How many measure the result.
        validation: How many say when a training has learned all it can.
        real: How many tiles of labelled real crops measure the result too, where there are scenes.
        first_seed: Seed of the pool's first tile.
        first_held_out_seed: Seed of the first tile that is held out.
        first_validation_seed: Seed of the first tile of the validation.
    """

    size_px: Annotated[int, Field(ge=16, le=384)] = 64
    pool: _Count = 560
    held_out: _Count = 300
    validation: _Count = 100
    real: _Count = 300
    first_seed: Annotated[int, Field(ge=0)] = 1_500_000_000
    first_held_out_seed: Annotated[int, Field(ge=0)] = 2_000_500_000
    first_validation_seed: Annotated[int, Field(ge=0)] = 2_000_600_000

    @model_validator(mode="after")
    def _apart(self) -> Self:
        sets = sorted((
            (self.first_seed, self.pool, "the pool"),
            (self.first_held_out_seed, self.held_out, "the held-out tiles"),
            (self.first_validation_seed, self.validation, "the validation"),
        ))  # fmt: skip
        for (first, count, name), (following, _, other) in pairwise(sets):
            if following < first + count:
                raise ValueError(f"{name} and {other} share seeds")
        return self


class FitRecipe(_Strict):
    """How all of them learn, pretraining too: until the loss on the validation tiles stops falling.

    Attributes:
        steps: Optimiser steps at most.
        round_steps: Steps after which the loss of the validation is measured.
        patience: Rounds without a lower loss after which training ends; after half of them the rate falls to a third.
        batch: Tiles a step.
        rate: First learning rate.
        precision: ``auto``: ``bf16-mixed`` where the processor multiplies bfloat16 natively, else ``32-true``.
    """

    steps: _Count = 20_000
    round_steps: _Count = 100
    patience: _Count = 10
    batch: _Count = 8
    rate: Annotated[float, Field(gt=0)] = 3e-3
    precision: Literal["auto", "32-true", "bf16-mixed"] = "32-true"


class ChannelsRecipe(_Strict):
    """The second question: how much do more bands help?

    Attributes:
        amount: From how many tiles these U-Nets learn.
        sets: The bands of each.
    """

    amount: _Count = 35
    sets: tuple[tuple[str, ...], ...] = (("B08",), ("B02", "B03", "B04"), ("B02", "B03", "B04", "B08"), L2A_STACK)

    @model_validator(mode="after")
    def _bands(self) -> Self:
        for bands in self.sets:
            if list(bands) != [name for name in L2A_STACK if name in bands] or not bands:
                raise ValueError(f"expected bands of {' '.join(L2A_STACK)} in this order, found {' '.join(bands)}")
        return self


class Run(_Strict):
    """One training.

    Attributes:
        variant: What learns.
        tiles: From how many tiles.
        bands: Of which bands.
        seed: Decides which tiles, the first weights and the order.
    """

    variant: Variant
    tiles: int
    bands: tuple[str, ...]
    seed: int


class AblationRecipe(_Strict):
    """An ablation, whole.

    Attributes:
        tiles: The tiles.
        network: Hyperparameters of the U-Net, less its channels and skips.
        fit: How all of them learn.
        amounts: From how many tiles they learn.
        variants: What learns.
        channels: Which bands.
        seeds: Each run is repeated with each of these.
        scenes: Folder of the scenes whose labelled crops are measured too; ``None``: simulated tiles alone.
    """

    tiles: TilesRecipe = TilesRecipe()
    network: dict[str, Any] = Field(default_factory=lambda: {"depth": 3, "width": 8})
    fit: FitRecipe = FitRecipe()
    amounts: Annotated[tuple[_Count, ...], Field(min_length=1)] = (9, 35, 140, 560)
    variants: Annotated[tuple[Variant, ...], Field(min_length=1)] = ("unet", "no_skips", "autoencoder", "classifier")
    channels: ChannelsRecipe = ChannelsRecipe()
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (1, 2, 3)
    scenes: str | None = None

    @model_validator(mode="after")
    def _enough(self) -> Self:
        most = max(*self.amounts, self.channels.amount)
        if most > self.tiles.pool:
            raise ValueError(f"{most} tiles are asked for, and the pool has {self.tiles.pool}")
        return self

    @property
    def runs(self) -> tuple[Run, ...]:
        """All runs, each once; seed by seed, so that an unfinished ablation has whole columns."""
        runs: dict[Run, None] = {}  # a set that keeps its order
        for seed in self.seeds:
            for amount in self.amounts:
                for variant in self.variants:
                    runs[Run(variant=variant, tiles=amount, bands=L2A_STACK, seed=seed)] = None
            for bands in self.channels.sets:
                runs[Run(variant="unet", tiles=self.channels.amount, bands=bands, seed=seed)] = None
        return tuple(runs)


def read_ablation(path: Path) -> AblationRecipe:
    """Read the recipe of an ablation.

    Args:
        path: A YAML file.

    Raises:
        TrainingError: The file is missing or no YAML, or a setting does not exist or has a wrong value.
    """
    try:
        return AblationRecipe.model_validate(read_yaml(path))
    except ValidationError as error:
        raise TrainingError(f"The recipe {path}: {explain(error, AblationRecipe)}") from error
