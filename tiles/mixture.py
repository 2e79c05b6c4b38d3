"""Several sources of samples as one, each drawn from by its weight."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tiles.errors import SampleError
from tiles.sample import Sample, SampleSource

__all__ = ["Mixture"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """A weighted mixture; its places are those of its parts, each after the part's number and name.

    Attributes:
        parts: The sources.
        weights: How often each is drawn from, against the others; positive.

    Raises:
        SampleError: There is no part, or weights do not fit.
    """

    parts: tuple[SampleSource, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.parts or len(self.parts) != len(self.weights) or min(self.weights) <= 0:
            raise SampleError(f"Expected sources with a positive weight each, found {len(self.parts)}: {self.weights}.")

    @property
    def name(self) -> str:
        """The names of the parts."""
        return "+".join(part.name for part in self.parts)

    @property
    def places(self) -> tuple[str, ...]:
        """All places of all parts, sorted."""
        return tuple(sorted(_add(index, part, place) for index, part in enumerate(self.parts) for place in part.places))

    def restrict(self, places: frozenset[str]) -> Mixture:
        """The same mixture with these places alone; parts that have none of them fall away."""
        kept, weights = [], []
        for index, (part, weight) in enumerate(zip(self.parts, self.weights, strict=True)):
            own = frozenset(place for place in part.places if _add(index, part, place) in places)
            if own:
                kept.append(part.restrict(own))
                weights.append(weight)
        if not kept:
            raise SampleError(f"None of the {len(places)} places is in {self.name}.")
        return replace(self, parts=tuple(kept), weights=tuple(weights))

    def draw(self, rng: np.random.Generator, *, size: int) -> Sample:
        """A random sample of a random part."""
        chances = np.array(self.weights) / sum(self.weights)
        return self.parts[int(rng.choice(len(self.parts), p=chances))].draw(rng, size=size)

    def tiles(self, *, size: int) -> Iterator[Sample]:
        """All tiles of all parts, one part after another."""
        for part in self.parts:
            yield from part.tiles(size=size)


def _add(index: int, part: SampleSource, place: str) -> str:
    return f"{index}/{part.name}/{place}"
