"""Choices that change the result are in its fingerprint; those that do not are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.checksums import compute_basis
from pipeline.mapping.options import MapOptions
from tests.pipeline.choices import check_ranges
from tiles.errors import OptionError


def fingerprint(**choices: object) -> str:
    parameters = MapOptions(**choices).result_parameters()
    return compute_basis("map", inputs={"a": "0" * 64}, choices=parameters).fingerprint


@pytest.mark.parametrize("choice", [{"tile_size": 300}, {"device": "cpu"}, {"overwrite": True}, {"formats": ("gpkg",)}])
def test_what_does_not_change_the_result(choice: dict[str, object]) -> None:
    assert fingerprint(**choice) == fingerprint()


@pytest.mark.parametrize(
    "choice",
    [
        {"threshold": 0.4},
        {"aoi": "0,0,1,1"},
        {"cloud_classes": frozenset()},
        {"cloud_buffer_m": 0},
        {"mask": "m.tif", "mask_classes": {1}},
        {"doubtful": "keep"},
        {"min_area_m2": 5.0},
        {"min_length_m": 5.0},
        {"simplify_m": 1.0},
        {"formats": ("fgb",)},
        {"only": {"sea"}},
        {"tides": Path("heights.csv")},
        {"tide_model": "EOT20", "tide_folder": Path("here")},
    ],
)
def test_what_changes_the_result(choice: dict[str, object]) -> None:
    assert fingerprint(**choice) != fingerprint()


def test_a_file_counts_by_what_is_in_it(tmp_path: Path) -> None:
    area = tmp_path / "area.geojson"
    area.write_text("one")
    first = fingerprint(aoi=str(area))
    area.write_text("two")
    assert fingerprint(aoi=str(area)) != first


@pytest.mark.parametrize(
    "wrong", [{"threshold": 1.0}, {"tile_size": 3}, {"cloud_classes": {12}}, {"device": "tpu"}, {"treshold": 0.5}]
)
def test_impossible_choices_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(OptionError):
        MapOptions(**wrong)


def test_a_map_of_which_nothing_is_said() -> None:
    assert MapOptions().model_dump() == {
        "tides": None,
        "tide_model": None,
        "tide_folder": None,
        "model": "strandline-small",
        "device": "auto",
        "precision": "auto",
        "runtime": "auto",
        "decoder": "gdal",
        "threads": 0,
        "tile_size": None,
        "aoi": None,
        "cloud_classes": frozenset({3, 8, 9, 10}),
        "mask": None,
        "mask_classes": frozenset(),
        "cloud_buffer_m": 60.0,
        "doubtful": "hide",
        "threshold": 0.5,
        "min_area_m2": 0.0,
        "min_length_m": 0.0,
        "simplify_m": 0.0,
        "ocean": None,
        "only": frozenset(),
        "formats": ("gpkg",),
        "crs": None,
        "smooth_m": 0.0,
        "dissolve": False,
        "points_every_m": None,
        "overwrite": False,
    }


def test_borders_of_a_map() -> None:
    check_ranges(
        MapOptions,
        {
            "threads": ((0, 99), (-1,)),
            "tile_size": ((32, 16384, None), (31, 16385)),
            "threshold": ((0.001, 0.999), (0, 1)),
            "min_length_m": ((0, 1e9), (-0.001,)),
            "min_area_m2": ((0, 1e9), (-0.001,)),
            "simplify_m": ((0, 1e9), (-0.001,)),
            "only": ((set(), {"sea", "river", "lake", "open"}), ({"inland"}, {"sea", "ocean"})),
            "cloud_buffer_m": ((0, 5000), (-0.001, 5001)),
            "cloud_classes": ((frozenset(), frozenset({0, 11})), (frozenset({-1}), frozenset({3, 12}))),
        },
        OptionError,
    )


def test_a_mask_and_its_classes_come_together() -> None:
    for alone in ({"mask": "m.tif"}, {"mask_classes": {1}}):
        with pytest.raises(OptionError, match="--mask-classes together"):
            MapOptions(**alone)
    both = MapOptions(mask="m.tif", mask_classes=frozenset({1, 40}))
    assert both.obscured_classes == {1, 40}
    assert MapOptions().obscured_classes == MapOptions().cloud_classes
