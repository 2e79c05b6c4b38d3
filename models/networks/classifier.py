"""A classifier of whole tiles from the U-Net's encoder: land, water, or a shore between them.

It sorts out the tiles that are worth a closer look, and learns from labels that cost a word a tile instead of a mask.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.errors import ModelConfigError, ModelInputError
from models.networks.network import Network
from models.networks.unet import Activation, Encoder, Norm, UNetConfig, require_image

__all__ = [
    "LAND",
    "SHORE",
    "TILE_CLASSES",
    "UNKNOWN",
    "WATER",
    "Classifier",
    "ClassifierConfig",
    "compute_class_loss",
    "compute_tile_class",
]

TILE_CLASSES = ("land", "water", "shore")
"""Names of the classes, in the order of the logits."""

LAND, WATER, SHORE = range(3)

UNKNOWN = -100
"""The class of a tile of which nothing is known; ``torch.nn.functional.cross_entropy`` leaves it out by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassifierConfig:
    """The hyperparameters of a classifier, as those of ``UNetConfig``; ``build_network`` makes the network.

    Attributes:
        in_channels: Channels of the input.
        classes: How many classes; 3 for ``TILE_CLASSES``.
        depth: How many times the resolution is halved.
        width: Channels at full resolution; they double at each halving.
        activation: Nonlinearity after each 3x3 convolution.
        norm: Which norm follows each 3x3 convolution.
        any_channels: Whether channels may be absent.

    Raises:
        ModelConfigError: A value is out of range, or no such choice exists.
    """

    architecture: ClassVar[str] = "classifier"

    in_channels: int = 12
    classes: int = len(TILE_CLASSES)
    depth: int = 3
    width: int = 16
    activation: Activation = "relu"
    norm: Norm = "batch"
    any_channels: bool = False

    def __post_init__(self) -> None:
        _ = self.body  # validates

    @property
    def body(self) -> UNetConfig:
        """The U-Net whose encoder this is."""
        return UNetConfig(**asdict(self))

    @property
    def stride(self) -> int:
        """Rows and columns of the input must be multiples of this."""
        return self.body.stride


class Classifier(Network):
    """Encoder, then the mean and the highest value of each of its bottom's features, and a linear layer.

    The highest value is there for a shore that crosses a corner alone: the mean would lose it.

    Args:
        config: Hyperparameters, kept as ``config``.
    """

    config: ClassifierConfig

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__()
        self.config = config
        self.in_channels = config.in_channels
        self.encoder = Encoder(config.body)
        self.head = nn.Linear(2 * config.body.widths[-1], config.classes)

    def forward(self, image: Tensor, present: Tensor | None = None) -> Tensor:
        """Logits a tile.

        Args:
            image: (B, in_channels, H, W), normalised, 0 in absent channels; H and W multiples of ``config.stride``.
            present: (B, in_channels), True where an image has the channel; default all.

        Returns:
            Logits (B, classes).

        Raises:
            ModelInputError: The shape does not fit.
        """
        require_image("Classifier", image, channels=self.in_channels, stride=self.config.stride)
        bottom = self.encoder(image, present)[-1]  # (B, width * 2**depth, H / stride, W / stride)
        pooled = torch.cat((bottom.mean(dim=(2, 3)), bottom.amax(dim=(2, 3))), dim=1)  # (B, 2 * width * 2**depth)
        logits: Tensor = self.head(pooled)
        return logits


def compute_tile_class(fraction: Tensor, valid: Tensor | None = None, *, least: float = 0.005) -> Tensor:
    """What a tile shows, from its map of water: the classifier's truth.

    Args:
        fraction: (B, H, W), share of water, 0 to 1; half or less is land.
        valid: (B, H, W), True where a pixel counts; default all.
        least: The share of valid pixels that land and water must each reach for a tile to be shore, 0 to 0.5.

    Returns:
        (B,), int64: ``LAND``, ``WATER`` or ``SHORE``; ``UNKNOWN`` where no pixel is valid.

    Raises:
        ModelInputError: Shapes disagree.
        ModelConfigError: ``least`` is no such share.
    """
    counts = torch.ones_like(fraction, dtype=torch.bool) if valid is None else valid.bool()
    if fraction.ndim != 3 or counts.shape != fraction.shape:
        raise ModelInputError(
            f"Expected fraction and valid (B, H, W), found {tuple(fraction.shape)} and {tuple(counts.shape)}."
        )
    if not 0 <= least <= 0.5:
        raise ModelConfigError(f"Expected the least share of a shore's smaller part from 0 to 0.5, found {least}.")
    total = counts.sum(dim=(1, 2))  # (B,)
    wet = ((fraction > 0.5) & counts).sum(dim=(1, 2))
    smaller = torch.minimum(wet, total - wet)
    tile_class = torch.where(2 * wet > total, WATER, LAND)
    tile_class = torch.where((smaller > 0) & (smaller >= least * total), SHORE, tile_class)
    return torch.where(total > 0, tile_class, UNKNOWN)


def compute_class_loss(logits: Tensor, tile_class: Tensor) -> Tensor:
    """Mean cross-entropy of the tiles of which something is known.

    Args:
        logits: (B, classes).
        tile_class: (B,), as ``compute_tile_class`` gives it.

    Returns:
        A scalar; 0 where nothing is known of any tile.
    """
    total = functional.cross_entropy(logits.float(), tile_class, ignore_index=UNKNOWN, reduction="sum")
    return total / (tile_class != UNKNOWN).sum().clamp_min(1)
