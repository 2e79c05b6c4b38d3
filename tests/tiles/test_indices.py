from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tiles.bands import L2A_STACK
from tiles.errors import BandError
from tiles.indices import INDICES, IndexHistogram, compute_index, compute_otsu_threshold

REFLECTANCE = arrays(np.float32, (12, 3, 4), elements=st.floats(-0.0625, 1.25, width=32))


def make_stack(**bands: float) -> np.ndarray:
    stack = np.full((12, 2, 2), np.nan, np.float32)
    for name, value in bands.items():
        stack[L2A_STACK.index(name)] = value
    return stack


def test_the_formulas_by_hand() -> None:
    stack = make_stack(B02=0.1, B03=0.08, B08=0.02, B11=0.01, B12=0.005)
    wanted = {
        "NDWI": (0.08 - 0.02) / (0.08 + 0.02),
        "MNDWI": (0.08 - 0.01) / (0.08 + 0.01),
        "AWEI_nsh": 4 * (0.08 - 0.01) - (0.25 * 0.02 + 2.75 * 0.005),
        "AWEI_sh": 0.1 + 2.5 * 0.08 - 1.5 * (0.02 + 0.01) - 0.25 * 0.005,
    }
    assert wanted.keys() == INDICES.keys()
    for name, value in wanted.items():
        index = compute_index(name, stack)
        assert index is not None
        np.testing.assert_allclose(index, value, rtol=1e-5)


@given(REFLECTANCE)
def test_an_index_is_finite_and_within_its_range_over_any_surface(stack: np.ndarray) -> None:
    for name in ("NDWI", "MNDWI"):
        index = compute_index(name, stack)
        assert index is not None
        assert np.abs(index).max() <= 1
        assert index.dtype == np.float32


@given(REFLECTANCE, st.floats(0.25, 3.0, width=32))
def test_an_index_has_the_sign_of_its_difference_however_bright_it_is(stack: np.ndarray, gain: float) -> None:
    green, nir = stack[L2A_STACK.index("B03")], stack[L2A_STACK.index("B08")]
    index = compute_index("NDWI", stack * np.float32(gain))
    assert index is not None
    clear = np.abs(green - nir) > 1e-6
    np.testing.assert_array_equal((index > 0)[clear], (green > nir)[clear])


def test_what_is_absent_is_not_guessed_but_b8a_stands_in_for_b08() -> None:
    assert compute_index("MNDWI", make_stack(B03=0.1, B08=0.2)) is None
    assert compute_index("NDWI", make_stack(B03=0.1)) is None
    with_b8a = compute_index("NDWI", make_stack(B03=0.1, B8A=0.3))
    assert with_b8a is not None
    np.testing.assert_allclose(with_b8a, -0.5, rtol=1e-5)
    with pytest.raises(BandError, match="NDWI"):
        compute_index("NDVI", make_stack(B03=0.1))


@given(st.floats(-0.8, -0.2), st.floats(0.2, 0.8), st.integers(0, 100))
def test_otsu_parts_two_heaps_between_them(low: float, high: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.concatenate((rng.normal(low, 0.03, 500), rng.normal(high, 0.03, 300)))
    histogram = IndexHistogram(INDICES["NDWI"])
    for part in np.array_split(values, 5):
        histogram.add(part)
    assert low + 0.05 < histogram.threshold < high - 0.05
    np.testing.assert_array_equal((values > histogram.threshold), np.arange(800) >= 500)


def test_otsu_is_the_split_with_the_greatest_variance_between_classes() -> None:
    rng = np.random.default_rng(4)
    counts = rng.integers(0, 50, 40)
    edges = np.linspace(-1, 1, 41)
    centres = (edges[:-1] + edges[1:]) / 2
    between = []
    for cut in range(1, 40):
        low, high = counts[:cut], counts[cut:]
        means = [np.average(c, weights=n) for c, n in ((centres[:cut], low), (centres[cut:], high))]
        between.append(low.sum() * high.sum() * (means[0] - means[1]) ** 2)
    assert compute_otsu_threshold(counts, edges) == pytest.approx(edges[1 + int(np.argmax(between))])


def test_a_scene_of_one_kind_has_the_threshold_zero() -> None:
    histogram = IndexHistogram(INDICES["AWEI_sh"])
    assert histogram.threshold == 0
    histogram.add(np.full(9, 0.3))
    histogram.add(np.array([np.nan]))
    assert histogram.threshold == 0
    assert histogram.counts.sum() == 9
