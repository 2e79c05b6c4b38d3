"""A widened network answers as the narrow one did, and can then learn on."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import ModelConfigError
from models.networks.architecture import build_network
from models.networks.unet import UNet, UNetConfig
from models.networks.widening import widen


def build(**hyperparameters: object) -> UNet:
    torch.manual_seed(4)
    network = build_network(UNetConfig(in_channels=5, **({"depth": 2, "width": 4} | hyperparameters)))  # type: ignore[arg-type]
    for _ in range(3):  # norms that are not the identity
        network(torch.randn(2, 5, 16, 16))
    return network.eval()


@settings(max_examples=12)
@given(
    width=st.integers(5, 13),
    skips=st.booleans(),
    upsampling=st.sampled_from(["deconvolution", "bilinear"]),
    any_channels=st.booleans(),
)
def test_a_widened_network_answers_as_before(width: int, skips: bool, upsampling: str, any_channels: bool) -> None:
    narrow = build(skips=skips, upsampling=upsampling, any_channels=any_channels)
    wide = widen(narrow, width)
    image, present = torch.randn(2, 5, 16, 16), torch.tensor([[True, True, False, True, True]] * 2)
    assert wide.config.width == width
    torch.testing.assert_close(wide(image, present), narrow(image, present), atol=1e-5, rtol=1e-4)


def test_noise_lets_copies_part() -> None:
    narrow = build()
    kernel = widen(narrow, 8, noise=0.05).encoder.stages[0][0].weight  # type: ignore[index]
    assert not torch.allclose(kernel[:4], kernel[4:])
    torch.testing.assert_close(kernel[:4], kernel[4:], atol=0.3, rtol=0)


@pytest.mark.parametrize("width", [3, 4])
def test_what_is_not_wider_is_refused(width: int) -> None:
    with pytest.raises(ModelConfigError, match="beyond 4"):
        widen(build(), width)


def test_group_norms_are_refused() -> None:
    with pytest.raises(ModelConfigError, match="group norms"):
        widen(build(norm="group", width=8), 16)
