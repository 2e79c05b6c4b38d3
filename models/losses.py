"""Losses for water fractions: all take logits, so that softmax is applied once and never twice.

The target is the share of a pixel that is water, 0 to 1, not a class. Cross-entropy with such soft targets is least
where the predicted probability equals the share, so probability 0.5 lies on the sub-pixel shoreline.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from models.errors import ModelConfigError, ModelInputError

__all__ = ["WaterLoss", "compute_cross_entropy", "compute_dice_loss", "compute_shore_weight"]


def compute_cross_entropy(
    logits: Tensor, fraction: Tensor, *, valid: Tensor | None = None, weight: Tensor | None = None
) -> Tensor:
    """Mean cross-entropy between soft targets and logits of land and water.

    Args:
        logits: (B, 2, H, W): land, water.
        fraction: (B, H, W), share of water, 0 to 1.
        valid: (B, H, W), True where a pixel counts; default all.
        weight: (B, H, W), non-negative; default 1.

    Returns:
        A scalar; 0 where no pixel counts.

    Raises:
        ModelInputError: Shapes disagree.
    """
    _require_shapes(logits, fraction)
    counts = torch.ones_like(fraction) if valid is None else valid.to(fraction.dtype)
    margin, truth = _select(logits, fraction, counts)
    # With two classes, softmax is the logistic function of the difference; this form is exact for large logits.
    loss = functional.binary_cross_entropy_with_logits(margin, truth, reduction="none")
    counts = counts if weight is None else counts * weight
    return (loss * counts).sum() / counts.sum().clamp_min(1e-6)


def compute_dice_loss(logits: Tensor, fraction: Tensor, *, valid: Tensor | None = None) -> Tensor:
    """One minus the soft Dice overlap of predicted and true water, over the whole batch.

    Args:
        logits: (B, 2, H, W): land, water.
        fraction: (B, H, W), share of water, 0 to 1.
        valid: (B, H, W), True where a pixel counts; default all.

    Returns:
        A scalar, 0 (perfect) to 1.

    Raises:
        ModelInputError: Shapes disagree.

    Source: Milletari et al. 2016, doi:10.1109/3DV.2016.79 (squared denominator, so soft targets can reach 0).
    """
    _require_shapes(logits, fraction)
    counts = torch.ones_like(fraction) if valid is None else valid.to(fraction.dtype)
    margin, truth = _select(logits, fraction, counts)
    water = torch.sigmoid(margin) * counts
    overlap = 2 * (water * truth).sum() + 1  # one pixel of smoothing: a batch without water is no division by zero
    return 1 - overlap / (water.square().sum() + truth.square().sum() + 1)


def compute_shore_weight(fraction: Tensor, *, gain: float, reach_px: int = 2) -> Tensor:
    """Weights that are higher near the shoreline: there the map is decided, and there pixels are few.

    The weight depends on where the shoreline is, not on which side of it a pixel lies, so it moves no contour.

    Args:
        fraction: (B, H, W), share of water, 0 to 1.
        gain: What is added to the weight of 1 near the shoreline.
        reach_px: How far from the shoreline "near" reaches.

    Returns:
        (B, H, W), 1 or 1 + gain.

    Source: the idea, with a Sobel edge, Seale et al. 2022, doi:10.1016/j.rse.2022.113044.
    """
    size = 2 * reach_px + 1
    highest = functional.max_pool2d(fraction[:, None], size, stride=1, padding=reach_px)[:, 0]
    lowest = -functional.max_pool2d(-fraction[:, None], size, stride=1, padding=reach_px)[:, 0]
    return 1 + gain * ((highest > 0.5) & (lowest <= 0.5)).to(fraction.dtype)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterLoss:
    """A weighted sum of cross-entropy (heavier near the shoreline) and Dice.

    Attributes:
        cross_entropy: Weight of the cross-entropy.
        dice: Weight of the Dice loss. It prefers hard answers: keep it small where fractions matter.
        shore_gain: How much more a pixel near the shoreline counts in the cross-entropy.

    Raises:
        ModelConfigError: A weight is negative, or all are zero.
    """

    cross_entropy: float = 1.0
    dice: float = 0.0
    shore_gain: float = 0.0

    def __post_init__(self) -> None:
        weights = (self.cross_entropy, self.dice, self.shore_gain)
        if min(weights) < 0 or self.cross_entropy + self.dice <= 0:
            raise ModelConfigError(f"Expected weights of a loss to be positive, found {weights}.")

    def __call__(self, logits: Tensor, fraction: Tensor, valid: Tensor | None = None) -> Tensor:
        """The loss of a batch; see ``compute_cross_entropy`` for the shapes."""
        weight = compute_shore_weight(fraction, gain=self.shore_gain) if self.shore_gain else None
        loss = self.cross_entropy * compute_cross_entropy(logits, fraction, valid=valid, weight=weight)
        return loss + self.dice * compute_dice_loss(logits, fraction, valid=valid) if self.dice else loss


def _select(logits: Tensor, fraction: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Logit of water less logit of land, and the truth; both 0 where a pixel does not count.

    What does not count may be NaN, and NaN times zero is NaN, in the gradient too: so it is replaced first.
    """
    margin = (logits[:, 1] - logits[:, 0]).float()
    return torch.where(counts > 0, margin, 0), torch.where(counts > 0, fraction, 0)


def _require_shapes(logits: Tensor, fraction: Tensor) -> None:
    if logits.ndim != 4 or logits.shape[1] != 2 or logits.shape[0:1] + logits.shape[2:] != fraction.shape:
        raise ModelInputError(
            f"Expected logits (B, 2, H, W) and fractions (B, H, W), found {tuple(logits.shape)} and "
            f"{tuple(fraction.shape)}."
        )
