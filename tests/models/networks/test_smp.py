"""Networks of segmentation-models-pytorch: what they are asked for, and that they are called as ours are."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
import torch

from models.errors import ModelConfigError, ModelInputError
from models.networks.smp import SmpConfig, SmpNetwork

NAME = "Unet/resnet18"


def test_the_least_and_the_most_channels_are_allowed() -> None:
    assert SmpConfig(name=NAME, in_channels=1, classes=2).stride == 32
    assert asdict(SmpConfig(name=NAME, in_channels=1024, classes=1024)) == {
        "name": NAME,
        "in_channels": 1024,
        "classes": 1024,
        "any_channels": False,
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"in_channels": 0}, "in_channels to be a whole number, 1 to 1024"),
        ({"in_channels": 1025}, "in_channels"),
        ({"in_channels": True}, "in_channels"),
        ({"classes": 1}, "classes to be a whole number, 2 to 1024"),
        ({"classes": 1025}, "classes"),
        ({"classes": 2.0}, "classes"),
        ({"any_channels": 1}, "any_channels to be true or false"),
        ({"name": "Unet"}, "Architecture/encoder"),
        ({"name": "/resnet18"}, "Architecture/encoder"),
        ({"name": "Unet/"}, "Architecture/encoder"),
    ],
)
def test_what_is_out_of_range_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ModelConfigError, match=message):
        SmpConfig(**{"name": NAME, **changes})


@pytest.mark.parametrize("name", ["Unet/resnet99", "Nonet/resnet18"])
def test_what_the_library_does_not_know_is_one_line(name: str) -> None:
    with pytest.raises(ModelConfigError, match=f"cannot build {name}") as caught:
        SmpNetwork(SmpConfig(name=name))
    assert "\n" not in str(caught.value)


def test_absent_channels_are_told_from_present_ones_that_are_0() -> None:
    torch.manual_seed(0)
    network = SmpNetwork(SmpConfig(name=NAME, in_channels=3, classes=4, any_channels=True)).eval()
    image, present = torch.zeros(2, 3, 32, 64), torch.ones(2, 3, dtype=torch.bool)
    with torch.inference_mode():
        whole = network(image)
        assert whole.shape == (2, 4, 32, 64)
        assert torch.equal(network(image, present), whole)
        present[1, 0] = False
        part = network(image, present)
    assert torch.equal(part[0], whole[0])
    assert not torch.equal(part[1], whole[1])


def test_a_network_that_needs_all_channels_reads_the_image_alone() -> None:
    torch.manual_seed(0)
    network = SmpNetwork(SmpConfig(name=NAME, in_channels=2)).eval()
    image = torch.rand(1, 2, 32, 32)
    with torch.inference_mode():
        assert torch.equal(network(image, torch.zeros(1, 2, dtype=torch.bool)), network(image))
        for shape in ((1, 2, 32, 48), (1, 2, 16, 32), (1, 3, 32, 32)):
            with pytest.raises(ModelInputError, match=NAME):
                network(torch.zeros(shape))
