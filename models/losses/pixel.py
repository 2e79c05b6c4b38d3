"""Losses that judge a pixel by itself: cross-entropy, focal, Dice. All take logits, and apply softmax once.

The target is the share of a pixel that is water, 0 to 1, not a class. Cross-entropy with such soft targets is least
where the predicted probability equals the share, so probability 0.5 lies on the sub-pixel shoreline.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from models.errors import ModelConfigError, ModelInputError

__all__ = [
    "compute_cross_entropy",
    "compute_dice_loss",
    "compute_focal_loss",
    "compute_shore_weight",
    "require_loss_shapes",
    "select_counted",
]


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
    require_loss_shapes(logits, fraction)
    counts = torch.ones_like(fraction) if valid is None else valid.to(fraction.dtype)
    margin, truth = select_counted(logits, fraction, counts)
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
    require_loss_shapes(logits, fraction)
    counts = torch.ones_like(fraction) if valid is None else valid.to(fraction.dtype)
    margin, truth = select_counted(logits, fraction, counts)
    water = torch.sigmoid(margin) * counts
    overlap = 2 * (water * truth).sum() + 1  # one pixel of smoothing: a batch without water is no division by zero
    return 1 - overlap / (water.square().sum() + truth.square().sum() + 1)


def compute_focal_loss(logits: Tensor, fraction: Tensor, *, valid: Tensor | None = None, gamma: float = 2.0) -> Tensor:
    """Mean cross-entropy in which pixels count the less, the nearer their answer already is.

    A pixel's cross-entropy is multiplied by |fraction - probability| to the power of ``gamma``. For pixels that are
    all land or all water that is the focal loss as published; for a share between, the loss stays least where the
    probability equals the share.

    Args:
        logits: (B, 2, H, W): land, water.
        fraction: (B, H, W), share of water, 0 to 1.
        valid: (B, H, W), True where a pixel counts; default all.
        gamma: How quickly easy pixels fade; 0 is cross-entropy.

    Returns:
        A scalar; 0 where no pixel counts.

    Raises:
        ModelInputError: Shapes disagree.
        ModelConfigError: Gamma is between 0 and 1, where the gradient has no bound, or negative.

    Source: Lin et al. 2017, Focal loss for dense object detection, arXiv:1708.02002 (without its class weight);
    soft targets: Li et al. 2020, Generalized focal loss, arXiv:2006.04388, equation 3.
    """
    require_loss_shapes(logits, fraction)
    if not (gamma == 0 or gamma >= 1):
        raise ModelConfigError(f"Expected the focal loss's gamma to be 0, or 1 or more; found {gamma}.")
    counts = torch.ones_like(fraction) if valid is None else valid.to(fraction.dtype)
    margin, truth = select_counted(logits, fraction, counts)
    loss = functional.binary_cross_entropy_with_logits(margin, truth, reduction="none")
    loss = loss * (truth - torch.sigmoid(margin)).abs().pow(gamma)
    return (loss * counts).sum() / counts.sum().clamp_min(1e-6)


def compute_shore_weight(fraction: Tensor, *, gain: float, reach_px: int = 2, valid: Tensor | None = None) -> Tensor:
    """Weights that are higher near the shoreline: there the map is decided, and there pixels are few.

    The weight depends on where the shoreline is, not on which side of it a pixel lies, so it moves no contour.

    Args:
        fraction: (B, H, W), share of water, 0 to 1.
        gain: What is added to the weight of 1 near the shoreline.
        reach_px: How far from the shoreline "near" reaches.
        valid: (B, H, W), True where a pixel is known; one that is not makes no shore. Default all.

    Returns:
        (B, H, W), 1 or 1 + gain.

    Source: the idea, with a Sobel edge, Seale et al. 2022, doi:10.1016/j.rse.2022.113044.
    """
    size = 2 * reach_px + 1
    known = torch.ones_like(fraction, dtype=torch.bool) if valid is None else valid.bool()
    highest = functional.max_pool2d(torch.where(known, fraction, -1)[:, None], size, stride=1, padding=reach_px)[:, 0]
    lowest = -functional.max_pool2d(-torch.where(known, fraction, 2)[:, None], size, stride=1, padding=reach_px)[:, 0]
    return 1 + gain * ((highest > 0.5) & (lowest <= 0.5)).to(fraction.dtype)


def select_counted(logits: Tensor, fraction: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """What losses compare, with what does not count put away.

    What does not count may be NaN, and NaN times zero is NaN, in the gradient too: so it is replaced first.

    Args:
        logits: (B, 2, H, W): land, water.
        fraction: (B, H, W), share of water, 0 to 1.
        counts: (B, H, W), above 0 where a pixel counts.

    Returns:
        Logit of water less logit of land, in fp32, and the truth, (B, H, W) each; 0 where a pixel does not count.
    """
    margin = (logits[:, 1] - logits[:, 0]).float()
    return torch.where(counts > 0, margin, 0), torch.where(counts > 0, fraction, 0)


def require_loss_shapes(logits: Tensor, fraction: Tensor) -> None:
    """Refuse logits of other than two classes, and truth that lies on another grid.

    Args:
        logits: (B, 2, H, W): land, water.
        fraction: (B, H, W), share of water, 0 to 1.

    Raises:
        ModelInputError: Shapes disagree.
    """
    if logits.ndim != 4 or logits.shape[1] != 2 or logits.shape[0:1] + logits.shape[2:] != fraction.shape:
        raise ModelInputError(
            f"Expected logits (B, 2, H, W) and fractions (B, H, W), found {tuple(logits.shape)} and "
            f"{tuple(fraction.shape)}."
        )
