"""Groups in flat arrays: where the elements of some lie, and how many go together."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.trace.traced import compute_spans, find_batches

START = np.array([0, 3, 5, 5, 9])
"""Groups of 3, 2, 0 and 4 elements."""


def test_elements_of_chosen_groups_follow_each_other_in_the_order_chosen() -> None:
    position, begin = compute_spans(START, np.array([3, 2, 0]))
    np.testing.assert_array_equal(position, [5, 6, 7, 8, 0, 1, 2])
    np.testing.assert_array_equal(begin, [0, 4, 4, 7])


@pytest.mark.parametrize(
    ("size", "batches"),
    [
        (1, [(0, 1), (1, 2), (2, 3), (3, 4)]),
        (3, [(0, 1), (1, 3), (3, 4)]),
        (4, [(0, 1), (1, 3), (3, 4)]),
        (5, [(0, 3), (3, 4)]),
        (8, [(0, 3), (3, 4)]),
        (9, [(0, 4)]),
    ],
)
def test_as_many_groups_as_fit_go_together_and_one_at_least(size: int, batches: list[tuple[int, int]]) -> None:
    assert list(find_batches(START, size)) == batches


def test_of_no_groups_there_is_no_batch() -> None:
    assert list(find_batches(np.array([0]), 5)) == []
