"""What maps a scene, whatever runs it: PyTorch, OpenVINO, ONNX Runtime or an exported program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from models.card import ModelCard
from models.errors import DeviceError, ModelInputError

__all__ = ["Device", "Framework", "Precision", "Predictor", "require_batch", "require_choice"]

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "fp32", "bf16", "int8"]
Framework = Literal["auto", "torch", "openvino"]


class Predictor(Protocol):
    """A model made ready to predict.

    Obligations: ``predict`` takes any batch and any rows and columns that are multiples of ``stride``; an answer
    depends on nothing farther away than ``reach_px``; the same pixels always give the same answer. ``predict`` may be
    called from several threads at once.
    """

    @property
    def card(self) -> ModelCard:
        """What the model says about itself; its inputs are those that are read here, in order."""
        ...

    @property
    def source(self) -> str:
        """The model's file."""
        ...

    @property
    def sha256(self) -> str:
        """Of that file, in hexadecimal."""
        ...

    @property
    def hyperparameters(self) -> Mapping[str, Any]:
        """Of the network, for the record."""
        ...

    @property
    def precision(self) -> Literal["fp32", "bf16", "int8"]:
        """What it multiplies in."""
        ...

    @property
    def description(self) -> str:
        """What runs where, in one line for the record."""
        ...

    @property
    def software(self) -> Mapping[str, str]:
        """The libraries that run it, by name, with their versions; what computes the network comes first."""
        ...

    @property
    def stride(self) -> int:
        """Rows and columns of a batch must be multiples of this, and tiles start at multiples of it."""
        ...

    @property
    def reach_px(self) -> int | None:
        """How far the network sees; ``None`` where it sees the whole tile, which then needs blending."""
        ...

    @property
    def fill(self) -> NDArray[np.float32]:
        """Mean reflectance a channel, (C,): what stands in for pixels without data."""
        ...

    @property
    def workers(self) -> int:
        """How many calls of ``predict`` at once keep the device busy."""
        ...

    def enter_worker(self) -> None:
        """Called once by each of those threads: from then on, its calls take one core each."""
        ...

    def predict(self, batch: NDArray[np.float32], *, margin: int = 0) -> NDArray[np.float32]:
        """The probability that a pixel is water, calibrated to be its share of water.

        Args:
            batch: (B, C, H, W), reflectance in the order of the card's inputs, not normalised; NaN is filled with
                the channel's mean. H and W multiples of ``stride``.
            margin: Pixels at each edge whose answer is not wanted, and need not be computed.

        Returns:
            (B, H - 2 * margin, W - 2 * margin), 0 to 1. Pixels that were filled have a value too: mask them.

        Raises:
            ModelInputError: The shape does not fit.
        """
        ...

    def release_memory(self) -> None:
        """Give back the memory of features, which the next call takes anew; not while one is under way."""
        ...


def require_batch(batch: NDArray[np.float32], card: ModelCard, *, margin: int, stride: int = 1) -> None:
    """Refuse a batch that a model cannot take.

    Args:
        batch: (B, C, H, W).
        card: The model's.
        margin: Pixels at each edge whose answer is not wanted.
        stride: Rows and columns must be multiples of this.

    Raises:
        ModelInputError: The shape does not fit.
    """
    if batch.ndim != 4 or batch.shape[1] != len(card.inputs):
        raise ModelInputError(
            f"{card.name}: expected a batch (B, {len(card.inputs)}, H, W) of {', '.join(card.inputs)}, "
            f"found the shape {batch.shape}."
        )
    if batch.shape[2] % stride or batch.shape[3] % stride:
        raise ModelInputError(
            f"{card.name}: expected rows and columns to be multiples of {stride}, found {batch.shape[2]} x "
            f"{batch.shape[3]}. Pad the tile (the tile grid does)."
        )
    if not 0 <= 2 * margin < min(batch.shape[2:]):
        raise ModelInputError(
            f"{card.name}: expected a margin from 0 to less than half of {batch.shape[2]} x {batch.shape[3]} pixels, "
            f"found {margin}."
        )


def require_choice(name: str, value: str, choices: object) -> None:
    """Refuse a device, precision or framework that does not exist.

    Args:
        name: What is chosen, for the message.
        value: The choice.
        choices: The ``Literal`` of all that there are.

    Raises:
        DeviceError: It is none of them.
    """
    if value not in get_args(choices):
        raise DeviceError(f"Expected the {name} to be one of {', '.join(get_args(choices))}; found {value!r}.")
