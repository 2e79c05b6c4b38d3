from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.measures.metrics import Confusion, compute_confusion, compute_near_shore, compute_temperature

MASKS = arrays(np.bool_, (6, 7))


@given(MASKS, MASKS, MASKS)
def test_the_counts_add_up_and_join(water: np.ndarray, truth: np.ndarray, valid: np.ndarray) -> None:
    whole = compute_confusion(water, truth, valid)
    assert whole.hit + whole.miss + whole.false + whole.rest == valid.sum()
    halves = [compute_confusion(water[part], truth[part], valid[part]) for part in (slice(3), slice(3, None))]
    assert halves[0] + halves[1] == whole
    union = ((water | truth) & valid).sum()
    assert whole.iou == (pytest.approx((water & truth & valid).sum() / union) if union else 1.0)


def test_a_perfect_answer() -> None:
    assert Confusion(hit=3, rest=4).iou == Confusion(hit=3, rest=4).accuracy == Confusion().iou == 1.0


@settings(max_examples=20, deadline=None)
@given(st.floats(0.3, 4.0), st.integers(0, 1000))
def test_the_temperature_of_calibrated_logits_is_found(temperature: float, seed: int) -> None:
    fraction = np.random.default_rng(seed).uniform(0.02, 0.98, 2000)
    margin = np.log(fraction / (1 - fraction)) * temperature
    assert compute_temperature(margin, fraction) == pytest.approx(temperature, rel=0.01)


def test_near_the_shore_is_within_the_reach_on_both_sides() -> None:
    fraction = np.zeros((1, 12))
    fraction[:, 6:] = 1
    assert np.flatnonzero(compute_near_shore(fraction, reach_px=2)[0]).tolist() == [4, 5, 6, 7]
    assert not compute_near_shore(np.ones((5, 5))).any()
