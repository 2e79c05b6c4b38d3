from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiles.simulate.world.shade import compute_cast_light, compute_slope_light


def sun(zenith: float, azimuth: float) -> tuple[float, float, float]:
    return (
        float(np.sin(azimuth) * np.sin(zenith)),
        float(np.cos(azimuth) * np.sin(zenith)),
        float(np.cos(zenith)),
    )


@settings(max_examples=20, deadline=None)
@given(zenith=st.floats(0.2, 1.2), azimuth=st.floats(0, 6.28))
def test_flat_ground_is_lit_as_it_is(zenith: float, azimuth: float) -> None:
    flat = np.full((30, 30), 7.0, dtype=np.float32)
    np.testing.assert_allclose(
        compute_slope_light(flat, sun(zenith, azimuth)), np.cos(zenith) / max(np.cos(zenith), 0.2), rtol=1e-5
    )
    np.testing.assert_array_equal(compute_cast_light(flat, sun(zenith, azimuth)), 1)


@pytest.mark.parametrize(("height_m", "zenith"), [(10.0, 0.8), (20.0, 1.0), (30.0, 1.1), (4.0, 0.5)])
def test_a_tree_line_throws_a_shadow_of_its_length_away_from_the_sun(height_m: float, zenith: float) -> None:
    trees = np.zeros((60, 60), dtype=np.float32)
    trees[:, 28:30] = height_m
    light = compute_cast_light(trees, sun(zenith, np.pi / 2))[12:-12]  # from the right
    lost = (1 - light).sum(axis=1)
    assert lost == pytest.approx(np.full(36, height_m * np.tan(zenith) / 10), rel=0.25, abs=0.15)
    np.testing.assert_array_equal(light[:, 28:48], 1)  # nothing on the side of the sun


def test_slopes_that_turn_away_are_dark() -> None:
    hill = np.abs(np.arange(40, dtype=np.float32) - 20)[None, :].repeat(40, axis=0) * -6
    light = compute_slope_light(hill, sun(1.0, np.pi / 2))  # from the right: right-hand slopes face it
    assert light[:, 25:35].min() > 1 > light[:, 5:15].max()
