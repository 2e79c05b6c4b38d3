"""What a training is told: data, network, loss, optimiser, trainer; read from YAML, checked to the last key.

A key that does not exist is an error that names the right one, because a setting that is silently ignored costs a
night on a cluster.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from models.errors import TrainingError
from pipeline.atomic import write_whole
from pipeline.strict_yaml import explain, read_yaml
from strandline import __file__ as house

__all__ = [
    "AugmentationRecipe",
    "DataRecipe",
    "LossRecipe",
    "ModelRecipe",
    "OptimiserRecipe",
    "PartRecipe",
    "Recipe",
    "TrainerRecipe",
    "read_recipe",
    "resolve_recipe",
    "write_recipe",
]

RECIPES = Path(house).parent / "workflows" / "recipes"
"""The recipes that come with Strandline."""

Chance = Annotated[float, Field(ge=0, le=1)]
NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]
Words = Annotated[str, Field(min_length=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PartRecipe(_Strict):
    """One source of samples.

    Attributes:
        source: What ``pipeline.samples.sources`` understands; ``{root}`` stands for the recipe's ``data.root``.
        weight: How often it is drawn from, against the others.
        held_out: Share of its places that are never learned from; 0 keeps none, for sources that only teach.
    """

    source: Words
    weight: Positive = 1.0
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.15


class DataRecipe(_Strict):
    """Where samples come from, and how they are cut and divided.

    Attributes:
        parts: The sources, drawn from by weight.
        root: Folder that stands for ``{root}`` in the sources.
        cache: Folder that keeps what is costly to make; default ``chips`` in the run's folder.
        tile_px: Rows and columns of a tile.
        validation_tiles: How many tiles of held-out places are measured after each round.
        split_seed: Another seed holds out other places.
    """

    parts: Annotated[tuple[PartRecipe, ...], Field(min_length=1)]
    root: str | None = None
    cache: str | None = None
    tile_px: Annotated[int, Field(ge=16, le=2048)] = 128
    validation_tiles: Count = 64
    split_seed: int = 0

    @model_validator(mode="after")
    def _root_where_needed(self) -> Self:
        if self.root is None and any("{root}" in part.source for part in self.parts):
            raise ValueError("a source names {root}, and data.root is not set: pass --set data.root=FOLDER")
        return self


class ModelRecipe(_Strict):
    """The network.

    Attributes:
        name: Name of the model file.
        version: Version of the weights.
        description: One sentence for its card.
        network: Hyperparameters, with ``architecture`` (``unet`` by default), as ``models.networks.architecture`` takes
            them.
        start: The name of a bundled model, a model file or a run whose weights are the first ones; default random.
        start_from: Whether all weights are carried over, the encoder's alone, or all into a wider network, which
            then begins with what the narrower one knows (``models.networks.widening``).
        keep: Share of the first weights in the last ones: a network that learned on from another one forgets less
            when the two are averaged (Wortsman et al. 2022, doi:10.1109/CVPR52688.2022.00780).

    Raises:
        ValueError: There are no first weights to keep a share of.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    version: Words = "1"
    description: Words = "A U-Net for land and water."
    network: dict[str, Any] = Field(default_factory=dict)
    start: str | None = None
    start_from: Literal["all", "encoder", "narrower"] = "all"
    keep: Annotated[float, Field(ge=0, lt=1)] = 0.0

    @model_validator(mode="after")
    def _start_to_keep(self) -> Self:
        if self.keep and (self.start is None or self.start_from == "encoder"):
            raise ValueError("keep is a share of the weights of model.start, all of them: give start, without encoder")
        return self


class AugmentationRecipe(_Strict):
    """How strong the variations of a batch are; see ``augmentation`` and ``band_dropout`` in ``pipeline.samples``."""

    turn: bool = True
    gain: NotNegative = 0.1
    band_gain: NotNegative = 0.03
    veil: NotNegative = 0.006
    offset: NotNegative = 0.002
    noise: NotNegative = 0.003
    clip_chance: Chance = 0.25
    hole_chance: Chance = 0.3
    cloud_chance: Chance = 0.15
    shadow_chance: Chance = 0.2
    blur_chance: Chance = 0.2
    absent_atmospheric: Chance = 0.2
    absent_usual: Chance = 0.2
    absent_random: Chance = 0.15


class LossRecipe(_Strict):
    """Weights of the losses that are summed; see ``models.losses.water``."""

    cross_entropy: NotNegative = 1.0
    shore_gain: NotNegative = 2.0
    dice: NotNegative = 0.0
    focal: NotNegative = 0.0
    sobel: NotNegative = 0.0
    boundary: NotNegative = 0.0


class OptimiserRecipe(_Strict):
    """AdamW under a cosine schedule with a linear warm-up.

    Attributes:
        rate: Highest learning rate.
        weight_decay: Of AdamW.
        warm_up: Share of the steps over which the rate rises.
        last: Share of the highest rate that is left at the end.
        clip: Gradients are clipped to this norm.
    """

    rate: Positive = 2e-3
    weight_decay: NotNegative = 1e-2
    warm_up: Annotated[float, Field(ge=0, lt=1)] = 0.03
    last: Chance = 0.01
    clip: Positive = 1.0


class TrainerRecipe(_Strict):
    """How long, how many, on what.

    Attributes:
        steps: Optimiser steps.
        batch: Tiles a step and device.
        accumulate: Batches whose gradients make one step.
        round_steps: Steps after which the model is measured and the state kept: a killed run loses one round at most.
        precision: As Lightning names it; ``auto``: ``bf16-mixed`` where the device multiplies bfloat16 natively, else
            ``32-true``. What it came to is kept with the run.
        accelerator: ``auto``, ``cpu`` or ``gpu``.
        devices: How many; more than one trains with DDP.
        workers: Processes that draw samples for each device.
        average: Decay of the exponential moving average of the weights; 0 takes the last weights.
        patience: Rounds without progress after which training stops; ``None`` never stops early.
        pictures: Validation tiles that are drawn into the log after each round.
    """

    steps: Count = 10_000
    batch: Count = 8
    accumulate: Count = 1
    round_steps: Count = 500
    precision: Literal["auto", "32-true", "bf16-mixed", "16-mixed"] = "auto"
    accelerator: Literal["auto", "cpu", "gpu"] = "auto"
    devices: Count = 1
    workers: Annotated[int, Field(ge=0)] = 1
    average: Annotated[float, Field(ge=0, lt=1)] = 0.998
    patience: Count | None = None
    pictures: Annotated[int, Field(ge=0)] = 4


class Recipe(_Strict):
    """A training, whole: with the same recipe, code and machine it gives the same weights.

    Attributes:
        seed: Decides first weights, samples and variations.
        data: Where samples come from.
        model: The network.
        augmentation: How a batch is varied.
        loss: What is made small.
        optimiser: How.
        trainer: How long, on what.
    """

    seed: int = 1
    data: DataRecipe
    model: ModelRecipe
    augmentation: AugmentationRecipe = AugmentationRecipe()
    loss: LossRecipe = LossRecipe()
    optimiser: OptimiserRecipe = OptimiserRecipe()
    trainer: TrainerRecipe = TrainerRecipe()


def read_recipe(path: Path, changes: Iterable[str] = ()) -> Recipe:
    """Read a recipe.

    Args:
        path: A YAML file.
        changes: Settings that replace those of the file, as ``data.root=/data/SWED``; values are YAML.

    Raises:
        TrainingError: The file is missing or no YAML, or a setting does not exist or has a wrong value.
    """
    values = read_yaml(path)
    for change in changes:
        _apply(values, change)
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        raise TrainingError(f"The recipe {path}: {explain(error, Recipe)}") from error


def resolve_recipe(text: str) -> Path:
    """The recipe that a user means: a file, or the name of one that comes with Strandline.

    Args:
        text: A path, or a name such as ``swed``.

    Raises:
        TrainingError: It is neither.
    """
    path = Path(text)
    bundled = RECIPES / path.with_suffix(".yaml").name
    if path.is_file() or path.suffix:
        return path if path.is_file() or not bundled.is_file() else bundled
    if not bundled.is_file():
        known = sorted(recipe.stem for recipe in RECIPES.glob("*.yaml"))
        close = difflib.get_close_matches(text, known, n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise TrainingError(f"No recipe is called {text!r}, and no file is there; known: {', '.join(known)}.{hint}")
    return bundled


def write_recipe(path: Path, recipe: Recipe) -> None:
    """Write a recipe as it was resolved, defaults and all.

    Args:
        path: Where to.
        recipe: The recipe.
    """
    write_whole(path, yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False))


def _apply(values: dict[str, Any], change: str) -> None:
    name, equals, text = change.partition("=")
    if not equals or not name.strip():
        raise TrainingError(f"Expected a change as data.root=FOLDER, found {change!r}.")
    *sections, key = name.strip().split(".")
    target: Any = values
    for section in sections:
        target = _descend(target, section, name)
    index = _as_index(target, key)
    if not isinstance(target, dict) and index is None:
        raise TrainingError(f"{name}: {sections[-1]} is a value, not a section.")
    try:
        target[key if index is None else index] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise TrainingError(f"The value of {name} is not YAML: {text!r}.") from error
    except IndexError as error:
        raise TrainingError(f"{name}: there is no entry {key}; it has {len(target)}.") from error


def _descend(target: object, section: str, name: str) -> Any:  # noqa: ANN401 (whatever YAML holds)
    if isinstance(target, list) and section.isdigit():
        if int(section) >= len(target):
            raise TrainingError(f"{name}: there is no entry {section}; it has {len(target)}.")
        return target[int(section)]
    if not isinstance(target, dict):
        raise TrainingError(f"{name}: {section} stands in a value, not in a section.")
    return target.setdefault(section, {})


def _as_index(target: object, key: str) -> int | None:
    return int(key) if isinstance(target, list) and key.isdigit() else None
