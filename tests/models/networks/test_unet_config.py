"""What networks are by default, within which limits, and what follows from that alone."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
import torch

from models.errors import ModelConfigError, ModelInputError
from models.networks.autoencoder import AutoencoderConfig, compute_reconstruction_loss
from models.networks.classifier import ClassifierConfig, compute_tile_class
from models.networks.smp import SmpConfig
from models.networks.unet_config import UNetConfig, compute_crops, compute_reach

BODY = {"in_channels": 12, "depth": 3, "width": 16, "activation": "relu", "norm": "batch", "any_channels": False}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (UNetConfig(), {**BODY, "classes": 2, "upsampling": "deconvolution", "skips": True}),
        (AutoencoderConfig(), {**BODY, "upsampling": "deconvolution"}),
        (ClassifierConfig(), {**BODY, "classes": 3}),
        (
            SmpConfig(name="Unet/resnet18"),
            {"name": "Unet/resnet18", "in_channels": 12, "classes": 2, "any_channels": False},
        ),
    ],
    ids=["unet", "autoencoder", "classifier", "smp"],
)
def test_twelve_bands_and_a_small_network_where_nothing_is_said(config: Any, expected: dict[str, object]) -> None:  # noqa: ANN401
    assert asdict(config) == expected
    assert config.stride == (32 if isinstance(config, SmpConfig) else 8)


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [("in_channels", 1, 1024), ("classes", 2, 1024), ("depth", 1, 7), ("width", 1, 1024)],
)
def test_a_network_keeps_its_limits(name: str, least: int, most: int) -> None:
    for value in (least, most):
        assert getattr(UNetConfig(**{name: value}), name) == value  # type: ignore[arg-type]
    for value in (least - 1, most + 1, float(least), True):
        with pytest.raises(ModelConfigError, match=f"expected {name} to be a whole number, {least} to {most}; found"):
            UNetConfig(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "least"), [("in_channels", 1), ("classes", 2)])
def test_a_network_of_another_library_keeps_its_limits(name: str, least: int) -> None:
    for value in (least, 1024):
        assert getattr(SmpConfig(name="Unet/resnet18", **{name: value}), name) == value  # type: ignore[arg-type]
    for value in (least - 1, 1025, float(least)):
        with pytest.raises(ModelConfigError, match=f"expected {name} to be a whole number, {least} to 1024; found"):
            SmpConfig(name="Unet/resnet18", **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["Unet", "Unet/", "/resnet18", ""])
def test_another_library_wants_architecture_and_encoder(name: str) -> None:
    with pytest.raises(ModelConfigError, match="Architecture/encoder"):
        SmpConfig(name=name)


def test_yes_and_no_are_not_numbers() -> None:
    for wrong in ({"skips": 0}, {"any_channels": 1}):
        with pytest.raises(ModelConfigError, match="true or false"):
            UNetConfig(**wrong)  # type: ignore[arg-type]
    with pytest.raises(ModelConfigError, match="true or false"):
        SmpConfig(name="Unet/resnet18", any_channels=1)  # type: ignore[arg-type]


def test_channels_double_where_the_resolution_halves() -> None:
    config = UNetConfig(depth=3, width=5)
    assert (config.widths, config.stride) == ((5, 10, 20, 40), 8)
    assert (config.spread_px, UNetConfig(upsampling="bilinear").spread_px) == (2, 4)


@pytest.mark.parametrize(
    ("config", "reach"),
    [  # counted by hand: two convolutions a stage, twice as far at each coarser resolution
        (UNetConfig(depth=1), 9),
        (UNetConfig(depth=2), 23),
        (UNetConfig(depth=7), 891),
        (UNetConfig(depth=1, upsampling="bilinear"), 10),
        (UNetConfig(depth=2, upsampling="bilinear"), 26),
        (UNetConfig(depth=7, upsampling="bilinear"), 1018),
        (UNetConfig(norm="group"), None),
    ],
)
def test_the_reach_of_small_networks(config: UNetConfig, reach: int | None) -> None:
    assert compute_reach(config) == reach


@pytest.mark.parametrize(
    ("margin", "depth", "spread", "crops"),
    [(20, 2, 2, [7, 18]), (21, 3, 2, [1, 7, 19]), (2, 1, 2, [0]), (3, 1, 2, [1]), (0, 2, 4, [0, 0])],
)
def test_what_a_decoder_may_leave_out(margin: int, depth: int, spread: int, crops: list[int]) -> None:
    assert compute_crops(margin, depth=depth, spread=spread) == crops


@pytest.mark.parametrize("least", [0.0, 0.5])
def test_the_least_share_of_a_shore_may_be_nothing_or_half(least: float) -> None:
    fraction = torch.zeros(1, 2, 2)
    fraction[0, 0] = 1
    assert compute_tile_class(fraction, least=least).tolist() == [2]


@pytest.mark.parametrize(("value", "tile_class"), [(0.0, 0), (1.0, 1)])
def test_a_tile_of_one_kind_is_no_shore_even_where_any_share_makes_one(value: float, tile_class: int) -> None:
    assert compute_tile_class(torch.full((1, 2, 2), value), least=0.0).tolist() == [tile_class]
    assert compute_tile_class(torch.zeros(1, 2, 2), torch.zeros(1, 2, 2, dtype=torch.bool)).tolist() == [-100]


@pytest.mark.parametrize("least", [-0.01, 0.51])
def test_another_least_share_is_refused(least: float) -> None:
    with pytest.raises(ModelConfigError, match=r"from 0 to 0\.5"):
        compute_tile_class(torch.zeros(1, 2, 2), least=least)


def test_half_a_pixel_of_water_is_land_and_half_a_tile_is_land_too() -> None:
    half = torch.tensor([[[1.0, 1.0], [0.5, 0.0]]])
    assert compute_tile_class(half, least=0.5).tolist() == [2]
    assert compute_tile_class(half, torch.tensor([[[True, False], [True, True]]]), least=0.5).tolist() == [0]
    assert compute_tile_class(half, torch.tensor([[[True, True], [True, False]]]), least=0.5).tolist() == [1]


def test_a_tile_of_another_shape_than_its_mask_is_refused() -> None:
    for fraction, valid in ((torch.zeros(2, 2), None), (torch.zeros(1, 2, 2), torch.ones(1, 2, 3))):
        with pytest.raises(ModelInputError, match="fraction and valid"):
            compute_tile_class(fraction, valid)


def test_without_a_mask_every_channel_of_a_reconstruction_counts() -> None:
    image, again = torch.zeros(1, 2, 2, 2), torch.zeros(1, 2, 2, 2)
    again[0, 0, 0, 0] = 4.0
    known = torch.zeros(1, 2, 2, 2, dtype=torch.bool)
    known[0, :, 0, 0] = True
    assert float(compute_reconstruction_loss(again, image)) == 2.0  # 16 of 8 values
    assert float(compute_reconstruction_loss(again, image, known=known)) == 8.0
    with pytest.raises(ModelInputError, match="one shape"):
        compute_reconstruction_loss(again, image, known=known[:, :1])
