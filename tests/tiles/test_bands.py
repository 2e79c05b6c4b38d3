from __future__ import annotations

import pytest

from tiles.bands import BANDS, L2A_STACK, resolve_band, resolve_naming


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


@pytest.mark.parametrize(
    ("labels", "naming"),
    [
        (["band_1", "band_2", "band_3"], "counted"),
        (["Band 1", "Band 2", "Band 3", "Band 4"], "counted"),
        (["BAND-1", "band2"], "counted"),
        (["band_0", "band_1", "band_2"], "counted"),
        (["band_1"], "counted"),
        (["Band 1", "Band 2", "SCL"], "counted"),
        ([f"B{number}" for number in range(1, 13)], "counted"),
        ([f"b{number:02d}" for number in range(1, 14)], "counted"),
        (["B1", "B2", "B3", "B4"], "ambiguous"),
        (["b_1", "b_2"], "ambiguous"),
        ([f"B{number:02d}" for number in range(1, 11)], "ambiguous"),
        (["B01", "B02", "B03"], "names"),
        (["B2", "B3", "B4", "B8"], "names"),
        (["band_2", "band_3", "band_4"], "names"),
        (["nir", "Band 3", "SCL"], "names"),
        (["nir", "B2", "SCL"], "names"),
        ([f"B{number}" for number in (1, 2, 3, 4, 5, 6, 7, 8, "8A", 9, 11, 12)], "names"),
        (["Band 1", "Band 2", "Band 8A"], "names"),
        (["blue", "green", ""], "names"),
        (["", ""], "names"),
        ([], "names"),
    ],
)
def test_numbers_that_are_simply_places_name_no_band(labels: list[str], naming: str) -> None:
    assert resolve_naming(labels) == naming
