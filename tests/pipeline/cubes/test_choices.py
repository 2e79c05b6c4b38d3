"""What is done with a cube where nothing is said, and within which borders."""

from __future__ import annotations

from pipeline.cubes.segment import CubeOptions
from tests.pipeline.choices import check_ranges
from tiles.errors import OptionError


def test_a_cube_of_which_nothing_is_said() -> None:
    assert CubeOptions().model_dump() == {
        "device": "auto",
        "precision": "fp32",
        "tile_size": 512,
        "cloud_classes": frozenset({3, 8, 9, 10}),
        "cloud_buffer_m": 60.0,
        "threshold": 0.5,
        "any_platform": False,
    }


def test_borders_of_a_cube() -> None:
    check_ranges(
        CubeOptions,
        {
            "tile_size": ((32, 16384), (31, 16385)),
            "cloud_buffer_m": ((0, 5000), (-0.001, 5001)),
            "threshold": ((0.001, 0.999), (0, 1)),
            "cloud_classes": ((frozenset(), frozenset({0, 11})), (frozenset({-1}), frozenset({3, 12}))),
        },
        OptionError,
    )
