"""Which of many patches to draw from: a coast is what the network must learn, and most of the world is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tiles.errors import SampleError
from tiles.samples.patch import Patch
from tiles.samples.sample import Sample

__all__ = ["PatchChoice"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatchChoice:
    """Patches, and how often each is drawn: by the root of its labelled pixels, or of those on a shore.

    The root lies between a draw a patch, which would learn small patches by heart, and a draw a pixel, in which the
    largest scene would drown all others.

    Attributes:
        patches: At least one, each with a labelled pixel.
        shore_share: Share of draws that hold a shore, where any patch has one; 0 to 1.

    Raises:
        SampleError: There is no patch, or the share is no share.
    """

    patches: tuple[Patch, ...]
    shore_share: float
    _any: NDArray[np.float64] = field(init=False)
    _shore: NDArray[np.float64] = field(init=False)

    def __post_init__(self) -> None:
        if not self.patches or not 0 <= self.shore_share <= 1:
            raise SampleError(
                f"Expected labelled patches and a share of shore from 0 to 1, found {len(self.patches)} patches and "
                f"{self.shore_share}."
            )
        object.__setattr__(self, "_any", _accumulate_odds([patch.labelled for patch in self.patches]))
        object.__setattr__(self, "_shore", _accumulate_odds([patch.shore for patch in self.patches]))

    def draw(self, rng: np.random.Generator, *, size: int) -> Sample:
        """A random square with a labelled pixel.

        Args:
            rng: Source of chance.
            size: Rows and columns.
        """
        on_shore = bool(rng.random() < self.shore_share) and self._shore[-1] > 0
        rising = self._shore if on_shore else self._any
        index = int(np.searchsorted(rising, rng.random() * rising[-1], side="right"))
        return self.patches[index].draw(rng, size=size, on_shore=on_shore)

    def tiles(self, *, size: int) -> Iterator[Sample]:
        """Every labelled pixel once; squares without one are left out.

        Args:
            size: Rows and columns.
        """
        for patch in self.patches:
            height, width = patch.label.shape
            for row_off in range(0, height, size):
                for col_off in range(0, width, size):
                    sample = patch.cut(row_off=row_off, col_off=col_off, size=size)
                    if sample.valid.any():
                        yield sample


def _accumulate_odds(counts: list[int]) -> NDArray[np.float64]:
    return np.cumsum(np.sqrt(counts))
