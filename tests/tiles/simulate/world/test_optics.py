from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiles.bands import BANDS, L2A_STACK
from tiles.simulate.world.clouds import compute_cloud_view, draw_clouds
from tiles.simulate.world.optics import apply_noise, compute_spread, draw_sky


@pytest.mark.parametrize("band", range(12))
@settings(max_examples=5, deadline=None)
@given(shift=st.floats(-0.3, 0.3))
def test_the_point_spread_keeps_light_and_place(band: int, shift: float) -> None:
    native = BANDS[L2A_STACK[band]].resolution_m // 10
    spread = compute_spread(band, size=60, margin=12, shift_px=shift)
    assert spread.shape == (60 // native, 84)
    np.testing.assert_allclose(spread.sum(axis=1), 1, atol=1e-6)
    centres = spread @ (np.arange(84) + 0.5) - 12
    np.testing.assert_allclose(centres, (np.arange(60 // native) + 0.5) * native + shift, atol=0.06)


@pytest.mark.parametrize("band", range(12))
def test_the_modulation_at_nyquist_is_within_the_specification(band: int) -> None:
    native = BANDS[L2A_STACK[band]].resolution_m // 10
    spread = compute_spread(band, size=120, margin=12, shift_px=0.0)
    # A wave of two native pixels, as the mean over each 10 m pixel.
    fine = np.cos(np.pi * ((np.arange(144 * 32) + 0.5) / 32 - 12 - native / 2) / native).reshape(144, 32).mean(axis=1)
    seen = spread @ fine
    assert 0.15 < np.abs(seen).mean() < 0.36


def test_noise_is_that_of_the_instrument() -> None:
    sky = draw_sky(np.random.default_rng(1))
    flat = np.full((200, 200), 0.2, dtype=np.float32)
    for band in range(12):
        seen = apply_noise(sky, band, flat, np.random.default_rng(band))
        assert 40 < 0.2 / seen.std() < 600
        assert abs(seen.mean() - 0.2) < 1e-4
        np.testing.assert_allclose(seen * 1e4, np.round(seen * 1e4), atol=1e-2)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 1000), cover=st.floats(0.05, 0.9))
def test_a_shadow_is_its_cloud_moved_away_from_the_sun(seed: int, cover: float) -> None:
    sun = (0.6, 0.36, 0.71)  # from the upper right
    clouds = draw_clouds(np.random.default_rng(seed), cover=cover, sun=sun)
    assert clouds is not None
    rows, cols = np.arange(0.5, 40), np.arange(0.5, 50)
    down, across = clouds.shift_px
    assert down < 0 < across
    here = compute_cloud_view(clouds, rows, cols)
    there = compute_cloud_view(clouds, rows + down, cols + across)
    np.testing.assert_array_equal(here.shadow, there.opacity)


@pytest.mark.parametrize("cover", [0.1, 0.5, 0.9])
def test_clouds_cover_the_share_that_was_asked_for(cover: float) -> None:
    shares = []
    for seed in range(6):
        clouds = draw_clouds(np.random.default_rng(seed), cover=cover, sun=(0.0, 0.5, 0.8))
        assert clouds is not None
        view = compute_cloud_view(clouds, np.arange(0, 6000, 40.0), np.arange(0, 6000, 40.0))
        shares.append((view.opacity > 0).mean())
    assert abs(np.mean(shares) - cover) < 0.08


def test_a_clear_sky_has_no_clouds() -> None:
    assert draw_clouds(np.random.default_rng(0), cover=0.0, sun=(0.0, 0.5, 0.8)) is None


def test_some_products_keep_no_negative_reflectance() -> None:
    skies = [draw_sky(np.random.default_rng(seed)) for seed in range(60)]
    dark = np.zeros((60, 60), dtype=np.float32)
    least = [apply_noise(sky, 1, dark, np.random.default_rng(0)).min() for sky in skies]
    assert 0.1 < np.mean([value >= 0 for value in least]) < 0.5
    assert min(least) < -0.0005
