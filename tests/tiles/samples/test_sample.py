"""Samples agree with themselves, and splits go by place."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiles.errors import SampleError
from tiles.samples.sample import Sample, split_places

PLACES = st.lists(st.text("abcdef", min_size=1), min_size=2, max_size=30, unique=True).map(tuple)


@given(places=PLACES, held_out=st.floats(0.01, 0.99), seed=st.integers(0, 9))
def test_a_place_is_on_one_side_and_no_side_is_empty(places: tuple[str, ...], held_out: float, seed: int) -> None:
    learned, held = split_places(places, held_out=held_out, seed=seed)
    assert learned | held == set(places)
    assert not learned & held
    assert learned
    assert held


@given(places=PLACES, more=PLACES)
def test_a_place_that_is_added_moves_hardly_any_other(places: tuple[str, ...], more: tuple[str, ...]) -> None:
    before, _ = split_places(places, held_out=0.5)
    after, _ = split_places(tuple({*places, *more}), held_out=0.5)
    assert len((before ^ after) & set(places)) <= 1  # one alone may have been moved to fill an empty side


def test_one_place_cannot_be_split() -> None:
    with pytest.raises(SampleError, match="two places or more"):
        split_places(("a",), held_out=0.2)
    assert split_places(("a",), held_out=0) == (frozenset({"a"}), frozenset())


def test_a_sample_of_other_shapes_is_refused() -> None:
    flat = np.zeros((4, 4), np.float32)
    with pytest.raises(SampleError, match="Expected reflectance"):
        Sample(reflectance=np.zeros((3, 4, 4), np.float32), fraction=flat, valid=flat > 0, place="a", source="b")
    with pytest.raises(SampleError, match="float32"):
        Sample(reflectance=np.zeros((12, 4, 4)), fraction=flat, valid=flat > 0, place="a", source="b")


def test_a_band_that_is_all_nan_is_absent() -> None:
    image = np.zeros((12, 4, 4), np.float32)
    image[9] = np.nan
    flat = np.zeros((4, 4), np.float32)
    sample = Sample(reflectance=image, fraction=flat, valid=flat == 0, place="a", source="b")
    assert np.flatnonzero(~sample.present).tolist() == [9]
