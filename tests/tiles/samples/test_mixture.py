"""A mixture is a source: weights are kept, places are told apart, no pixel is on both sides of a split."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiles.errors import SampleError
from tiles.samples.mixture import Mixture
from tiles.samples.sample import Sample, SampleSource, split_places


@dataclass(frozen=True)
class Plain:
    """A source whose reflectance is the number of the place that it shows."""

    name: str
    places: tuple[str, ...]

    def restrict(self, places: frozenset[str]) -> Plain:
        return replace(self, places=tuple(sorted(places & set(self.places))))

    def draw(self, rng: np.random.Generator, *, size: int) -> Sample:
        return self.show(self.places[rng.integers(len(self.places))], size)

    def tiles(self, *, size: int) -> Iterator[Sample]:
        return (self.show(place, size) for place in self.places)

    def show(self, place: str, size: int) -> Sample:
        image = np.full((12, size, size), int(place), np.float32)
        flat = np.zeros((size, size), np.float32)
        return Sample(reflectance=image, fraction=flat, valid=flat == 0, place=place, source=self.name)


A, B = Plain("a", ("1", "2", "3")), Plain("b", ("3", "4"))


def test_a_mixture_is_a_source_with_places_of_its_own() -> None:
    mixture = Mixture(parts=((A, 1), (B, 3)))
    assert isinstance(mixture, SampleSource)
    assert mixture.name == "a+b"
    assert mixture.places == ("a/1", "a/2", "a/3", "b/3", "b/4")
    assert [sample.place for sample in mixture.tiles(size=2)] == list(mixture.places)
    nested = Mixture(parts=((mixture, 1), (Plain("c", ("1",)), 1)))
    assert nested.places[0] == "a+b/a/1"
    assert nested.restrict(frozenset({"a+b/b/4"})).places == ("a+b/b/4",)


def test_a_side_that_has_only_sources_of_no_weight_can_be_drawn_from() -> None:
    mixture = Mixture(parts=((A, 0), (B, 1))).restrict(frozenset({"a/1"}))
    assert mixture.draw(np.random.default_rng(0), size=1).place == "a/1"


def test_weights_are_kept() -> None:
    mixture = Mixture(parts=((A, 1), (B, 3), (Plain("none", ("9",)), 0)))
    drawn = [mixture.draw(np.random.default_rng([0, 0, i]), size=1).source for i in range(2000)]
    assert drawn.count("b") / 2000 == pytest.approx(0.75, abs=0.04)
    assert "none" not in drawn


@given(seed=st.integers(0, 1000), held_out=st.floats(0.1, 0.9))
@settings(max_examples=50)
def test_a_split_leaks_nothing(seed: int, held_out: float) -> None:
    mixture = Mixture(parts=((A, 1), (B, 2)))
    learned, held = (mixture.restrict(side) for side in split_places(mixture.places, held_out=held_out, seed=seed))
    shown = [{sample.place for sample in side.tiles(size=1)} for side in (learned, held)]
    assert not shown[0] & shown[1]
    assert shown[0] | shown[1] == set(mixture.places)
    drawn = {learned.draw(np.random.default_rng([seed, i]), size=1).place for i in range(50)}
    assert drawn <= shown[0]


def test_draws_depend_on_chance_alone() -> None:
    mixture = Mixture(parts=((A, 1), (B, 3)))
    copy = pickle.loads(pickle.dumps(mixture))  # noqa: S301 (our own)
    mixture.draw(np.random.default_rng(9), size=1)
    drawn = [[each.draw(np.random.default_rng([1, i]), size=1).place for i in range(50)] for each in (mixture, copy)]
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize("parts", [(), ((A, 0),), ((A, -1), (B, 2)), ((A, float("nan")),), ((A, float("inf")),)])
def test_weights_that_are_none_are_refused(parts: tuple[tuple[SampleSource, float], ...]) -> None:
    with pytest.raises(SampleError, match="Expected weights"):
        Mixture(parts=parts)


def test_two_sources_of_one_name_are_refused_and_so_are_places_that_are_not_there() -> None:
    with pytest.raises(SampleError, match="names of their own in a mixture, found a, a"):
        Mixture(parts=((A, 1), (A, 1)))
    with pytest.raises(SampleError, match="None of the 1 places"):
        Mixture(parts=((A, 1),)).restrict(frozenset({"1"}))
