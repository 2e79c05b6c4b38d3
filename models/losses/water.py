"""Losses for water fractions: all take logits, so that softmax is applied once and never twice.

The target is the share of a pixel that is water, 0 to 1, not a class. Cross-entropy with such soft targets is least
where the predicted probability equals the share, so probability 0.5 lies on the sub-pixel shoreline.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from torch import Tensor

from models.errors import ModelConfigError
from models.losses.edge import compute_boundary_loss, compute_sobel_loss
from models.losses.pixel import compute_cross_entropy, compute_dice_loss, compute_focal_loss, compute_shore_weight

__all__ = [
    "WaterLoss",
    "compute_boundary_loss",
    "compute_cross_entropy",
    "compute_dice_loss",
    "compute_focal_loss",
    "compute_shore_weight",
    "compute_sobel_loss",
]

_TERMS = ("cross_entropy", "dice", "focal", "sobel", "boundary")


@dataclass(frozen=True, slots=True, kw_only=True)
class WaterLoss:
    """A weighted sum of losses; what weighs nothing is not computed.

    Attributes:
        cross_entropy: Weight of the cross-entropy.
        dice: Weight of the Dice loss. It prefers hard answers: keep it small where fractions matter.
        focal: Weight of the focal loss. It prefers cautious answers: calibrate afterwards.
        sobel: Weight of the Sobel-edge loss.
        boundary: Weight of the boundary distance loss. It prefers hard answers, and alone learns slowly.
        shore_gain: How much more a pixel near the shoreline counts in the cross-entropy.
        focal_gamma: How quickly easy pixels fade from the focal loss.

    Raises:
        ModelConfigError: A weight is negative or not finite, all are zero, or gamma is between 0 and 1.
    """

    cross_entropy: float = 1.0
    dice: float = 0.0
    focal: float = 0.0
    sobel: float = 0.0
    boundary: float = 0.0
    shore_gain: float = 0.0
    focal_gamma: float = 2.0

    def __post_init__(self) -> None:
        weights = {field.name: getattr(self, field.name) for field in fields(self)}
        finite = all(0 <= value < float("inf") for value in weights.values())
        if not finite or not any(weights[name] for name in _TERMS):
            raise ModelConfigError(f"Expected weights of a loss to be positive, one of them above 0; found {weights}.")
        if 0 < self.focal_gamma < 1:
            raise ModelConfigError(f"Expected focal_gamma to be 0, or 1 or more; found {self.focal_gamma}.")

    def __call__(self, logits: Tensor, fraction: Tensor, valid: Tensor | None = None) -> Tensor:
        """The loss of a batch; see ``compute_cross_entropy`` for the shapes."""
        terms: list[Tensor] = []
        if self.cross_entropy:
            weight = compute_shore_weight(fraction, gain=self.shore_gain, valid=valid) if self.shore_gain else None
            terms.append(self.cross_entropy * compute_cross_entropy(logits, fraction, valid=valid, weight=weight))
        if self.dice:
            terms.append(self.dice * compute_dice_loss(logits, fraction, valid=valid))
        if self.focal:
            terms.append(self.focal * compute_focal_loss(logits, fraction, valid=valid, gamma=self.focal_gamma))
        if self.sobel:
            terms.append(self.sobel * compute_sobel_loss(logits, fraction, valid=valid))
        if self.boundary:
            terms.append(self.boundary * compute_boundary_loss(logits, fraction, valid=valid))
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total
