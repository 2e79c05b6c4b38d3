from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tiles.simulate.world.noise import Fractal, compute_hash, compute_noise, compute_uniform

OFFSETS = st.integers(-20_000, 20_000)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), row=OFFSETS, col=OFFSETS, height=st.integers(1, 60), width=st.integers(1, 60))
def test_a_window_of_noise_is_a_crop_of_a_larger_one_to_the_last_bit(
    seed: int, row: int, col: int, height: int, width: int
) -> None:
    fractal = Fractal.build(seed, finest_px=4, coarsest_px=512, hurst=0.9, amplitude=900.0)
    rows, cols = np.arange(row - 7, row + height + 31) / 1.0, np.arange(col - 3, col + width + 90) / 1.0
    whole = compute_noise(fractal, rows, cols)
    part = compute_noise(fractal, rows[7 : 7 + height], cols[3 : 3 + width])
    np.testing.assert_array_equal(part, whole[7 : 7 + height, 3 : 3 + width])


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_noise_has_the_deviation_that_was_asked_for(seed: int) -> None:
    fractal = Fractal.build(seed, finest_px=2, coarsest_px=8, hurst=0.6, amplitude=5.0)
    values = compute_noise(fractal, np.arange(400.0), np.arange(400.0))
    assert abs(values.mean()) < 0.7
    assert 4.3 < values.std() < 5.7


def test_octaves_grow_with_their_spacing() -> None:
    fractal = Fractal.build_rooted(1, finest_px=4, coarsest_px=100, hurst=1.0, finest=3.0)
    assert fractal.spacings_px == (4, 8, 16, 32, 64)
    np.testing.assert_allclose(fractal.amplitudes, (3, 6, 12, 24, 48))


def test_noise_is_smooth_between_its_lattice_points() -> None:
    fractal = Fractal.build(3, finest_px=16, coarsest_px=16, hurst=1.0)
    values = compute_noise(fractal, np.arange(0, 200, 0.25), np.arange(0, 40, 0.25))
    assert np.abs(np.diff(values, n=2, axis=0)).max() < 4e-3


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(-(2**40), 2**40), row=OFFSETS, col=OFFSETS)
def test_hashes_depend_on_each_of_seed_row_and_column(seed: int, row: int, col: int) -> None:
    rows, cols = np.arange(row, row + 64)[:, None], np.arange(col, col + 64)[None, :]
    words = compute_hash(seed, rows, cols)
    assert len(np.unique(words)) > 64 * 64 - 12  # collisions of 32 bits are rare, lines of them are a bug
    assert (words == compute_hash(seed + 1, rows, cols)).mean() < 0.01
    uniform = compute_uniform(seed, rows, cols)
    assert 0 <= uniform.min() <= uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.03
