"""What a comparison does where nothing is said, and within which borders."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.change.options import ChangeError, ChangeOptions
from tests.pipeline.choices import check_ranges
from tiles.errors import OptionError


def test_a_comparison_of_which_nothing_is_said() -> None:
    assert ChangeOptions().model_dump() == {
        "factor": 2.0,
        "coregister": True,
        "registration_m": 2.0,
        "max_shift_m": 200.0,
        "spacing_m": 10.0,
        "smooth_m": 50.0,
        "min_length_m": 50.0,
        "aspect": 3.0,
        "clear_margin_px": 2,
        "min_area_m2": 0.0,
        "line_sigma_m": 10.0,
        "unsure_m": 8.0,
        "inland": False,
        "alert_m": None,
        "alert_area_m2": None,
        "alert_bodies": False,
        "tides": None,
        "tide_model": None,
        "tide_folder": None,
        "crs": None,
        "overwrite": False,
    }


def test_borders_of_a_comparison() -> None:
    check_ranges(
        ChangeOptions,
        {
            "factor": ((0, 100), (-0.1, 100.1)),
            "registration_m": ((0, 1000), (-0.1, 1000.1)),
            "max_shift_m": ((1, 2000), (0.9, 2000.1)),
            "spacing_m": ((1, 1000), (0.9, 1000.1)),
            "smooth_m": ((0, 2000), (-0.1, 2000.1)),
            "min_length_m": ((0, 1e6), (-0.1, 1e6 + 0.1)),
            "aspect": ((0, 1000), (-0.1, 1000.1)),
            "clear_margin_px": ((0, 50), (-1, 51)),
            "min_area_m2": ((0, 1e12), (-0.1, 1e12 + 0.1)),
            "line_sigma_m": ((0, 1000), (-0.1, 1000.1)),
            "unsure_m": ((0, 1000), (-0.1, 1000.1)),
            "alert_m": ((0, 1e5), (-0.1, 1e5 + 0.1)),
            "alert_area_m2": ((0, 1e12), (-0.1, 1e12 + 0.1)),
        },
        OptionError,
    )


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"tide_model": "FES2022"}, "its name and its folder"),
        ({"tide_folder": Path("tides")}, "its name and its folder"),
        ({"tides": Path("t.csv"), "tide_model": "FES2022", "tide_folder": Path("tides")}, "found both"),
    ],
)
def test_heights_of_the_tide_come_from_one_place(choices: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        ChangeOptions(**choices)
    with pytest.raises(OptionError, match="needs its folder"):
        ChangeOptions().require_folder()
    whole = ChangeOptions(tide_model="FES2022", tide_folder=Path("tides"))
    assert (whole.require_folder(), ChangeOptions(tides=Path("t.csv")).tide_folder) == (Path("tides"), None)


def test_whether_a_result_is_replaced_does_not_change_it() -> None:
    assert ChangeOptions(overwrite=True).result_parameters() == ChangeOptions().result_parameters()
    assert ChangeOptions(factor=3).result_parameters() != ChangeOptions().result_parameters()
    assert ChangeError.exit_code == 2
