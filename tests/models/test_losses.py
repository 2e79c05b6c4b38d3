from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from models.errors import ModelConfigError, ModelInputError
from models.losses import WaterLoss, compute_cross_entropy, compute_dice_loss, compute_shore_weight


def draw(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(2, 2, 8, 8, generator=generator)
    fraction = torch.rand(2, 8, 8, generator=generator)
    valid = torch.rand(2, 8, 8, generator=generator) > 0.3
    return logits, fraction, valid


def to_logits(probability: Tensor) -> Tensor:
    return torch.stack([(1 - probability).log(), probability.log()], dim=1)


SEEDS = st.integers(0, 10_000)


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_cross_entropy_is_torchs_own_with_soft_targets(seed: int) -> None:
    logits, fraction, _ = draw(seed)
    expected = functional.cross_entropy(logits, torch.stack([1 - fraction, fraction], dim=1))
    torch.testing.assert_close(compute_cross_entropy(logits, fraction), expected)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.floats(0.01, 0.99))
def test_cross_entropy_is_least_where_probability_is_the_fraction(seed: int, guess: float) -> None:
    _, fraction, _ = draw(seed)
    fraction = fraction.clamp(0.01, 0.99)
    best = compute_cross_entropy(to_logits(fraction), fraction)
    assert best <= compute_cross_entropy(to_logits(torch.full_like(fraction, guess)), fraction) + 1e-6


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_pixels_that_do_not_count_do_not_count(seed: int) -> None:
    logits, fraction, valid = draw(seed)
    loss = WaterLoss(dice=0.5)
    other, target = logits.clone(), fraction.clone()
    other.movedim(1, -1)[~valid] = torch.nan
    target[~valid] = torch.nan
    torch.testing.assert_close(loss(other, target, valid), loss(logits, fraction, valid))
    other.requires_grad_()
    loss(other, target, valid).backward()  # type: ignore[no-untyped-call]
    assert other.grad is not None
    assert other.grad.isfinite().all()
    assert (other.grad.movedim(1, -1)[~valid] == 0).all()


def test_nothing_counts_and_nothing_breaks() -> None:
    logits, fraction, valid = draw(1)
    assert WaterLoss(shore_gain=1.0)(logits, fraction, torch.zeros_like(valid)) == 0


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_dice_is_a_share_and_zero_where_all_is_right(seed: int) -> None:
    logits, fraction, valid = draw(seed)
    assert 0 <= compute_dice_loss(logits, fraction, valid=valid) <= 1
    assert compute_dice_loss(to_logits(fraction.clamp(1e-6, 1 - 1e-6)), fraction) == pytest.approx(0, abs=1e-3)


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_the_shore_weighs_the_same_on_both_sides(seed: int) -> None:
    _, fraction, _ = draw(seed)
    fraction = (fraction - 0.5).abs().clamp_min(0.01) * (fraction - 0.5).sign() + 0.5
    torch.testing.assert_close(compute_shore_weight(fraction, gain=3.0), compute_shore_weight(1 - fraction, gain=3.0))


def test_the_shore_weighs_more_within_its_reach() -> None:
    fraction = torch.zeros(1, 1, 12)
    fraction[..., 6:] = 1
    weight = compute_shore_weight(fraction.expand(1, 12, 12), gain=4.0, reach_px=2)
    assert weight[0, 0].tolist() == [1, 1, 1, 1, 5, 5, 5, 5, 1, 1, 1, 1]


def test_softmax_is_applied_once() -> None:
    # Logits that are sure must give a small loss; probabilities fed to a second softmax could not go below 0.31.
    fraction = torch.ones(1, 4, 4)
    sure = torch.stack([torch.full((1, 4, 4), -10.0), torch.full((1, 4, 4), 10.0)], dim=1)
    assert compute_cross_entropy(sure, fraction) < 1e-6


def test_shapes_that_disagree_are_refused() -> None:
    with pytest.raises(ModelInputError, match="fractions"):
        compute_cross_entropy(torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 5))
    with pytest.raises(ModelInputError, match="fractions"):
        compute_dice_loss(torch.zeros(1, 3, 4, 4), torch.zeros(1, 4, 4))


@pytest.mark.parametrize("weights", [{"dice": -1.0}, {"cross_entropy": 0.0}])
def test_weights_that_cannot_be_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ModelConfigError, match="weights"):
        WaterLoss(**weights)
