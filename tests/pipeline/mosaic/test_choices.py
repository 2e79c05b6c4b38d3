"""What a mosaic is where nothing is said, and within which borders."""

from __future__ import annotations

from pipeline.mosaic.build_mosaic import MosaicOptions
from tests.pipeline.choices import check_ranges
from tiles.errors import OptionError


def test_a_mosaic_of_which_nothing_is_said() -> None:
    assert MosaicOptions().model_dump() == {
        "grid": "mgrs",
        "statistic": "median",
        "dates": None,
        "min_area_m2": 0.0,
        "min_length_m": 0.0,
        "ocean": None,
        "only": frozenset(),
        "formats": ("gpkg",),
        "crs": None,
        "smooth_m": 0.0,
        "dissolve": False,
        "points_every_m": None,
        "overwrite": False,
    }


def test_borders_of_a_mosaic() -> None:
    check_ranges(
        MosaicOptions,
        {
            "min_area_m2": ((0, 1e9), (-0.001,)),
            "min_length_m": ((0, 1e9), (-0.001,)),
            "dates": (("2024", "2024-07/2024-09", None), ("2024-13", "..")),
            "only": (({"sea"}, set()), ({"inland"},)),
        },
        OptionError,
    )


def test_whether_a_result_is_replaced_does_not_change_it() -> None:
    assert MosaicOptions(overwrite=True).result_parameters() == MosaicOptions().result_parameters()
    assert MosaicOptions(formats=("shp",)).result_parameters()["formats"] == ["gpkg", "shp"]


def test_dates_count_as_days_and_only_where_they_are_said() -> None:
    assert "dates" not in MosaicOptions().result_parameters()
    asked = [MosaicOptions(dates=text).result_parameters() for text in ("2024", "2024-01/2024-12", "2024-07")]
    assert asked[0] == asked[1]
    assert asked[0] != asked[2]
