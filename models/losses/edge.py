"""Losses that look at the line between land and water: where it is, and how far from it a wrong pixel lies.

Both take logits. Neither is enough alone: the first sees no large lake that was missed but for its rim, the second
cares little for the last pixel at the shore.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from models.losses.pixel import require_loss_shapes, select_counted

__all__ = ["compute_boundary_loss", "compute_shore_distance", "compute_sobel_loss"]


def compute_sobel_loss(logits: Tensor, fraction: Tensor, *, valid: Tensor | None = None) -> Tensor:
    """Mean squared difference between the Sobel gradients of the predicted and of the true share of water.

    Away from the shore both gradients are nought, so the loss is decided at the true shore and at false ones.
    The components are compared, not their length: length has no gradient where it is 0, as it is nearly everywhere.

    Args:
        logits: (B, 2, H, W): land, water.
        fraction: (B, H, W), share of water, 0 to 1.
        valid: (B, H, W), True where a pixel counts; default all. A pixel is compared where its eight neighbours
            count too, so those at the edge of the tile are not.

    Returns:
        A scalar, 0 (the same edges) or more; 0 where nothing can be compared.

    Raises:
        ModelInputError: Shapes disagree.

    Source: the idea of a Sobel-edge loss for coasts, Seale et al. 2022, doi:10.1016/j.rse.2022.113044.
    """
    require_loss_shapes(logits, fraction)
    if min(fraction.shape[1:]) < 3:
        return logits.new_zeros(())
    counts = torch.ones_like(fraction) if valid is None else valid.to(fraction.dtype)
    margin, truth = select_counted(logits, fraction, counts)
    difference = (torch.sigmoid(margin) - truth)[:, None]  # (B, 1, H, W)
    edges = functional.conv2d(difference, _sobel_kernels(difference))  # (B, 2, H - 2, W - 2): down, right
    whole = -functional.max_pool2d(-counts[:, None], kernel_size=3, stride=1)[:, 0]  # (B, H - 2, W - 2)
    return (edges.square().sum(dim=1) * whole).sum() / whole.sum().clamp_min(1e-6)


def compute_boundary_loss(
    logits: Tensor, fraction: Tensor, *, valid: Tensor | None = None, reach_px: int = 16
) -> Tensor:
    """Mean error of the probability, each pixel weighted by its distance from the true shore.

    As published the loss is the mean of signed distance times probability. Here the same of the true answer is taken
    away, which changes no gradient and makes a perfect answer 0; and distance ends at ``reach_px`` and is divided by
    it, so that a tile without a shore weighs as much as the farthest pixel of another.

    Args:
        logits: (B, 2, H, W): land, water.
        fraction: (B, H, W), share of water, 0 to 1; half or less is land.
        valid: (B, H, W), True where a pixel counts; default all.
        reach_px: Where distance ends.

    Returns:
        A scalar, 0 (perfect) to 1; 0 where no pixel counts.

    Raises:
        ModelInputError: Shapes disagree.

    Source: Kervadec et al. 2019, Boundary loss for highly unbalanced segmentation, arXiv:1812.07032, equation 5.
    """
    require_loss_shapes(logits, fraction)
    counted = torch.ones_like(fraction, dtype=torch.bool) if valid is None else valid.bool()
    margin, truth = select_counted(logits, fraction, counted.to(fraction.dtype))
    distance = compute_shore_distance(truth, valid=counted, reach_px=reach_px).abs() / reach_px
    error = (torch.sigmoid(margin) - (truth > 0.5).to(margin.dtype)).abs()
    return (distance * error * counted).sum() / counted.sum().clamp_min(1)


def compute_shore_distance(fraction: Tensor, *, valid: Tensor | None = None, reach_px: int = 16) -> Tensor:
    """Distance of each pixel's centre from the shore, which lies half way between pixels of land and of water.

    Args:
        fraction: (B, H, W), share of water, 0 to 1; half or less is land.
        valid: (B, H, W), True where a pixel is known; one that is not makes no shore. Default all.
        reach_px: Where distance ends; the cost is proportional to it.

    Returns:
        (B, H, W), in pixels: positive in water, negative on land, never beyond ``reach_px``.

    Source: exact Euclidean distance, rows then columns: Felzenszwalb & Huttenlocher 2012,
    doi:10.4086/toc.2012.v008a019 (here the lower envelope is found by trying all offsets within reach).
    """
    known = torch.ones_like(fraction, dtype=torch.bool) if valid is None else valid.bool()
    water = fraction > 0.5
    to_land = _compute_distance(~water & known, reach_px)
    to_water = _compute_distance(water & known, reach_px)
    away = torch.where(water, to_land, to_water) - 0.5
    away = away.clamp(0.5, reach_px)
    return torch.where(water, away, -away).to(fraction.dtype if fraction.is_floating_point() else torch.float32)


def _compute_distance(target: Tensor, reach_px: int) -> Tensor:
    """Distance (B, H, W) to the nearest pixel of the target, at most ``reach_px + 0.5``."""
    far = float((reach_px + 0.5) ** 2)
    square = torch.where(target, 0.0, far)
    for axis in (1, 2):
        best = square
        for offset in range(1, min(reach_px + 1, square.shape[axis])):
            length = square.shape[axis] - offset
            near, later = square.narrow(axis, 0, length), square.narrow(axis, offset, length)
            best = best.clone() if best is square else best
            best.narrow(axis, offset, length).copy_(torch.minimum(best.narrow(axis, offset, length), near + offset**2))
            best.narrow(axis, 0, length).copy_(torch.minimum(best.narrow(axis, 0, length), later + offset**2))
        square = best
    return square.clamp_max(far).sqrt()


def _sobel_kernels(like: Tensor) -> Tensor:
    """(2, 1, 3, 3): down and right, scaled so that a straight edge from 0 to 1 has the gradient 1/2 on both sides."""
    down = torch.tensor([[-1.0, -2.0, -1.0], [0.0, 0.0, 0.0], [1.0, 2.0, 1.0]], dtype=like.dtype, device=like.device)
    return torch.stack([down, down.T])[:, None] / 8
