"""What a mosaic is where nothing is said, and within which borders."""

from __future__ import annotations

from pipeline.mosaic.build_mosaic import MosaicOptions
from tests.pipeline.choices import check_ranges
from tiles.errors import OptionError


def test_a_mosaic_of_which_nothing_is_said() -> None:
    assert MosaicOptions().model_dump() == {
        "grid": "mgrs",
        "statistic": "median",
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
            "only": (({"sea"}, set()), ({"inland"},)),
        },
        OptionError,
    )


def test_whether_a_result_is_replaced_does_not_change_it() -> None:
    assert MosaicOptions(overwrite=True).result_parameters() == MosaicOptions().result_parameters()
    assert MosaicOptions(formats=("shp",)).result_parameters()["formats"] == ["gpkg", "shp"]
