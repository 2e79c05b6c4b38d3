from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from models.networks.checkpoint import Model
from models.networks.normalisation import Normalisation

NORMALISATION = Normalisation(mean=(0.1, 0.2), std=(0.05, 0.1), reflectance_range=(-0.2, 1.5))


@given(st.floats(-0.2, 1.5), st.floats(-0.2, 1.5))
def test_mean_becomes_zero_and_deviation_one(first: float, second: float) -> None:
    image = torch.tensor([first, second]).reshape(1, 2, 1, 1)
    expected = torch.tensor([(first - 0.1) / 0.05, (second - 0.2) / 0.1])
    torch.testing.assert_close(NORMALISATION(image).flatten(), expected, atol=1e-4, rtol=1e-5)


def test_what_is_missing_becomes_the_mean_and_what_is_absurd_is_clamped() -> None:
    image = torch.tensor([float("nan"), float("inf"), float("-inf")]).expand(1, 2, 1, 3)
    top, bottom = (1.5 - 0.1) / 0.05, (-0.2 - 0.1) / 0.05
    torch.testing.assert_close(NORMALISATION(image)[0, 0, 0], torch.tensor([0.0, top, bottom]))


def test_the_image_is_left_as_it_was(tiny: Model) -> None:
    image = torch.full((1, 4, 2, 2), 9.0)
    Normalisation.from_card(tiny.card)(image)
    assert (image == 9.0).all()
