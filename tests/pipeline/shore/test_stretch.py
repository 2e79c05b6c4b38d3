"""Stretching around a threshold, and back."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.shore.stretch import centre_probability, spread_share

VALUES = np.append(np.linspace(0, 1, 501), np.nan).astype(np.float32)


@given(threshold=st.floats(0.01, 0.99))
def test_no_pixel_changes_sides_and_back_is_back(threshold: float) -> None:
    centred = centre_probability(VALUES, threshold)
    np.testing.assert_array_equal(centred >= 0.5, np.float32(threshold) <= VALUES)
    assert np.isnan(centred[-1])
    np.testing.assert_allclose(spread_share(centred, threshold), VALUES, atol=2e-6)
    np.testing.assert_array_equal(spread_share(centred, threshold) >= np.float32(threshold), centred >= 0.5)


def test_the_ends_stay() -> None:
    values, centred = (np.array(row, np.float32) for row in ((0, 0.2, 0.6, 1), (0, 0.5, 0.75, 1)))
    np.testing.assert_allclose(centre_probability(values, 0.2), centred, atol=1e-7)
    np.testing.assert_allclose(spread_share(centred, 0.2), values, atol=1e-7)
