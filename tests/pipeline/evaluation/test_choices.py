"""How a model is measured where nothing is said, and within which borders."""

from __future__ import annotations

from pipeline.evaluation.evaluate import EvaluationOptions
from tests.pipeline.choices import check_ranges
from tiles.errors import OptionError


def test_a_measurement_of_which_nothing_is_said() -> None:
    assert EvaluationOptions().model_dump() == {
        "tile_size": 384,
        "resamples": 500,
        "pictures": 24,
        "places": "all",
        "held_out": 0.15,
        "split_seed": 0,
        "device": "auto",
        "precision": "auto",
    }


def test_borders_of_a_measurement() -> None:
    check_ranges(
        EvaluationOptions,
        {"tile_size": ((32,), (31,)), "resamples": ((2,), (1,)), "pictures": ((0,), (-1,))},
        OptionError,
    )
