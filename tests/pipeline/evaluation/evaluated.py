"""A source of samples made in memory, and an untrained model, for the tests of measuring."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from models.card import ModelCard, Training
from models.networks.architecture import build_network
from models.networks.checkpoint import save_model
from models.networks.unet import UNetConfig
from tiles.bands import L2A_STACK
from tiles.samples.sample import Sample

WATER, LAND = 0.02, 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Lakes:
    """A lake a place, seen in some bands: dark in the infrared, so that every index finds it."""

    kept: tuple[str, ...] = tuple(f"lake <{number}>" for number in range(9))
    absent: tuple[str, ...] = ()
    name: str = "lakes"

    @property
    def places(self) -> tuple[str, ...]:
        return self.kept

    def restrict(self, places: frozenset[str]) -> Lakes:
        return replace(self, kept=tuple(place for place in self.kept if place in places))

    def draw(self, rng: np.random.Generator, *, size: int) -> Sample:
        return self._make(str(rng.choice(self.kept)), size)

    def tiles(self, *, size: int) -> Iterator[Sample]:
        for place in self.kept:
            yield self._make(place, size)

    def _make(self, place: str, size: int) -> Sample:
        rng = np.random.default_rng(len(place) + ord(place[-2]))
        rows, cols = np.mgrid[:size, :size]
        row, col = rng.uniform(size / 3, 2 * size / 3, 2)
        water = np.hypot(rows - row, cols - col) < size * rng.uniform(0.15, 0.3)
        image = np.where(water, WATER, LAND) + rng.normal(0, 0.005, (12, size, size))
        image[:3] = 0.08 + rng.normal(0, 0.005, (3, size, size))
        valid = np.ones((size, size), bool)
        valid[:3] = False
        for band in self.absent:
            image[L2A_STACK.index(band)] = np.nan
        return Sample(
            reflectance=image.astype(np.float32),
            fraction=water.astype(np.float32),
            valid=valid,
            place=place,
            source=self.name,
        )


def write_tiny_model(path: Path, *, required: tuple[tuple[str, ...], ...] = (("B03",), ("B08", "B8A"))) -> Path:
    """A network that calls dark near infrared water, whatever the rest says."""
    torch.manual_seed(0)
    network = build_network(UNetConfig(depth=1, width=4, norm="none", any_channels=True)).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
        nir = L2A_STACK.index("B08")
        first, second = (network.encoder.stages[0][index] for index in (0, 3))
        first.weight[0, nir, 1, 1] = 1  # channel 0: how bright the near infrared is
        second.weight[0, 0, 1, 1] = 1
        for stage in (network.decoder.stages[0][0], network.decoder.stages[0][3]):
            stage.weight[0, 0, 1, 1] = 1  # of what is joined, the skip comes first
        network.head.weight[0, 0] = 8
        network.head.bias[1] = 4
    card = ModelCard(
        name=path.stem,
        version="1",
        description="Calls dark near infrared water.",
        inputs=L2A_STACK,
        required_inputs=required,
        resolution_m=(10.0, 60.0),
        mean=(0.05,) * 12,
        std=(0.1,) * 12,
        probability_rmse=0.1,
        licence="MIT",
        training=Training(data="none", script="none", seed=0, steps=0, minutes=0.0),
    )
    save_model(path, network, card)
    return path
