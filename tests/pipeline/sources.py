"""A source for tests: discs of dark water on bright land, a place each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tiles.samples.sample import Sample

__all__ = ["Discs"]


@dataclass(frozen=True)
class Discs:
    """Discs of water; NDWI alone would find them."""

    places: tuple[str, ...] = ("a", "b", "c", "d", "e", "f")
    name: str = "discs"

    def restrict(self, places: frozenset[str]) -> Discs:
        return Discs(tuple(place for place in self.places if place in places))

    def draw(self, rng: np.random.Generator, *, size: int) -> Sample:
        place = self.places[int(rng.integers(len(self.places)))]
        rows, cols = np.mgrid[:size, :size]
        row, col = rng.uniform(0, size, 2)
        away = np.hypot(rows - row, cols - col) - rng.uniform(0.1, 0.5) * size
        fraction = np.clip(0.5 - away, 0, 1).astype(np.float32)
        land = np.linspace(0.1, 0.4, 12, dtype=np.float32)[:, None, None]
        water = np.linspace(0.06, 0.01, 12, dtype=np.float32)[:, None, None]
        image = land * (1 - fraction) + water * fraction + rng.normal(0, 0.005, (12, size, size)).astype(np.float32)
        return Sample(
            reflectance=image.astype(np.float32),
            fraction=fraction,
            valid=np.ones((size, size), np.bool_),
            place=place,
            source=self.name,
        )

    def tiles(self, *, size: int) -> Iterator[Sample]:
        for index in range(len(self.places)):
            yield self.draw(np.random.default_rng(index), size=size)
