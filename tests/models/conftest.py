"""A small network with a card, not trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from models.card import ModelCard, Training
from models.networks.architecture import build_network
from models.networks.checkpoint import Model, read_model, save_model
from models.networks.network import NetworkConfig
from models.networks.unet import UNet, UNetConfig


def build_card(config: NetworkConfig) -> ModelCard:
    channels = config.in_channels
    return ModelCard(
        name="tiny",
        version="1",
        description="Random weights.",
        inputs=tuple(f"C{index}" for index in range(channels)),
        resolution_m=(10.0, 60.0),
        mean=tuple(0.1 + 0.01 * index for index in range(channels)),
        std=(0.1,) * channels,
        classes=tuple(f"class {index}" for index in range(config.classes)),
        temperature=1.3,
        probability_rmse=0.1,
        licence="MIT",
        training=Training(data="none", script="none", seed=0, steps=0, minutes=0.0),
    )


def shake(network: UNet) -> UNet:
    """Give the norms statistics that are not the identity, and the logits some size."""
    generator = torch.Generator().manual_seed(2)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.running_mean, module.bias.data):
                assert tensor is not None
                tensor.copy_(0.3 * torch.randn(tensor.shape, generator=generator))
            for tensor in (module.running_var, module.weight.data):
                assert tensor is not None
                tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
    network.head.weight.data *= 5
    return network.eval()


@pytest.fixture(scope="session")
def make_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[UNetConfig], Model]:
    """A model of a given shape that went through a file, as all models do."""
    folder: Path = tmp_path_factory.mktemp("models")

    def make(config: UNetConfig) -> Model:
        torch.manual_seed(1)
        path = folder / f"{abs(hash(config))}.safetensors"
        save_model(path, shake(build_network(config)), build_card(config))
        return read_model(path)

    return make


@pytest.fixture(scope="session")
def tiny(make_model: Callable[[UNetConfig], Model]) -> Model:
    return make_model(UNetConfig(in_channels=4, depth=2, width=6))
