"""From reflectance to what a network sees; the same in training and in prediction."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.card import ModelCard

__all__ = ["Normalisation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalisation:
    """Clamp, centre, scale, and let the mean stand in for what is missing.

    Attributes:
        mean: Mean reflectance a channel.
        std: Standard deviation of reflectance a channel.
        reflectance_range: Reflectance is clamped to this first.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    reflectance_range: tuple[float, float]

    @classmethod
    def from_card(cls, card: ModelCard) -> Normalisation:
        """The normalisation that a model was trained with."""
        return cls(mean=card.mean, std=card.std, reflectance_range=card.reflectance_range)

    def __call__(self, image: Tensor) -> Tensor:
        """Normalise a batch.

        Args:
            image: (B, C, H, W), reflectance; NaN where there is no data.

        Returns:
            (B, C, H, W), near zero mean and unit variance; 0 (the mean, and what convolutions pad with) where the
            image was NaN.
        """
        mean = torch.tensor(self.mean, dtype=image.dtype, device=image.device)[:, None, None]
        scale = 1 / torch.tensor(self.std, dtype=image.dtype, device=image.device)[:, None, None]
        return image.clamp(*self.reflectance_range).sub_(mean).mul_(scale).nan_to_num_(nan=0.0)
