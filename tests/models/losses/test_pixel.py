"""Each loss on a few pixels, against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from models.errors import ModelConfigError, ModelInputError
from models.losses.pixel import (
    compute_cross_entropy,
    compute_dice_loss,
    compute_focal_loss,
    compute_shore_weight,
    require_loss_shapes,
    select_counted,
)

LOG2 = math.log(2)


def make_row(*values: float) -> Tensor:
    """One tile of one row, (1, 1, W)."""
    return torch.tensor([[values]])


def make_logits(*margins: float) -> Tensor:
    """Logits (1, 2, 1, W) of which land's is 1 everywhere, and water's that much higher."""
    margin = make_row(*margins)
    return torch.stack([torch.ones_like(margin), 1 + margin], dim=1)


def test_cross_entropy_is_the_mean_over_what_counts_by_weight() -> None:
    logits, fraction = make_logits(0.0, math.log(3), math.log(3)), make_row(1.0, 1.0, 0.0)
    each = torch.tensor([LOG2, math.log(4 / 3), math.log(4)])
    assert compute_cross_entropy(logits, fraction) == pytest.approx(float(each.mean()))
    valid = make_row(1, 0, 1).bool()
    assert compute_cross_entropy(logits, fraction, valid=valid) == pytest.approx(float((each[0] + each[2]) / 2))
    weighed = compute_cross_entropy(logits, fraction, valid=valid, weight=make_row(3.0, 5.0, 1.0))
    assert weighed == pytest.approx(float((3 * each[0] + each[2]) / 4))
    assert compute_cross_entropy(logits, fraction, valid=torch.zeros_like(valid)) == 0


def test_dice_counts_overlap_twice_and_one_pixel_of_smoothing() -> None:
    logits, fraction = make_logits(0.0, 0.0), make_row(1.0, 0.0)
    assert compute_dice_loss(logits, fraction) == pytest.approx(1 - (2 * 0.5 + 1) / (0.5 + 1 + 1))
    alone = compute_dice_loss(logits, fraction, valid=make_row(0, 1).bool())
    assert alone == pytest.approx(1 - 1 / (0.25 + 1))
    assert compute_dice_loss(make_logits(-40.0), make_row(0.0)) == pytest.approx(0)


@pytest.mark.parametrize(("gamma", "share"), [(0, 1.0), (1, 0.5), (2, 0.25), (3, 0.125)])
def test_focal_multiplies_by_a_power_of_the_error(gamma: float, share: float) -> None:
    logits, fraction = make_logits(0.0, 40.0), make_row(1.0, 1.0)
    assert compute_focal_loss(logits, fraction, gamma=gamma) == pytest.approx(share * LOG2 / 2)
    assert compute_focal_loss(logits, fraction) == pytest.approx(LOG2 / 8)
    half = compute_focal_loss(logits, fraction, valid=make_row(1, 0).bool(), gamma=gamma)
    assert half == pytest.approx(share * LOG2)
    assert compute_focal_loss(logits, fraction, valid=make_row(0, 0).bool()) == 0


@pytest.mark.parametrize("gamma", [-1, -0.01, 0.01, 0.5, 0.99])
def test_focal_refuses_powers_without_a_bound_on_the_gradient(gamma: float) -> None:
    with pytest.raises(ModelConfigError, match=f"found {gamma}"):
        compute_focal_loss(make_logits(0.0), make_row(1.0), gamma=gamma)


def test_the_shore_weighs_more_as_far_as_it_reaches() -> None:
    fraction = make_row(1, 1, 1, 1, 1, 0, 0, 0, 0, 0)
    assert compute_shore_weight(fraction, gain=3, reach_px=1).tolist() == [[[1, 1, 1, 1, 4, 4, 1, 1, 1, 1]]]
    assert compute_shore_weight(fraction, gain=3).tolist() == [[[1, 1, 1, 4, 4, 4, 4, 1, 1, 1]]]


def test_a_pixel_that_is_half_water_is_land() -> None:
    assert compute_shore_weight(make_row(0.5, 0.5, 0.0), gain=1, reach_px=1).tolist() == [[[1, 1, 1]]]
    assert compute_shore_weight(make_row(0.6, 0.6, 0.5), gain=1, reach_px=1).tolist() == [[[1, 2, 2]]]


@pytest.mark.parametrize(("edge", "unknown"), [((1.0, 1.0), 0.0), ((0.0, 0.0), 1.0)])
def test_what_is_not_known_makes_no_shore(edge: tuple[float, float], unknown: float) -> None:
    fraction, valid = make_row(*edge, unknown), make_row(1, 1, 0).bool()
    assert compute_shore_weight(fraction, gain=1, reach_px=1).tolist() == [[[1, 2, 2]]]
    assert compute_shore_weight(fraction, gain=1, reach_px=1, valid=valid).tolist() == [[[1, 1, 1]]]


def test_what_does_not_count_is_put_away() -> None:
    logits, fraction = make_logits(2.0, math.nan, -3.0), make_row(0.3, math.nan, 0.9)
    margin, truth = select_counted(logits.double(), fraction, make_row(1.0, 0.0, 0.5))
    torch.testing.assert_close(margin, make_row(2.0, 0.0, -3.0))
    torch.testing.assert_close(truth, make_row(0.3, 0.0, 0.9))


@pytest.mark.parametrize(
    ("logits", "fraction"),
    [((1, 3, 2, 2), (1, 2, 2)), ((2, 2, 2), (2, 2)), ((1, 2, 2, 2), (2, 2, 2)), ((1, 2, 2, 2), (1, 2, 3))],
)
def test_shapes_that_disagree_are_refused(logits: tuple[int, ...], fraction: tuple[int, ...]) -> None:
    require_loss_shapes(torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 2))
    with pytest.raises(ModelInputError, match="Expected logits"):
        require_loss_shapes(torch.zeros(logits), torch.zeros(fraction))
