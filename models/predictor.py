"""What maps a scene, whatever runs it: PyTorch, ONNX Runtime or an exported program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from models.card import ModelCard

__all__ = ["Device", "Precision", "Predictor"]

Device = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "fp32", "bf16"]


class Predictor(Protocol):
    """A model made ready to predict.

    Obligations: ``predict`` takes any batch and any rows and columns that are multiples of ``stride``; an answer
    depends on nothing farther away than ``reach_px``; the same pixels always give the same answer.
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
    def precision(self) -> Literal["fp32", "bf16"]:
        """What it multiplies in."""
        ...

    @property
    def description(self) -> str:
        """What runs where, in one line for the record."""
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

    def predict(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """The probability that a pixel is water, calibrated to be its share of water.

        Args:
            batch: (B, C, H, W), reflectance in the order of the card's inputs, not normalised; NaN is filled with
                the channel's mean. H and W multiples of ``stride``.

        Returns:
            (B, H, W), 0 to 1. Pixels that were filled have a value too: mask them.

        Raises:
            ModelInputError: The shape does not fit.
        """
        ...
