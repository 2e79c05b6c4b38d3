"""The autoencoder, the classifier, and what they hand on."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.errors import ModelConfigError, ModelInputError
from models.networks.architecture import build_network
from models.networks.autoencoder import Autoencoder, AutoencoderConfig, compute_reconstruction_loss
from models.networks.classifier import (
    LAND,
    SHORE,
    UNKNOWN,
    WATER,
    Classifier,
    ClassifierConfig,
    compute_class_loss,
    compute_tile_class,
)
from models.networks.unet import UNet, UNetConfig
from models.networks.widening import carry_encoder


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


def build_source(kind: str, **given: int) -> Autoencoder | Classifier | UNet:
    config = {"in_channels": 3, "depth": 1, "width": 4, **given}
    if kind == "autoencoder":
        return build_network(AutoencoderConfig(**config))  # type: ignore[arg-type]
    return build_network(ClassifierConfig(**config)) if kind == "classifier" else build_network(UNetConfig(**config))  # type: ignore[arg-type]


def test_an_autoencoder_learns_to_give_the_image_back() -> None:
    network = build_source("autoencoder", width=8)
    coarse = torch.randn(4, 3, 4, 4)
    image = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bilinear")  # (4, 3, 16, 16)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        loss = compute_reconstruction_loss(network(image), image)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.2 * losses[0]


def test_an_autoencoder_has_no_way_around_its_bottom() -> None:
    network = build_network(AutoencoderConfig(in_channels=3, depth=2, width=4)).eval()
    features = network.encoder(torch.randn(1, 3, 8, 8))
    with torch.inference_mode():
        changed = [features[0] + 1, features[1] - 1, features[2]]
        assert torch.equal(network.decoder(features), network.decoder(changed))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999))
def test_what_is_not_known_is_not_reconstructed(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    image, again = torch.randn(2, 2, 3, 4, 4, generator=generator)
    known = torch.rand(2, 3, 4, 4, generator=generator) > 0.4
    expected = ((again - image)[known] ** 2).mean()
    holed = image.masked_fill(~known, torch.nan)
    again.requires_grad_()
    loss = compute_reconstruction_loss(again, holed, known=known)
    torch.testing.assert_close(loss, expected)
    (gradient,) = torch.autograd.grad(loss, again)
    assert gradient.isfinite().all()
    assert (gradient[~known] == 0).all()
    assert compute_reconstruction_loss(again, holed, known=torch.zeros_like(known)) == 0


def test_a_reconstruction_of_another_shape_is_refused() -> None:
    with pytest.raises(ModelInputError, match="one shape"):
        compute_reconstruction_loss(torch.zeros(1, 3, 4, 4), torch.zeros(1, 2, 4, 4))


@pytest.mark.parametrize("kind", ["autoencoder", "classifier", "unet"])
def test_a_carried_encoder_sees_what_it_saw(kind: str) -> None:
    source, target = build_source(kind), build_network(UNetConfig(in_channels=3, depth=1, width=4))
    image = torch.randn(2, 3, 8, 8)
    source(image)  # moves the norms' statistics
    before = [parameter.clone() for parameter in target.decoder.parameters()]
    carry_encoder(source, target)
    for ours, theirs in zip(target.eval().encoder(image), source.eval().encoder(image), strict=True):
        assert torch.equal(ours, theirs)
    assert all(torch.equal(a, b) for a, b in zip(before, target.decoder.parameters(), strict=True))
    first = next(source.encoder.parameters())
    with torch.no_grad():
        first.zero_()
    assert next(target.encoder.parameters()).any()  # a copy, not the same weights


def test_an_encoder_that_does_not_fit_is_refused_and_nothing_changes() -> None:
    target = build_network(UNetConfig(in_channels=3, depth=1, width=4))
    before = [parameter.clone() for parameter in target.parameters()]
    for wrong in ({"width": 5}, {"depth": 2}, {"in_channels": 4}):
        with pytest.raises(ModelConfigError, match="same channels, depth, width"):
            carry_encoder(build_source("autoencoder", **wrong), target)
    assert all(torch.equal(a, b) for a, b in zip(before, target.parameters(), strict=True))


@pytest.mark.parametrize(("told", "tells"), [(True, False), (False, True), (True, True)])
def test_an_encoder_is_carried_with_or_without_what_it_knows_of_absence(told: bool, tells: bool) -> None:
    source = build_network(AutoencoderConfig(in_channels=3, depth=1, width=4, any_channels=told))
    target = build_network(UNetConfig(in_channels=3, depth=1, width=4, any_channels=tells))
    carry_encoder(source, target)
    image = torch.randn(2, 3, 8, 8)
    assert torch.equal(source.eval().encoder(image)[-1], target.eval().encoder(image)[-1])


@pytest.mark.parametrize(
    ("water", "total", "expected"),
    [
        (0, 400, LAND),
        (1, 400, LAND),
        (2, 400, SHORE),
        (398, 400, SHORE),
        (399, 400, WATER),
        (400, 400, WATER),
        (1, 2, SHORE),
        (0, 0, UNKNOWN),
    ],
)
def test_a_tile_is_what_it_shows(water: int, total: int, expected: int) -> None:
    fraction = torch.zeros(1, 20, 20)
    fraction.view(-1)[:water] = 1.0
    valid = torch.zeros(1, 20, 20, dtype=torch.bool)
    valid.view(-1)[:total] = True
    fraction[~valid] = torch.nan
    assert compute_tile_class(fraction, valid).tolist() == [expected]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 999), st.floats(0, 0.5))
def test_land_and_water_trade_places(seed: int, least: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    wet = torch.rand(6, 5, 5, generator=generator) < torch.rand(6, 1, 1, generator=generator) ** 3
    swap = torch.tensor([WATER, LAND, SHORE])
    found = compute_tile_class(wet.float(), least=least)
    assert torch.equal(compute_tile_class((~wet).float(), least=least), swap[found])


def test_a_classifier_learns_land_water_and_shore() -> None:
    network = build_source("classifier", width=6)
    fraction = torch.zeros(12, 8, 8)
    fraction[4:8] = 1
    fraction[8:, 5:] = 1  # a corner
    image = fraction[:, None] + 0.1 * torch.randn(12, 3, 8, 8)
    truth = compute_tile_class(fraction)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(60):
        loss = compute_class_loss(network(image), truth)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert torch.equal(network.eval()(image).argmax(dim=1), truth)


def test_tiles_of_which_nothing_is_known_teach_nothing() -> None:
    logits = torch.randn(3, 3, requires_grad=True)
    some = torch.tensor([LAND, UNKNOWN, SHORE])
    expected: Tensor = -torch.log_softmax(logits, dim=1)[[0, 2], [LAND, SHORE]].mean()
    torch.testing.assert_close(compute_class_loss(logits, some), expected)
    none = compute_class_loss(logits, torch.full((3,), UNKNOWN))
    assert none == 0
    assert (torch.autograd.grad(none, logits)[0] == 0).all()


def test_shapes_and_shares_that_cannot_be_are_refused() -> None:
    with pytest.raises(ModelInputError, match="fraction and valid"):
        compute_tile_class(torch.zeros(1, 4, 4), torch.ones(1, 4, 5, dtype=torch.bool))
    with pytest.raises(ModelConfigError, match="least"):
        compute_tile_class(torch.zeros(1, 4, 4), least=0.7)
