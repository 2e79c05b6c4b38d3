"""Which bands are taken away in training, so that one model serves any scene with green and a near-infrared band."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.errors import TrainingError
from tiles.bands import L2A_STACK

__all__ = ["REQUIRED_BANDS", "BandDropout"]

REQUIRED_BANDS: tuple[tuple[str, ...], ...] = (("B03",), ("B08", "B8A"))
"""Of each group a scene must have one band: green, and a near infrared."""

_USUAL = (
    "B03 B08",
    "B02 B03 B04 B08",
    "B02 B03 B04 B8A B11 B12",
    "B02 B03 B04 B06 B08 B11",
    "B02 B03 B04 B08 B11 B12",
    "B01 B02 B03 B04 B05 B06 B07 B8A B11 B12",
    "B01 B02 B03 B04 B05 B06 B07 B8A B09 B11 B12",
    "B02 B03 B04 B05 B06 B07 B08 B8A B11 B12",
)
"""Sets that users have: what a water index needs, RGB with near infrared, harmonised Landsat-like, 20 and 60 m."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BandDropout:
    """How often bands are taken away; what is left always holds a band of each required group that was there.

    Attributes:
        atmospheric: Chance that B09 (water vapour), and half of it that B01 too, is absent, apart from the others.
        usual: Chance that a set which users often have is all that is left.
        random: Chance that each band is absent with one chance, itself drawn from 0 to 1.

    Raises:
        TrainingError: A chance is none, or together they exceed 1.
    """

    atmospheric: float = 0.2
    usual: float = 0.2
    random: float = 0.15

    def __post_init__(self) -> None:
        chances = (self.atmospheric, self.usual, self.random)
        if min(chances) < 0 or sum(chances) > 1:
            raise TrainingError(f"Expected chances of absent bands from 0 on, 1 in all at most; found {chances}.")

    def draw(self, present: Tensor, generator: torch.Generator) -> Tensor:
        """Decide which bands each image loses.

        Args:
            present: (B, 12), True where the image has the band.
            generator: Source of chance, on the device of ``present``.

        Returns:
            (B, 12), True where a band is taken away, or was absent already.
        """
        batch, device = len(present), present.device
        kind = torch.rand(batch, 1, generator=generator, device=device)
        chance = torch.rand(batch, 1, generator=generator, device=device)
        each = torch.rand(batch, len(L2A_STACK), generator=generator, device=device)
        which = torch.randint(len(_USUAL), (batch,), generator=generator, device=device)
        usual = torch.tensor([[name in kept.split() for name in L2A_STACK] for kept in _USUAL], device=device)
        loses = (kind < self.usual) & ~usual[which]
        below = self.usual + self.random
        loses |= (kind >= self.usual) & (kind < below) & (each < chance)
        aerosol, vapour = L2A_STACK.index("B01"), L2A_STACK.index("B09")
        few = ((kind >= below) & (kind < below + self.atmospheric))[:, 0]
        loses[:, vapour] |= few
        loses[:, aerosol] |= few & (chance[:, 0] < 0.5)
        return self._spare(loses, present, each) | ~present

    @staticmethod
    def _spare(loses: Tensor, present: Tensor, each: Tensor) -> Tensor:
        """Give back what would be the last band of a required group, the one with the highest draw."""
        for group in REQUIRED_BANDS:
            members = [L2A_STACK.index(name) for name in group]
            left = (present & ~loses)[:, members].any(dim=1)
            rank = each[:, members].masked_fill(~present[:, members], -1)
            kept = torch.tensor(members, device=loses.device)[rank.argmax(dim=1)]  # (B,)
            rows = (~left).nonzero()[:, 0]
            loses[rows, kept[rows]] = False
        return loses
