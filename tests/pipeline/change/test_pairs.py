"""Pairs of small and large geometries, against testing each with each."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
import shapely

from pipeline.change.pairs import find_pairs


@pytest.mark.parametrize(("predicate", "within"), [("contains", None), ("intersects", None), ("intersects", 0.4)])
def test_pairs_are_those_of_each_with_each(predicate: Literal["contains", "intersects"], within: float | None) -> None:
    rng = np.random.default_rng(3)
    points = np.asarray(shapely.points(rng.uniform(0, 10, (200, 2))))
    discs = np.asarray(shapely.buffer(shapely.points(rng.uniform(0, 10, (9, 2))), 1.5))
    pairs = discs[:, None], points[None]
    every = getattr(shapely, predicate)(*pairs) if within is None else shapely.dwithin(*pairs, within)
    expected = np.argwhere(every.T)

    many, few = find_pairs(points, discs, predicate, within=within)

    assert 0 < len(many) < 1800
    np.testing.assert_array_equal(np.stack((many, few), axis=1), expected)


def test_of_nothing_there_are_no_pairs() -> None:
    none, one = np.zeros(0, dtype=object), np.array([shapely.Point(0, 0)], dtype=object)

    assert [len(part) for pair in (find_pairs(none, one), find_pairs(one, none)) for part in pair] == [0, 0, 0, 0]
