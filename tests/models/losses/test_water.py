from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from models.errors import ModelConfigError, ModelInputError
from models.losses.water import (
    WaterLoss,
    compute_cross_entropy,
    compute_dice_loss,
    compute_focal_loss,
    compute_shore_weight,
)


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
    loss = WaterLoss(cross_entropy=1.0, dice=0.5, focal=0.5, sobel=0.5, boundary=0.5, shore_gain=2.0)
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
    logits.requires_grad_()
    loss = WaterLoss(dice=1.0, focal=1.0, sobel=1.0, boundary=1.0, shore_gain=1.0)(
        logits, fraction, torch.zeros_like(valid)
    )
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss == 0
    assert logits.grad is not None
    assert (logits.grad == 0).all()


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


def test_what_is_not_known_makes_no_shore() -> None:
    fraction = torch.zeros(1, 12, 12)
    fraction[..., 6:] = 1
    valid = torch.ones(1, 12, 12, dtype=torch.bool)
    valid[..., 6:] = False
    assert (compute_shore_weight(fraction, gain=4.0, valid=valid) == 1).all()


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.sampled_from([0.0, 1.0, 2.0, 3.5]))
def test_focal_is_the_published_formula_on_hard_targets(seed: int, gamma: float) -> None:
    logits, fraction, valid = draw(seed)
    hard = (fraction > 0.5).float()
    right = torch.where(hard == 1, torch.softmax(logits, dim=1)[:, 1], torch.softmax(logits, dim=1)[:, 0])
    expected = (-((1 - right) ** gamma) * right.log())[valid].mean()
    torch.testing.assert_close(compute_focal_loss(logits, hard, valid=valid, gamma=gamma), expected)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.floats(0.01, 0.99))
def test_focal_is_least_where_probability_is_the_fraction(seed: int, guess: float) -> None:
    _, fraction, _ = draw(seed)
    fraction = fraction.clamp(0.01, 0.99)
    assert compute_focal_loss(to_logits(fraction), fraction) <= 1e-6
    assert compute_focal_loss(to_logits(torch.full_like(fraction, guess)), fraction) >= 0


ONE_TERM = [
    WaterLoss(),
    WaterLoss(cross_entropy=0.0, focal=1.0),
    WaterLoss(cross_entropy=0.0, dice=1.0),
    WaterLoss(cross_entropy=0.0, sobel=1.0),
    WaterLoss(cross_entropy=0.0, boundary=1.0),
]


@pytest.mark.parametrize("loss", ONE_TERM)
def test_going_downhill_on_the_logits_finds_the_water(loss: WaterLoss) -> None:
    fraction = torch.zeros(1, 12, 12)
    fraction[:, 3:9, 2:7] = 1
    logits = torch.zeros(1, 2, 12, 12, requires_grad=True)
    optimiser = torch.optim.Adam([logits], lr=0.3)
    before = float(loss(logits, fraction).detach())
    for _ in range(60):
        optimiser.zero_grad()
        loss(logits, fraction).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert loss(logits, fraction) < 0.1 * before
    inner = (slice(None), slice(1, -1), slice(1, -1))  # the Sobel loss leaves the corners free
    assert torch.equal((logits[:, 1] > logits[:, 0])[inner], (fraction > 0.5)[inner])


@pytest.mark.parametrize("loss", ONE_TERM)
def test_extreme_logits_stay_finite(loss: WaterLoss) -> None:
    fraction = torch.tensor([0.0, 1.0, 0.5]).repeat(3, 2)[None]  # (1, 3, 6)
    logits = (1e4 * torch.tensor([[-1.0], [1.0]]) * torch.tensor([1.0, -1.0, 1.0]).repeat(2)).view(1, 2, 1, 6)
    logits = logits.repeat(1, 1, 3, 1).requires_grad_()
    value = loss(logits, fraction)
    value.backward()  # type: ignore[no-untyped-call]
    assert value.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_the_sum_is_the_sum_of_its_parts() -> None:
    logits, fraction, valid = draw(3)
    weights = {"cross_entropy": 0.5, "focal": 0.25, "dice": 2.0, "sobel": 3.0, "boundary": 4.0}
    parts = [next(iter(weights.values())) * ONE_TERM[0](logits, fraction, valid)]
    for loss, weight in zip(ONE_TERM[1:], list(weights.values())[1:], strict=True):
        parts.append(weight * loss(logits, fraction, valid))
    torch.testing.assert_close(WaterLoss(**weights)(logits, fraction, valid), torch.stack(parts).sum())


def test_a_sure_mistake_keeps_its_gradient() -> None:
    # Softmax twice would squash logits of +-10 to probabilities of 0 and 1 first, whose own softmax barely moves.
    wrong = torch.stack([torch.full((1, 4, 4), 10.0), torch.full((1, 4, 4), -10.0)], dim=1).requires_grad_()
    (16 * compute_cross_entropy(wrong, torch.ones(1, 4, 4))).backward()  # type: ignore[no-untyped-call]
    assert wrong.grad is not None
    torch.testing.assert_close(wrong.grad[:, 1], torch.full((1, 4, 4), -1.0))
    twice = wrong.detach().requires_grad_()
    functional.cross_entropy(torch.softmax(twice, dim=1), torch.ones(1, 4, 4, dtype=torch.long)).backward()  # type: ignore[no-untyped-call]
    assert twice.grad is not None
    assert twice.grad.abs().max() < 1e-6  # what the mistake of the article's code would give


def test_softmax_is_applied_once() -> None:
    # Logits that are sure must give a small loss; probabilities fed to a second softmax could not go below 0.31.
    fraction = torch.ones(1, 4, 4)
    sure = torch.stack([torch.full((1, 4, 4), -10.0), torch.full((1, 4, 4), 10.0)], dim=1)
    assert compute_cross_entropy(sure, fraction) < 1e-6


def test_shapes_that_disagree_are_refused() -> None:
    with pytest.raises(ModelInputError, match="fractions"):
        compute_cross_entropy(torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 5))
    with pytest.raises(ModelInputError, match="fractions"):
        WaterLoss(cross_entropy=0.0, sobel=1.0)(torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 5))
    with pytest.raises(ModelInputError, match="fractions"):
        WaterLoss(cross_entropy=0.0, boundary=1.0)(torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 5))
    with pytest.raises(ModelInputError, match="fractions"):
        compute_focal_loss(torch.zeros(1, 2, 4, 4), torch.zeros(1, 4, 5))
    with pytest.raises(ModelInputError, match="fractions"):
        compute_dice_loss(torch.zeros(1, 3, 4, 4), torch.zeros(1, 4, 4))


@pytest.mark.parametrize(
    "weights",
    [
        {"dice": -1.0},
        {"cross_entropy": 0.0},
        {"cross_entropy": 0.0, "shore_gain": 1.0},
        {"focal": float("nan")},
        {"sobel": float("inf")},
        {"focal": 1.0, "focal_gamma": 0.5},
    ],
)
def test_weights_that_cannot_be_are_refused(weights: dict[str, float]) -> None:
    with pytest.raises(ModelConfigError, match="Expected"):
        WaterLoss(**weights)
