"""A weighted mixture of sources, which is a source itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from tiles.errors import SampleError
from tiles.samples.mask_values import LabelShares
from tiles.samples.sample import Sample, SampleSource, list_label_shares

__all__ = ["Mixture"]

_SEPARATOR = "/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixture:
    """Several sources, each drawn from as often as its weight says.

    Places carry the name of their source, ``swed-train/30UXC``: the same name in two sources need not be the same
    ground. Where it is, keep the two on one side by hand.

    Attributes:
        parts: Each source and its weight; weights need not add up to 1, and 0 leaves a source to ``tiles`` alone.
        title: Short name of the mixture; empty: the names of the sources, joined.

    Raises:
        SampleError: There is no source, two have one name, or the weights are not positive numbers.
    """

    parts: tuple[tuple[SampleSource, float], ...]
    title: str = ""

    def __post_init__(self) -> None:
        names = [source.name for source, _ in self.parts]
        weights = [weight for _, weight in self.parts]
        if len(set(names)) < len(names):
            raise SampleError(f"Expected sources with names of their own in a mixture, found {', '.join(names)}.")
        if not weights or not np.isfinite(weights).all() or min(weights) < 0 or sum(weights) <= 0:
            raise SampleError(f"Expected weights of a mixture to be 0 or more, and not all 0; found {weights}.")

    @property
    def name(self) -> str:
        """Short name of the mixture, which a restriction does not change."""
        return self.title or "+".join(source.name for source, _ in self.parts)

    @property
    def places(self) -> tuple[str, ...]:
        """All places, each with the name of its source."""
        return tuple(sorted(_prefix_place(source, place) for source, _ in self.parts for place in source.places))

    @property
    def label_shares(self) -> tuple[LabelShares, ...]:
        """The shares of labels of those sources that know them."""
        return tuple(shares for source, _ in self.parts for shares in list_label_shares(source))

    def restrict(self, places: frozenset[str]) -> Mixture:
        """The same mixture, of these places alone; a source that has none of them falls away.

        Raises:
            SampleError: None of them is there.
        """
        parts: list[tuple[SampleSource, float]] = []
        for source, weight in self.parts:
            own = frozenset(place for place in source.places if _prefix_place(source, place) in places)
            if own:
                parts.append((source.restrict(own), weight))
        if not parts:
            raise SampleError(f"None of the {len(places)} places asked for is in {self.name} ({self.places[:3]} …).")
        if not any(weight for _, weight in parts):
            parts = [(source, 1.0) for source, _ in parts]
        return replace(self, parts=tuple(parts), title=self.name)

    def draw(self, rng: np.random.Generator, *, size: int) -> Sample:
        """A random sample of a random source."""
        rising = np.cumsum([weight for _, weight in self.parts])
        source, _ = self.parts[int(np.searchsorted(rising, rng.random() * rising[-1], side="right"))]
        return _prefix_sample(source, source.draw(rng, size=size))

    def tiles(self, *, size: int) -> Iterator[Sample]:
        """Every labelled pixel of every source once, source by source."""
        for source, _ in self.parts:
            for sample in source.tiles(size=size):
                yield _prefix_sample(source, sample)


def _prefix_place(source: SampleSource, place: str) -> str:
    return f"{source.name}{_SEPARATOR}{place}"


def _prefix_sample(source: SampleSource, sample: Sample) -> Sample:
    return replace(sample, place=_prefix_place(source, sample.place))
