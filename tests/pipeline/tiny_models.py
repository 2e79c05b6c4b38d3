"""Small models with random weights that went through a file, for tests that map scenes."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from models.card import ModelCard, Training
from models.networks.architecture import build_network
from models.networks.checkpoint import save_model
from models.networks.network import NetworkConfig
from models.networks.unet import UNetConfig
from tiles.bands import L2A_STACK

NEEDS = (("B03",), ("B08", "B8A"))


def build_card(
    *, inputs: tuple[str, ...] = L2A_STACK, required_inputs: tuple[tuple[str, ...], ...] = NEEDS
) -> ModelCard:
    count = len(inputs)
    return ModelCard(
        name="tiny",
        version="1",
        description="Random weights.",
        inputs=inputs,
        required_inputs=required_inputs,
        resolution_m=(10.0, 60.0),
        mean=tuple(0.1 + 0.01 * index for index in range(count)),
        std=(0.1,) * count,
        temperature=1.3,
        probability_rmse=0.1,
        licence="MIT",
        training=Training(data="none", script="none", seed=0, steps=0, minutes=0.0),
    )


def write_model(path: Path, config: NetworkConfig | None = None, card: ModelCard | None = None) -> Path:
    """A network that looks past the pixel, and whose answers are neither 0 nor 1."""
    torch.manual_seed(4)
    network = build_network(config or UNetConfig(depth=1, width=4, any_channels=True))
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=2 / (module.in_channels * 9) ** 0.5)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
    save_model(path, network.eval(), card or build_card())
    return path
