from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt, sobel
from torch import Tensor

from models.losses.edge import compute_boundary_loss, compute_shore_distance, compute_sobel_loss

SEEDS = st.integers(0, 10_000)


def draw_fraction(seed: int, *, share: float = 0.5) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(1, 9, 11, generator=generator) < share).float()


def to_logits(probability: Tensor) -> Tensor:
    return torch.stack([(1 - probability).log(), probability.log()], dim=1)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.sampled_from([0.03, 0.5, 0.97]), st.sampled_from([2, 5, 40]))
def test_distance_is_scipys(seed: int, share: float, reach: int) -> None:
    fraction = draw_fraction(seed, share=share)
    water = fraction[0].numpy() > 0.5
    if water.any() and not water.all():
        to_land, to_water = distance_transform_edt(water), distance_transform_edt(~water)
        away = np.clip(np.where(water, to_land, to_water) - 0.5, 0.5, reach)
    else:
        away = np.full(water.shape, reach)
    found = compute_shore_distance(fraction, reach_px=reach)[0]
    np.testing.assert_allclose(found.numpy(), np.where(water, away, -away), rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_unknown_pixels_make_no_shore(seed: int) -> None:
    fraction = draw_fraction(seed)
    valid = fraction > 0.5  # all that is known is water
    assert (compute_shore_distance(fraction, valid=valid, reach_px=6)[valid] == 6).all()


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_sobel_is_scipys(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    fraction, guess = torch.rand(2, 1, 9, 11, generator=generator).clamp(0.01, 0.99)
    difference = (guess - fraction)[0].double().numpy()
    squares = sum((sobel(difference, axis=axis) / 8)[1:-1, 1:-1] ** 2 for axis in (0, 1))
    assert float(compute_sobel_loss(to_logits(guess), fraction)) == pytest.approx(np.mean(squares), rel=1e-4)


def test_sobel_sees_a_shifted_shore_and_not_the_open_sea() -> None:
    fraction = torch.zeros(1, 12, 12)
    fraction[..., 6:] = 1
    near, far = fraction.clone(), fraction.clone()
    near[..., 5] = 1
    far[..., 3] = 1
    losses = [float(compute_sobel_loss(to_logits(p.clamp(1e-6, 1 - 1e-6)), fraction)) for p in (fraction, near, far)]
    assert losses[0] < 1e-9
    assert losses[1] == pytest.approx(losses[2], rel=1e-5)  # a wrong column has two edges wherever it is
    half = to_logits(torch.full_like(fraction, 0.5))
    assert compute_sobel_loss(half[..., 8:], fraction[..., 8:]) == 0


def test_a_tile_too_small_for_an_edge_has_none() -> None:
    assert compute_sobel_loss(torch.ones(1, 2, 2, 8), torch.zeros(1, 2, 8)) == 0


def test_a_mistake_far_from_the_shore_costs_more() -> None:
    fraction = torch.zeros(1, 16, 16)
    fraction[..., 8:] = 1
    costs = []
    for column in (7, 5, 1):
        guess = fraction.clone()
        guess[..., column] = 1
        costs.append(float(compute_boundary_loss(to_logits(guess.clamp(1e-6, 1 - 1e-6)), fraction)))
    # columns 0.5, 2.5 and 6.5 px from the shore, one in sixteen, over a reach of 16
    assert costs == pytest.approx([d / 16 / 16 for d in (0.5, 2.5, 6.5)], rel=1e-3)


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_the_boundary_loss_falls_as_the_published_one(seed: int) -> None:
    # The same gradient as the mean of signed distance (negative in water) times probability.
    fraction = draw_fraction(seed)
    logits = torch.randn(1, 2, 9, 11, generator=torch.Generator().manual_seed(seed), requires_grad=True)
    signed = -compute_shore_distance(fraction, reach_px=16) / 16
    published = (signed * torch.softmax(logits, dim=1)[:, 1]).mean()
    ours = compute_boundary_loss(logits, fraction, reach_px=16)
    torch.testing.assert_close(torch.autograd.grad(ours, logits), torch.autograd.grad(published, logits))


@settings(max_examples=30, deadline=None)
@given(SEEDS)
def test_boundary_loss_is_a_share(seed: int) -> None:
    fraction = draw_fraction(seed)
    logits = 5 * torch.randn(1, 2, 9, 11, generator=torch.Generator().manual_seed(seed))
    assert 0 <= compute_boundary_loss(logits, fraction) <= 1
