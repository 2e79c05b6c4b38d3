"""What a model is, what it was trained on, how well it does and where it fails: the card in its file.

Source: Mitchell et al. 2019, Model cards for model reporting, doi:10.1145/3287560.3287596.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from models.errors import ModelInputError

__all__ = ["Figure", "ModelCard", "Training"]

_Words = Annotated[str, Field(min_length=1)]
_Fraction = Annotated[float, Field(ge=0, le=1)]


class _Value(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class Training(_Value):
    """How the weights came to be.

    Attributes:
        data: What the network learned from.
        script: The module that trained it.
        seed: Seed of the run.
        steps: Optimiser steps.
        minutes: Wall time of the run.
    """

    data: _Words
    script: _Words
    seed: int
    steps: Annotated[int, Field(ge=0)]
    minutes: Annotated[float, Field(ge=0)]


class Figure(_Value):
    """One number that was measured.

    Attributes:
        name: What was measured.
        value: The number.
        unit: Its unit; ``1`` for ratios.
        on: On which data.
        interval: Where the number lies with 95% confidence, low and high; ``None`` where that was not measured.
    """

    name: _Words
    value: FiniteFloat
    unit: _Words = "1"
    on: _Words
    interval: tuple[FiniteFloat, FiniteFloat] | None = None


class ModelCard(_Value):
    """All that a user and the runtime must know about a model, except its weights.

    Attributes:
        name: Short name, unique among the bundled models.
        version: Version of the weights.
        description: One sentence.
        inputs: Names of the input channels, in order.
        required_inputs: Groups of inputs of which a scene must have one each; the others may be absent, and the
            network is told so. Empty where it needs all.
        levels: Processing levels that it was trained for.
        resolution_m: Smallest and largest pixel size that it was trained for, in metres.
        mean: Mean reflectance a channel; also the value that fills pixels without data.
        std: Standard deviation of reflectance a channel.
        reflectance_range: Reflectance is clamped to this before normalisation, since saturated pixels say no more.
        classes: Names of the output channels, in order.
        water_class: Which of them is water.
        temperature: Logits are divided by this, so that probabilities are calibrated.
        probability_rmse: Error of the predicted water fraction within two pixels of the shoreline; divided by the
            slope of probability it is the position's uncertainty.
        licence: Of the weights, as an SPDX expression.
        training: How the weights came to be.
        figures: What was measured.
        known_failures: Where not to trust it, a sentence each.

    Raises:
        pydantic.ValidationError: A field is missing, of the wrong type or contradicts another.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    version: _Words
    description: _Words
    inputs: Annotated[tuple[_Words, ...], Field(min_length=1)]
    required_inputs: tuple[Annotated[tuple[_Words, ...], Field(min_length=1)], ...] = ()
    levels: Annotated[tuple[_Words, ...], Field(min_length=1)] = ("L2A",)
    resolution_m: tuple[float, float]
    mean: tuple[float, ...]
    std: tuple[Annotated[float, Field(gt=0)], ...]
    reflectance_range: tuple[float, float] = (-0.2, 1.5)
    classes: Annotated[tuple[_Words, ...], Field(min_length=2)] = ("land", "water")
    water_class: Annotated[int, Field(ge=0)] = 1
    temperature: Annotated[float, Field(gt=0)] = 1.0
    probability_rmse: _Fraction
    licence: _Words
    training: Training
    figures: tuple[Figure, ...] = ()
    known_failures: tuple[_Words, ...] = ()

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if not len(self.inputs) == len(set(self.inputs)) == len(self.mean) == len(self.std):
            raise ValueError(
                f"inputs must be unique, with one mean and one std each; found {len(self.inputs)} inputs, "
                f"{len(self.mean)} means, {len(self.std)} stds"
            )
        if not {name for group in self.required_inputs for name in group} <= set(self.inputs):
            raise ValueError("required_inputs must be among the inputs")
        if self.water_class >= len(self.classes):
            raise ValueError(f"water_class {self.water_class} is none of the {len(self.classes)} classes")
        for name in ("resolution_m", "reflectance_range"):
            low, high = getattr(self, name)
            if not low < high:
                raise ValueError(f"{name} must rise, found {low} to {high}")
        return self

    def figure(self, name: str) -> float | None:
        """The value of a figure by name, or ``None`` where it was not measured."""
        return next((figure.value for figure in self.figures if figure.name == name), None)

    def find_channels(self, inputs: Sequence[str]) -> list[int]:
        """Where some of the inputs stand among all, counted from 0; arguments and errors as for ``select``."""
        return [self.inputs.index(name) for name in self.select(inputs).inputs]

    def select(self, inputs: Sequence[str]) -> ModelCard:
        """The card of the same model for some of its inputs alone, all of which it then needs.

        Args:
            inputs: Some of the model's inputs, in its order.

        Raises:
            ModelInputError: They are none of its inputs, out of order, or a group of ``required_inputs`` has none.
        """
        channels = [self.inputs.index(name) for name in inputs if name in self.inputs]
        if not channels or len(channels) < len(inputs) or channels != sorted(set(channels)):
            raise ModelInputError(
                f"{self.name}: expected some of its inputs {', '.join(self.inputs)}, in this order; "
                f"found {', '.join(inputs) or 'none'}."
            )
        if channels == list(range(len(self.inputs))):
            return self
        groups = self.required_inputs or [(name,) for name in self.inputs]
        missing = [group for group in groups if not {*group} & {*inputs}]
        if missing:
            alternatives = ", ".join("/".join(group) for group in missing)
            raise ModelInputError(f"{self.name} cannot do without {alternatives}: found {', '.join(inputs)} alone.")
        chosen = {name: tuple(getattr(self, name)[channel] for channel in channels) for name in ("mean", "std")}
        return self.model_copy(update={"inputs": tuple(inputs), "required_inputs": (), **chosen})
