from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.augmentation import Augmentation, coarsen, turn
from pipeline.chips import Chip

STILL = Augmentation(
    wavelengths_nm=(443, 560, 865), dropout=(0, 0, 0), gain=0, band_gain=0, veil=0, offset=0, noise=0,
    clip_chance=0, hole_chance=0,
)  # fmt: skip


def make_chip(seed: int, size: int = 24) -> Chip:
    rng = np.random.default_rng(seed)
    return Chip(
        reflectance=rng.uniform(-0.05, 0.6, (3, size, size)).astype(np.float32),
        fraction=rng.random((size, size), dtype=np.float32),
        valid=rng.random((size, size)) < 0.9,
    )


def make_batch(seed: int, count: int = 6) -> tuple[torch.Tensor, torch.Tensor, torch.Generator]:
    generator = torch.Generator().manual_seed(seed)
    image = torch.rand(count, 3, 32, 32, generator=generator) * 0.5 - 0.05
    return image, torch.rand(count, 32, 32, generator=generator) < 0.9, generator


def test_without_strength_nothing_changes() -> None:
    image, valid, generator = make_batch(1)
    changed, counted = STILL(image, valid, generator)
    torch.testing.assert_close(changed, image)
    assert torch.equal(counted, valid)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_holes_are_nan_in_all_channels_and_never_count(seed: int) -> None:
    image, valid, generator = make_batch(seed)
    changed, counted = dataclasses.replace(STILL, hole_chance=1.0)(image, valid, generator)
    holes = changed.isnan().any(dim=1)
    assert torch.equal(holes, changed.isnan().all(dim=1))
    assert torch.equal(counted, valid & ~holes)
    assert holes.any()
    assert not holes.all()


def test_missing_channels_are_missing_everywhere_and_still_count() -> None:
    image, valid, generator = make_batch(4)
    changed, counted = dataclasses.replace(STILL, dropout=(0, 1, 0))(image, valid, generator)
    assert changed[:, 1].isnan().all()
    torch.testing.assert_close(changed[:, ::2], image[:, ::2])
    assert torch.equal(counted, valid)


def test_clipping_is_at_zero() -> None:
    image, valid, generator = make_batch(5)
    changed, _ = dataclasses.replace(STILL, clip_chance=1.0)(image, valid, generator)
    torch.testing.assert_close(changed, image.clamp_min(0))


def test_a_veil_falls_with_wavelength() -> None:
    image, valid, generator = make_batch(6, count=64)
    shift = (dataclasses.replace(STILL, veil=0.02)(image, valid, generator)[0] - image).abs().mean(dim=(2, 3))
    assert (shift[:, 0] >= shift[:, 1] - 1e-6).all()
    assert (shift[:, 1] >= shift[:, 2] - 1e-6).all()
    assert shift[:, 0].max() > 1.2 * shift[:, 2].max()


@pytest.mark.parametrize("name", ["gain", "band_gain", "veil", "offset", "noise"])
def test_each_strength_does_something_and_is_drawn_anew_for_each_image(name: str) -> None:
    image, valid, generator = make_batch(7, count=2)
    image[1] = image[0]
    changed, _ = dataclasses.replace(STILL, **{name: 0.02})(image, valid, generator)
    assert not torch.allclose(changed[0], image[0], atol=1e-6)
    assert not torch.allclose(changed[0], changed[1], atol=1e-6)


def test_the_same_generator_gives_the_same_batch() -> None:
    strong = dataclasses.replace(STILL, gain=0.1, noise=0.01, hole_chance=0.5, clip_chance=0.5)
    first, second = (strong(*make_batch(8)) for _ in range(2))
    torch.testing.assert_close(first[0], second[0], equal_nan=True)
    assert torch.equal(first[1], second[1])


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


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 3), st.booleans())
def test_turning_turns_truth_and_image_together_and_back(seed: int, turns: int, flipped: bool) -> None:
    chip = make_chip(seed)
    marked = Chip(reflectance=np.stack([chip.fraction] * 3), fraction=chip.fraction, valid=chip.fraction > 0.5)
    turned = turn(marked, turns, flipped=flipped)
    np.testing.assert_array_equal(turned.reflectance[1], turned.fraction)
    np.testing.assert_array_equal(turned.valid, turned.fraction > 0.5)
    back = turn(turned, turns if flipped else -turns, flipped=flipped)
    np.testing.assert_array_equal(back.fraction, chip.fraction)
    assert len({turn(chip, q, flipped=f).fraction.tobytes() for q in range(4) for f in (True, False)}) == 8
