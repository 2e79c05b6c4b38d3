"""What an ablation is told: which networks learn from how much, of which bands, how often; YAML, strictly checked."""

from __future__ import annotations

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
        first_seed: Seed of the pool's first tile.
        first_held_out_seed: Seed of the first tile that is held out.
    """

    size_px: Annotated[int, Field(ge=16, le=384)] = 64
    pool: _Count = 560
    held_out: _Count = 300
    first_seed: Annotated[int, Field(ge=0)] = 1_500_000_000
    first_held_out_seed: Annotated[int, Field(ge=0)] = 2_000_500_000

    @model_validator(mode="after")
    def _apart(self) -> Self:
        start, end = self.first_held_out_seed, self.first_held_out_seed + self.held_out
        if self.first_seed < end and start < self.first_seed + self.pool:
            raise ValueError("the pool and the held-out tiles share seeds")
        return self


class FitRecipe(_Strict):
    """How long all of them learn; pretraining, too, takes so many steps.

    Attributes:
        steps: Optimiser steps, the same for any amount of data.
        batch: Tiles a step.
        rate: Highest learning rate.
        precision: ``bf16-mixed`` is faster where the processor multiplies bfloat16.
    """

    steps: _Count = 300
    batch: _Count = 8
    rate: Annotated[float, Field(gt=0)] = 3e-3
    precision: Literal["32-true", "bf16-mixed"] = "32-true"


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
    """

    tiles: TilesRecipe = TilesRecipe()
    network: dict[str, Any] = Field(default_factory=lambda: {"depth": 3, "width": 8})
    fit: FitRecipe = FitRecipe()
    amounts: Annotated[tuple[_Count, ...], Field(min_length=1)] = (9, 35, 140, 560)
    variants: Annotated[tuple[Variant, ...], Field(min_length=1)] = ("unet", "no_skips", "autoencoder", "classifier")
    channels: ChannelsRecipe = ChannelsRecipe()
    seeds: Annotated[tuple[int, ...], Field(min_length=1)] = (1, 2, 3)

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
