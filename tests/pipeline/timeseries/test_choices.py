"""What a time series does where nothing is said, and within which borders."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.timeseries.options import TimeseriesOptions
from tests.pipeline.choices import check_ranges
from tiles.errors import OptionError


def test_a_time_series_of_which_nothing_is_said() -> None:
    options = TimeseriesOptions()
    assert options.model_dump() == {
        "transects": None,
        "seaward_first": False,
        "reference": None,
        "spacing_m": 100.0,
        "landward_m": 200.0,
        "seaward_m": 200.0,
        "smooth_m": 100.0,
        "least_m": 500.0,
        "crossing": "nearest",
        "least_dates": 3,
        "confidence": 0.95,
        "outliers": "keep",
        "coregister": True,
        "registration_m": 2.0,
        "tides": None,
        "tide_model": None,
        "tide_folder": None,
        "beach_slope": None,
        "overwrite": False,
    }
    casting = TimeseriesOptions(spacing_m=1, landward_m=2, seaward_m=3, smooth_m=4, least_m=5).casting
    assert (casting.spacing_m, casting.landward_m, casting.seaward_m) == (1, 2, 3)
    assert (casting.smooth_m, casting.least_m) == (4, 5)


def test_borders_of_a_time_series() -> None:
    reach = ((0, 99_999.9), (-0.1, 100_000))
    check_ranges(
        TimeseriesOptions,
        {
            "spacing_m": ((0.1, 99_999.9), (0, 100_000)),
            "landward_m": reach,
            "seaward_m": reach,
            "smooth_m": reach,
            "least_m": reach,
            "least_dates": ((3,), (2,)),
            "confidence": ((0.5, 0.999), (0.49, 1.0)),
            "registration_m": ((0, 1000), (-0.1, 1000.1)),
        },
        OptionError,
    )
    check_ranges(TimeseriesOptions, {"beach_slope": ((0.001, 10), (0, 10.1))}, OptionError, tides=Path("tides.csv"))


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"transects": Path("a"), "reference": Path("b")}, "leave one out"),
        ({"tide_model": "FES2022"}, "its name and its folder"),
        ({"tide_folder": Path("tides")}, "its name and its folder"),
        ({"tides": Path("t.csv"), "tide_model": "FES2022", "tide_folder": Path("tides")}, "found both"),
        ({"beach_slope": 0.1}, "corrects for tides, found none"),
    ],
)
def test_choices_that_contradict_each_other_are_refused(choices: dict[str, object], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        TimeseriesOptions(**choices)


@pytest.mark.parametrize(
    ("choices", "has"),
    [({}, False), ({"tides": Path("t")}, True), ({"tide_model": "a", "tide_folder": Path("b")}, True)],
)
def test_tides_come_from_a_table_or_a_model(choices: dict[str, object], has: bool) -> None:
    assert TimeseriesOptions(**choices).has_tides == has
    if has:
        assert TimeseriesOptions(**choices, beach_slope=0.1).beach_slope == 0.1


def test_the_record_names_files_without_their_folders() -> None:
    options = TimeseriesOptions(transects=Path("/a/b/lines.gpkg"), tides=Path("/c/t.csv"), overwrite=True)
    parameters = options.result_parameters()
    assert (parameters["transects"], parameters["tides"], parameters["reference"]) == ("lines.gpkg", "t.csv", None)
    assert "overwrite" not in parameters
