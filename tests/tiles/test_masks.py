"""Missing or not is decided on the DN; cloud by the classes that the user chose."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tiles.errors import SceneError
from tiles.masks import CLOUD_CLASSES, compute_band_validity, parse_cloud_classes, parse_mask_classes


@given(hnp.arrays(np.uint16, (5, 7)), st.integers(0, 65535))
def test_only_the_marker_is_missing(dn: np.ndarray, nodata: int) -> None:
    valid = compute_band_validity(dn, nodata)
    expected = dn != nodata
    assert (valid is None) == expected.all()
    if valid is not None:
        np.testing.assert_array_equal(valid, expected)


@given(hnp.arrays(np.float32, (4, 4), elements=st.floats(width=32, allow_nan=True, allow_infinity=True)))
def test_nan_and_infinity_are_always_missing(dn: np.ndarray) -> None:
    valid = compute_band_validity(dn, None)
    expected = np.isfinite(dn)
    assert expected.all() if valid is None else np.array_equal(valid, expected)


def test_a_marker_of_nan_needs_no_equality() -> None:
    valid = compute_band_validity(np.array([1.0, np.nan], np.float32), float("nan"))
    assert valid is not None
    assert valid.tolist() == [True, False]


@given(st.sets(st.integers(0, 11)))
def test_classes_survive_writing_and_reading(classes: set[int]) -> None:
    assert parse_cloud_classes(",".join(map(str, classes)) or "none") == classes


@pytest.mark.parametrize("text", ["12", "3,x", "cloud", "3;8", "-1", "3,,8"])
def test_what_is_no_class_is_one_line(text: str) -> None:
    with pytest.raises(SceneError, match="3,8,9,10") as caught:
        parse_cloud_classes(text)
    assert "\n" not in str(caught.value)


def test_cloud_and_shadow_hide_by_default() -> None:
    assert parse_cloud_classes("3, 8, 9, 10") == CLOUD_CLASSES


def test_values_of_a_mask_are_whole_numbers() -> None:
    assert parse_mask_classes("1, 2,40") == {1, 2, 40}
    assert parse_mask_classes(None) == frozenset()
    for text in ("1-3", "cloud", "1,,2", "-1", "0.5"):
        with pytest.raises(SceneError, match="as whole numbers, such as 1,2,3"):
            parse_mask_classes(text)
