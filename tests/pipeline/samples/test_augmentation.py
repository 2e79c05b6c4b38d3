"""Variations change what they should, leave what they should, and are drawn anew for each image."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from models.errors import TrainingError
from pipeline.samples.augmentation import Augmentation, coarsen
from pipeline.samples.band_dropout import BandDropout
from pipeline.samples.chips import Chip
from tiles.bands import BANDS, L2A_STACK

STILL = Augmentation(
    wavelengths_nm=tuple(BANDS[name].wavelength_nm for name in L2A_STACK), turn=False, gain=0, band_gain=0, veil=0,
    offset=0, noise=0, clip_chance=0, hole_chance=0, cloud_chance=0, shadow_chance=0, blur_chance=0,
)  # fmt: skip

Batch = tuple[Tensor, Tensor, Tensor, torch.Generator]


def make_chip(seed: int, size: int = 24) -> Chip:
    rng = np.random.default_rng(seed)
    return Chip(
        reflectance=rng.uniform(-0.05, 0.6, (3, size, size)).astype(np.float32),
        fraction=rng.random((size, size), dtype=np.float32),
        valid=rng.random((size, size)) < 0.9,
    )


def make_batch(seed: int, count: int = 6) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(count, 12, 32, 32, generator=generator) * 0.5 - 0.05
    fraction = torch.rand(count, 32, 32, generator=generator)
    return image, fraction, torch.rand(count, 32, 32, generator=generator) < 0.9, generator


def test_without_strength_nothing_changes() -> None:
    image, fraction, valid, generator = make_batch(1)
    changed, share, counted = STILL(image, fraction, valid, generator)
    torch.testing.assert_close(changed, image)
    assert torch.equal(share, fraction)
    assert torch.equal(counted, valid)


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_holes_are_nan_in_all_channels_and_never_count(seed: int) -> None:
    image, fraction, valid, generator = make_batch(seed)
    changed, _, counted = dataclasses.replace(STILL, hole_chance=1.0)(image, fraction, valid, generator)
    holes = changed.isnan().any(dim=1)
    assert torch.equal(holes, changed.isnan().all(dim=1))
    assert torch.equal(counted, valid & ~holes)
    assert holes.any()
    assert not holes.all()


def test_absent_bands_are_absent_everywhere_and_pixels_still_count() -> None:
    image, fraction, valid, generator = make_batch(4, count=40)
    bands = BandDropout(atmospheric=0, usual=1, random=0)
    changed, _, counted = dataclasses.replace(STILL, bands=bands)(image, fraction, valid, generator)
    lost = changed.isnan().all(dim=(2, 3))
    assert torch.equal(lost, changed.isnan().any(dim=3).any(dim=2))
    assert lost.any(dim=1).all()
    torch.testing.assert_close(changed[~lost], image[~lost])
    assert torch.equal(counted, valid)


@settings(max_examples=20)
@given(st.integers(0, 1000))
def test_turning_turns_image_truth_and_mask_together(seed: int) -> None:
    _, fraction, _, generator = make_batch(seed, count=8)
    image = fraction[:, None].expand(-1, 12, -1, -1)
    changed, share, counted = dataclasses.replace(STILL, turn=True)(image, fraction, fraction > 0.5, generator)
    torch.testing.assert_close(changed[:, 5], share)
    assert torch.equal(counted, share > 0.5)
    torch.testing.assert_close(share.flatten(1).sort().values, fraction.flatten(1).sort().values)


def test_all_eight_ways_come_up() -> None:
    tile = torch.arange(16.0).reshape(1, 1, 4, 4)
    image = tile.expand(200, 12, -1, -1)
    generator = torch.Generator().manual_seed(3)
    turned, _, _ = dataclasses.replace(STILL, turn=True)(image, image[:, 0], image[:, 0] > 3, generator)
    assert len(torch.unique(turned[:, 0].flatten(1), dim=0)) == 8


def test_clipping_is_at_zero() -> None:
    image, fraction, valid, generator = make_batch(5)
    changed, _, _ = dataclasses.replace(STILL, clip_chance=1.0)(image, fraction, valid, generator)
    torch.testing.assert_close(changed, image.clamp_min(0))


def test_a_veil_falls_with_wavelength() -> None:
    image, fraction, valid, generator = make_batch(6, count=64)
    changed, _, _ = dataclasses.replace(STILL, veil=0.02)(image, fraction, valid, generator)
    shift = (changed - image).abs().mean(dim=(2, 3))
    assert (shift[:, 1] >= shift[:, 10] - 1e-6).all()
    assert shift[:, 1].max() > 1.2 * shift[:, 10].max()


@pytest.mark.parametrize("name", ["gain", "band_gain", "veil", "offset", "noise"])
def test_each_strength_does_something_and_is_drawn_anew_for_each_image(name: str) -> None:
    image, fraction, valid, generator = make_batch(7, count=2)
    image[1] = image[0]
    changed, _, _ = dataclasses.replace(STILL, **{name: 0.02})(image, fraction, valid, generator)
    assert not torch.allclose(changed[0], image[0], atol=1e-6)
    assert not torch.allclose(changed[0], changed[1], atol=1e-6)


def test_clouds_brighten_and_their_opaque_part_does_not_count() -> None:
    image, fraction, valid, generator = make_batch(9, count=32)
    changed, _, counted = dataclasses.replace(STILL, cloud_chance=1.0)(image, fraction, valid, generator)
    assert (changed >= image - 1e-6).all()
    hidden = valid & ~counted
    assert hidden.any()
    assert ((changed - image).mean(dim=1)[hidden] > 0.05).all()
    assert not (counted & ~valid).any()


def test_shadows_darken_and_still_count() -> None:
    image, fraction, valid, generator = make_batch(10, count=32)
    image = image.abs()
    changed, share, counted = dataclasses.replace(STILL, shadow_chance=1.0)(image, fraction, valid, generator)
    assert (changed <= image + 1e-6).all()
    assert (changed.mean(dim=1) < 0.7 * image.mean(dim=1)).any()
    assert torch.equal(counted, valid)
    assert torch.equal(share, fraction)


def test_blur_keeps_the_mean_and_takes_detail() -> None:
    image, fraction, valid, generator = make_batch(11)
    changed, _, _ = dataclasses.replace(STILL, blur_chance=1.0)(image, fraction, valid, generator)
    torch.testing.assert_close(changed.mean(dim=(2, 3)), image.mean(dim=(2, 3)), atol=0.01, rtol=0)
    assert (changed.std(dim=(2, 3)) < image.std(dim=(2, 3))).all()


def test_the_same_generator_gives_the_same_batch() -> None:
    strong = dataclasses.replace(
        STILL, turn=True, gain=0.1, noise=0.01, hole_chance=0.5, cloud_chance=0.5, bands=BandDropout()
    )
    first, second = (strong(*make_batch(8)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        torch.testing.assert_close(one, other, equal_nan=True)


@pytest.mark.parametrize("change", [{"gain": -1}, {"cloud_chance": 1.5}])
def test_strengths_that_are_none_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(TrainingError, match="chances from 0 to 1"):
        dataclasses.replace(STILL, **change)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([1, 2, 3, 4, 6]))
def test_coarsening_keeps_the_area_of_water(seed: int, factor: int) -> None:
    chip = make_chip(seed)
    coarse = coarsen(chip, factor, 24)
    side = 24 // factor
    assert coarse.fraction.shape == (24, 24)
    assert coarse.fraction[:side, :side].mean() == pytest.approx(chip.fraction.mean(), abs=1e-5)
    np.testing.assert_allclose(
        coarse.reflectance[:, :side, :side].mean((1, 2)), chip.reflectance.mean((1, 2)), atol=1e-5
    )
    if factor > 1:
        assert not coarse.valid[side:].any()
        assert np.isnan(coarse.reflectance[:, side:]).all()
        whole = chip.valid.reshape(side, factor, side, factor).all(axis=(1, 3))
        np.testing.assert_array_equal(coarse.valid[:side, :side], whole)
