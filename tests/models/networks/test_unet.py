from __future__ import annotations

from dataclasses import asdict

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from models.errors import ModelConfigError, ModelInputError
from models.networks.architecture import build_network
from models.networks.receptive_field import compute_receptive_field
from models.networks.unet import UNetConfig
from models.networks.unet_config import compute_reach

CONFIGS = st.builds(
    UNetConfig,
    in_channels=st.integers(1, 5),
    classes=st.integers(2, 4),
    depth=st.integers(1, 4),
    width=st.integers(1, 6),
    activation=st.sampled_from(["relu", "leaky_relu", "silu", "gelu"]),
    norm=st.sampled_from(["batch", "group", "none"]),
    upsampling=st.sampled_from(["deconvolution", "bilinear"]),
    skips=st.booleans(),
)


@settings(max_examples=30, deadline=None)
@given(CONFIGS, st.integers(2, 3), st.integers(1, 3), st.integers(1, 2))
def test_logits_lie_on_the_grid_of_the_input(config: UNetConfig, rows: int, cols: int, batch: int) -> None:
    network = build_network(config).eval()
    image = torch.randn(batch, config.in_channels, rows * config.stride, cols * config.stride)
    with torch.inference_mode():
        logits = network(image)
    assert logits.shape == (batch, config.classes, *image.shape[2:])
    assert logits.isfinite().all()


@settings(max_examples=20, deadline=None)
@given(CONFIGS, st.integers(0, 40))
def test_a_margin_is_left_out_and_changes_nothing_else(config: UNetConfig, margin: int) -> None:
    network = build_network(config).eval()
    image = torch.randn(1, config.in_channels, 96, 112)
    with torch.inference_mode():
        whole, part = network(image), network(image, margin=margin)
    expected = whole[:, :, margin : 96 - margin, margin : 112 - margin]
    assert part.shape == expected.shape
    torch.testing.assert_close(part, expected, rtol=1e-4, atol=1e-5)


@settings(max_examples=8, deadline=None)
@given(CONFIGS)
def test_the_reach_that_follows_from_a_config_is_the_one_that_is_measured(config: UNetConfig) -> None:
    field = compute_receptive_field(build_network(config), in_channels=config.in_channels, stride=config.stride)
    assert compute_reach(config) == field.reach_px


@settings(max_examples=20, deadline=None)
@given(CONFIGS)
def test_a_config_survives_its_dictionary(config: UNetConfig) -> None:
    assert UNetConfig(**asdict(config)) == config


def test_it_has_the_layers_of_the_paper() -> None:
    # The paper's own network: 64 wide, 4 deep, one channel in, two classes out, no norm. "In total the network has 23
    # convolutional layers" (section 2); their weights and biases, added up by hand, are 31,030,658.
    network = build_network(UNetConfig(in_channels=1, classes=2, depth=4, width=64, norm="none"))
    assert sum(isinstance(module, nn.Conv2d | nn.ConvTranspose2d) for module in network.modules()) == 23
    assert sum(parameter.numel() for parameter in network.parameters()) == 31_030_658


def test_skips_carry_detail_that_the_bottom_loses() -> None:
    def count(skips: bool) -> int:
        return sum(p.numel() for p in build_network(UNetConfig(skips=skips)).parameters())

    assert count(True) > count(False)
    torch.manual_seed(0)
    blind = build_network(UNetConfig(in_channels=1, depth=1, width=2, norm="none", skips=False)).eval()
    features = blind.encoder(torch.randn(1, 1, 4, 4))
    with torch.inference_mode():
        changed = [features[0] + 1, features[1]]
        assert torch.equal(blind.decoder(features), blind.decoder(changed))


@pytest.mark.parametrize("shape", [(1, 3, 8, 8), (12, 8, 8), (1, 12, 12, 8), (1, 12, 8, 4), (1, 12, 0, 8)])
def test_a_shape_that_does_not_fit_is_one_clear_line(shape: tuple[int, ...]) -> None:
    network = build_network(UNetConfig(depth=3, width=1))
    with pytest.raises(ModelInputError, match="expected") as caught:
        network(torch.zeros(shape))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"depth": 0},
        {"depth": 8},
        {"width": 0},
        {"classes": 1},
        {"in_channels": 2.0},
        {"depth": True},
        {"norm": "layer"},
        {"activation": "tanh"},
        {"upsampling": "nearest"},
        {"skips": 1},
    ],
)
def test_impossible_hyperparameters_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ModelConfigError, match=next(iter(wrong))):
        UNetConfig(**wrong)  # type: ignore[arg-type]
