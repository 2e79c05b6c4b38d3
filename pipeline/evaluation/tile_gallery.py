"""The tiles worth looking at: the worst of each scene, then the worst of all; drawn when they qualify, then kept."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.evaluation.answers import Answer
from pipeline.evaluation.tile_pictures import TilePictures, draw_tile
from tiles.samples.sample import Sample

__all__ = ["ShownTile", "TileGallery"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownTile:
    """A tile with its pictures.

    Attributes:
        place: Where it lies.
        number: Which tile of the data it is, counted from 0.
        pixels: How many pixels counted.
        miss: Water that was called land.
        false: Land that was called water.
        pictures: The pictures.
    """

    place: str
    number: int
    pixels: int
    miss: int
    false: int
    pictures: TilePictures

    @property
    def wrong(self) -> int:
        """Pixels that were called wrongly."""
        return self.miss + self.false


@dataclass(slots=True, kw_only=True)
class TileGallery:
    """A few tiles of many.

    Attributes:
        limit: How many to show.
    """

    limit: int
    _kept: list[ShownTile] = field(default_factory=list)

    def add(self, sample: Sample, counted: NDArray[np.bool_], answer: Answer, number: int) -> None:
        """Draw and keep a tile, if it is one of those to show.

        Args:
            sample: What was seen, and the truth.
            counted: (row, col), True where a pixel counts.
            answer: Of the network that is looked at.
            number: Which tile of the data it is.
        """
        water, truth = answer.surface > answer.level, sample.fraction > 0.5
        miss, false = (int((counted & kind).sum()) for kind in (truth & ~water, water & ~truth))
        if not self._qualifies(sample.place, miss + false):
            return
        self._kept.append(
            ShownTile(
                place=sample.place,
                number=number,
                pixels=int(counted.sum()),
                miss=miss,
                false=false,
                pictures=draw_tile(sample, counted, answer),
            )
        )
        self._prune()

    @property
    def tiles(self) -> tuple[ShownTile, ...]:
        """The worst tile of each scene, filled up with the worst of the others; the worst first."""
        firsts = self._list_firsts()[: self.limit]
        others = [tile for tile in self._kept if tile not in firsts]
        return tuple(sorted([*firsts, *others[: self.limit - len(firsts)]], key=_rank))

    def _qualifies(self, place: str, wrong: int) -> bool:
        if len(self._kept) < self.limit:
            return True
        first = next((tile for tile in self._kept if tile.place == place), None)
        worse_here = first is None or wrong > first.wrong
        return self.limit > 0 and (wrong > self._kept[self.limit - 1].wrong or worse_here)

    def _prune(self) -> None:
        self._kept.sort(key=_rank)
        firsts = self._list_firsts()[: self.limit]
        self._kept = [tile for place, tile in enumerate(self._kept) if place < self.limit or tile in firsts]

    def _list_firsts(self) -> list[ShownTile]:
        """The worst tile of each place, the worst first."""
        firsts: dict[str, ShownTile] = {}
        for tile in self._kept:  # sorted
            firsts.setdefault(tile.place, tile)
        return list(firsts.values())


def _rank(tile: ShownTile) -> tuple[int, int]:
    return -tile.wrong, tile.number
