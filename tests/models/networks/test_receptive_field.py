from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from models.errors import ModelInputError
from models.networks.architecture import build_network
from models.networks.receptive_field import ReceptiveField, compute_receptive_field
from models.networks.unet import UNetConfig


def compute_reach_by_hand(depth: int, *, skips: bool = True) -> int:
    """Interval arithmetic, from one output pixel down to the bottom and up again, over all phases."""
    stride = 2**depth
    reach = 0
    for x in range(stride):
        low = high = x
        for _ in range(depth):
            low, high = (low - 2) // 2, (high + 2) // 2  # two 3x3 convolutions, then half the resolution
        low, high = low - 2, high + 2
        for _ in range(depth):
            low, high = 2 * low - 2, 2 * high + 1 + 2
        reach = max(reach, x - low, high - x)
    return reach


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("skips", [True, False])
def test_the_measured_reach_is_the_analytic_one(depth: int, skips: bool) -> None:
    network = build_network(UNetConfig(in_channels=2, depth=depth, width=2, skips=skips))
    field = compute_receptive_field(network, in_channels=2, stride=2**depth)
    assert field.reach_px == compute_reach_by_hand(depth, skips=skips) == 7 * 2**depth - 5


@pytest.mark.parametrize(("layer", "reach"), [(nn.Conv2d(1, 1, 1), 0), (nn.Conv2d(1, 3, 3, padding=1), 1)])
def test_single_layers(layer: nn.Module, reach: int) -> None:
    assert compute_receptive_field(layer, in_channels=1, stride=1) == ReceptiveField(reach_px=reach, stride=1)


def test_the_longer_axis_counts() -> None:
    tall = nn.Conv2d(1, 1, (9, 3), padding=(4, 1))
    wide = nn.Conv2d(1, 1, (3, 13), padding=(1, 6))
    assert compute_receptive_field(tall, in_channels=1, stride=1).reach_px == 4
    assert compute_receptive_field(wide, in_channels=1, stride=1).reach_px == 6


def test_dilation_is_seen() -> None:
    layer = nn.Conv2d(1, 1, 3, padding=20, dilation=20)
    assert compute_receptive_field(layer, in_channels=1, stride=1).reach_px == 20


def test_a_norm_over_the_tile_sees_everything() -> None:
    network = build_network(UNetConfig(in_channels=1, depth=1, width=2, norm="group"))
    field = compute_receptive_field(network, in_channels=1, stride=2, limit_px=256)
    assert field == ReceptiveField(reach_px=None, stride=2)


def test_the_network_is_left_as_it_was() -> None:
    network = build_network(UNetConfig(in_channels=1, depth=1, width=2)).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    compute_receptive_field(network, in_channels=1, stride=2)
    assert network.training
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_an_output_on_another_grid_is_refused() -> None:
    with pytest.raises(ModelInputError, match="grid"):
        compute_receptive_field(nn.Conv2d(1, 1, 3), in_channels=1, stride=4)


@pytest.fixture(scope="module")
def linear() -> nn.Module:
    """A U-Net in fp64 whose weights are all positive, so that whatever can depend does depend."""
    torch.manual_seed(3)
    network = build_network(UNetConfig(in_channels=1, depth=2, width=2, norm="none", activation="leaky_relu")).double()
    for parameter in network.parameters():
        parameter.data.abs_()
    # Max-pool passes one of four: a random image decides which, so dependence is tested on average pooling.
    network.encoder.pool = nn.AvgPool2d(2)  # type: ignore[assignment]
    return network.eval()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 79), st.integers(0, 79), st.integers(0, 2**31))
def test_a_pixel_beyond_the_reach_changes_nothing_and_one_within_does(
    linear: nn.Module, row: int, col: int, seed: int
) -> None:
    reach = compute_receptive_field(linear, in_channels=1, stride=4).reach_px
    assert reach is not None
    image = torch.rand(1, 1, 80, 80, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    other = image.clone()
    other[0, 0, row, col] += 100.0
    with torch.inference_mode():
        changed: Tensor = (linear(image) != linear(other))[0].any(dim=0)
    rows, cols = torch.nonzero(changed, as_tuple=True)
    away = torch.maximum((rows - row).abs(), (cols - col).abs())
    assert away.max() <= reach
    assert changed[row, col]
    # Seen from the pixels whose phase reaches farthest, the bound is met: it is no wider than it must be.
    inner = max(away.max().item(), 0)
    if reach <= row < 80 - reach and reach <= col < 80 - reach:
        assert inner >= reach - 3
