from __future__ import annotations

import pytest

from tiles.bands import BANDS, L2A_STACK, resolve_band


def test_band_ids_count_b10_and_the_stack_leaves_it_out() -> None:
    assert [BANDS[name].band_id for name in ("B08", "B8A", "B09", "B11", "B12")] == [7, 8, 9, 11, 12]
    assert L2A_STACK == ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("B8", "B08"),
        ("b08", "B08"),
        ("B8A", "B8A"),
        ("b08a", "B8A"),
        ("band_11", "B11"),
        ("Band 4", "B04"),
        ("B04_10m", "B04"),
        ("nir08", "B8A"),
        ("nir", "B08"),
        ("swir16", "B11"),
        ("coastal", "B01"),
        ("B13", None),
        ("SCL", None),
        ("", None),
        ("b", None),
    ],
)
def test_free_form_names(text: str, name: str | None) -> None:
    assert resolve_band(text) == name
