"""A network for some channels answers as the whole one does when told that the others are absent."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ModelConfigError
from models.networks.absence import select_channels
from models.networks.architecture import build_network
from models.networks.unet import UNet, UNetConfig

CHANNELS = 5
SETS = st.sets(st.integers(0, CHANNELS - 1), min_size=1).map(sorted)


def build(*, any_channels: bool = True) -> UNet:
    torch.manual_seed(3)
    network = build_network(UNetConfig(in_channels=CHANNELS, depth=1, width=4, any_channels=any_channels))
    for _ in range(3):  # norms that are not the identity
        network(torch.randn(2, CHANNELS, 8, 8), torch.rand(2, CHANNELS) < 0.7 if any_channels else None)
    return network.eval()


@given(channels=SETS)
def test_a_selected_network_answers_as_the_whole_one_told_what_is_absent(channels: list[int]) -> None:
    network = build()
    image = torch.randn(2, CHANNELS, 8, 8)
    present = torch.zeros(2, CHANNELS, dtype=torch.bool)
    present[:, channels] = True
    told = network(torch.where(present[:, :, None, None], image, 0), present)
    torch.testing.assert_close(select_channels(network, channels)(image[:, channels]), told)


def test_absence_is_told_apart_from_the_mean() -> None:
    network = build()
    image = torch.randn(1, CHANNELS, 8, 8)
    image[:, 1] = 0
    present = torch.tensor([[True, False, True, True, True]])
    assert not torch.allclose(network(image, present), network(image))


def test_a_network_that_needs_all_channels_says_so() -> None:
    with pytest.raises(ModelConfigError, match="needs all"):
        select_channels(build(any_channels=False), [0, 1])


@pytest.mark.parametrize("channels", [[], [1, 0], [0, 0], [CHANNELS], [-1]])
def test_channels_that_are_none_are_refused(channels: list[int]) -> None:
    with pytest.raises(ModelConfigError, match="rising channels"):
        select_channels(build(), channels)
