"""What a network is asked for, and what is measured of its answer: water, a reconstruction, or the class of a tile."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torchmetrics import MetricCollection
from torchmetrics.classification import BinaryAccuracy, BinaryJaccardIndex, MulticlassAccuracy
from torchmetrics.regression import MeanSquaredError

from models.losses.water import WaterLoss
from models.networks.autoencoder import AutoencoderConfig, compute_reconstruction_loss
from models.networks.classifier import TILE_CLASSES, UNKNOWN, ClassifierConfig, compute_class_loss, compute_tile_class
from models.networks.network import NetworkConfig

__all__ = ["ClassObjective", "Objective", "ReconstructionObjective", "WaterObjective", "resolve_objective"]


class Objective(Protocol):
    """What a training makes small, and what it measures."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the output's channels for the card; empty: those of the input."""
        ...

    def compute_loss(self, answer: Tensor, inputs: Tensor, fraction: Tensor, valid: Tensor) -> Tensor:
        """The loss of a batch.

        Args:
            answer: What the network returned, float32.
            inputs: (B, C, H, W), what it was given, normalised; NaN where nothing was known.
            fraction: (B, H, W), share of water, 0 to 1.
            valid: (B, H, W), True where a pixel counts.
        """
        ...

    def build_metrics(self) -> MetricCollection:
        """Fresh metrics for a round, named ``val/…``."""
        ...

    def update_metrics(
        self, metrics: MetricCollection, answer: Tensor, inputs: Tensor, fraction: Tensor, valid: Tensor
    ) -> None:
        """Count a batch; the arguments are those of ``compute_loss``."""
        ...


class WaterObjective:
    """The share of water in each pixel.

    Args:
        loss: Takes logits: softmax is applied once, within it.
    """

    classes = ("land", "water")

    def __init__(self, loss: WaterLoss) -> None:
        self.loss = loss

    def compute_loss(self, answer: Tensor, inputs: Tensor, fraction: Tensor, valid: Tensor) -> Tensor:
        """The sum of losses of the recipe."""
        del inputs
        return self.loss(answer, fraction, valid)

    def build_metrics(self) -> MetricCollection:
        """Intersection over union of water, and accuracy, over all pixels of a round."""
        return MetricCollection({"iou": BinaryJaccardIndex(), "accuracy": BinaryAccuracy()}, prefix="val/")

    def update_metrics(
        self, metrics: MetricCollection, answer: Tensor, inputs: Tensor, fraction: Tensor, valid: Tensor
    ) -> None:
        """Count the valid pixels."""
        del inputs
        water = torch.softmax(answer, dim=1)[:, 1]  # (B, H, W)
        metrics.update(water[valid], (fraction[valid] > 0.5).int())


class ReconstructionObjective:
    """The image itself, by way of a narrow bottom; needs no labels."""

    classes = ()

    def compute_loss(self, answer: Tensor, inputs: Tensor, fraction: Tensor, valid: Tensor) -> Tensor:
        """Mean squared error where something was known."""
        del fraction, valid
        return compute_reconstruction_loss(answer, inputs, known=inputs.isfinite())

    def build_metrics(self) -> MetricCollection:
        """Mean squared error of normalised reflectance."""
        return MetricCollection({"mse": MeanSquaredError()}, prefix="val/")

    def update_metrics(
        self, metrics: MetricCollection, answer: Tensor, inputs: Tensor, fraction: Tensor, valid: Tensor
    ) -> None:
        """Count what was known."""
        del fraction, valid
        known = inputs.isfinite()
        metrics.update(answer[known], inputs[known])


class ClassObjective:
    """Whether a tile shows land, water, or a shore between them."""

    classes = TILE_CLASSES

    def compute_loss(self, answer: Tensor, inputs: Tensor, fraction: Tensor, valid: Tensor) -> Tensor:
        """Cross-entropy of the tiles of which something is known."""
        del inputs
        return compute_class_loss(answer, compute_tile_class(fraction, valid))

    def build_metrics(self) -> MetricCollection:
        """Share of the tiles that are right."""
        accuracy = MulticlassAccuracy(num_classes=len(TILE_CLASSES), average="micro", ignore_index=UNKNOWN)
        return MetricCollection({"accuracy": accuracy}, prefix="val/")

    def update_metrics(
        self, metrics: MetricCollection, answer: Tensor, inputs: Tensor, fraction: Tensor, valid: Tensor
    ) -> None:
        """Count the tiles."""
        del inputs
        metrics.update(answer, compute_tile_class(fraction, valid))


def resolve_objective(config: NetworkConfig, loss: WaterLoss) -> Objective:
    """Decide what a network of this kind is asked for.

    Args:
        config: Of the network.
        loss: For those that are asked for water.
    """
    if isinstance(config, AutoencoderConfig):
        return ReconstructionObjective()
    if isinstance(config, ClassifierConfig):
        return ClassObjective()
    return WaterObjective(loss)
