from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.measures.boundary_iou import compute_boundary, compute_boundary_overlap
from models.measures.metrics import compute_confusion
from models.measures.scores import SCORES, compute_calibration_error, compute_ratio, compute_reliability, compute_scores

MASKS = arrays(np.bool_, (9, 11))
ALL = np.ones((9, 11), bool)


@given(MASKS, MASKS)
def test_the_figures_are_those_of_torchmetrics(water: np.ndarray, truth: np.ndarray) -> None:
    classification = pytest.importorskip("torchmetrics.functional.classification")
    count = compute_confusion(water, truth, ALL)
    scores = compute_scores(hit=count.hit, miss=count.miss, false=count.false, rest=count.rest)
    assert tuple(scores) == SCORES
    oracles = {"accuracy": "accuracy", "precision": "precision", "recall": "recall", "f1": "f1_score"}
    for prefix, turn in (("", False), ("land_", True)):
        found, true = (torch.from_numpy(mask ^ turn).flatten() for mask in (water, truth))
        for name, oracle in (oracles | {"iou": "jaccard_index"}).items():
            ours = float(scores.get(prefix + name, scores["accuracy"]))
            theirs = float(getattr(classification, f"binary_{oracle}")(found.int(), true.int()))
            assert np.isnan(ours) or ours == pytest.approx(theirs, abs=1e-6)  # where it is 0/0, torchmetrics says 0


def test_what_is_not_defined_is_nan_and_shapes_are_kept() -> None:
    scores = compute_scores(hit=np.array([0, 3]), miss=np.array([0, 1]), false=np.array([0, 0]), rest=np.array([5, 4]))
    np.testing.assert_allclose(scores["iou"], [np.nan, 0.75])
    np.testing.assert_allclose(scores["land_iou"], [1.0, 0.8])
    assert np.isnan(compute_ratio(0, 0))


@given(MASKS, st.integers(1, 4))
def test_the_boundary_is_what_the_paper_says(mask: np.ndarray, width: int) -> None:
    boundary = compute_boundary(mask, ALL, width_px=width)
    rows, cols = np.indices(mask.shape)
    for row, col in zip(*np.nonzero(mask), strict=True):
        near = (np.abs(rows - row) <= width) & (np.abs(cols - col) <= width)
        assert boundary[row, col] == (~mask & near).any()
    assert not (boundary & ~mask).any()


@given(MASKS, MASKS, MASKS)
def test_boundary_overlap_is_symmetric_and_a_perfect_answer_overlaps_wholly(
    water: np.ndarray, truth: np.ndarray, valid: np.ndarray
) -> None:
    both, either = compute_boundary_overlap(water, truth, valid)
    assert 0 <= both <= either
    assert (compute_boundary_overlap(truth, water, valid) == (both, either)).all()
    same = compute_boundary_overlap(truth, truth, valid)
    assert same[0] == same[1]


def test_only_the_outline_counts_in_boundary_iou() -> None:
    """A shore that is one pixel off hardly shows in IoU, and shows in boundary IoU."""
    truth, water = np.zeros((2, 100, 100), bool)
    truth[:, :50] = water[:, :51] = True
    counts = compute_boundary_overlap(water, truth, np.ones_like(truth), width_px=3)
    assert counts.tolist() == [200, 400]  # columns 48 and 49 of 47 to 50
    # what is hidden is no outline: the same shore under cloud
    hidden = np.ones_like(truth)
    hidden[:, 45:55] = False
    assert compute_boundary_overlap(water, truth, hidden).tolist() == [0, 0]


@given(st.integers(0, 1000))
def test_the_calibration_error_is_that_of_torchmetrics(seed: int) -> None:
    classification = pytest.importorskip("torchmetrics.functional.classification")
    rng = np.random.default_rng(seed)
    probability, truth = rng.random(400).astype(np.float32), rng.random(400) < 0.4
    ours = compute_calibration_error(compute_reliability(probability, truth, np.ones(400, bool)))
    theirs = classification.binary_calibration_error(
        torch.from_numpy(probability), torch.from_numpy(truth).int(), n_bins=15, norm="l1"
    )
    assert float(ours) == pytest.approx(float(theirs), abs=1e-5)


@given(arrays(np.float64, 50, elements=st.floats(0, 1)), st.integers(1, 49))
def test_reliability_adds_up_over_tiles_and_an_honest_answer_has_no_error(p: np.ndarray, cut: int) -> None:
    whole = compute_reliability(p, p, np.ones(50, bool))
    parts = [compute_reliability(part, part, np.ones(len(part), bool)) for part in (p[:cut], p[cut:])]
    np.testing.assert_allclose(parts[0] + parts[1], whole)
    assert float(compute_calibration_error(whole)) == pytest.approx(0, abs=1e-12)
    assert np.isnan(compute_calibration_error(np.zeros((3, 15))))
