"""What the values of our rasters mean, as it is published with them."""

from __future__ import annotations

from pipeline.output.classes import (
    CLASS_COLOURS,
    CLASS_NAMES,
    LAND,
    MIDDLE_COLOUR,
    NODATA,
    OBSCURED,
    PROBABILITY_OFFSET,
    PROBABILITY_SCALE,
    WATER,
)


def test_values_and_colours_of_maps_are_those_that_were_published() -> None:
    assert (LAND, WATER, OBSCURED, NODATA) == (0, 1, 2, 255)
    assert dict(CLASS_NAMES) == {0: "land", 1: "water", 2: "obscured"}
    assert dict(CLASS_COLOURS) == {0: (222, 209, 170), 1: (45, 114, 178), 2: (190, 190, 190)}
    assert MIDDLE_COLOUR == (251, 250, 245)


def test_steps_of_probability_reach_from_nothing_to_all() -> None:
    assert PROBABILITY_OFFSET == PROBABILITY_SCALE / 2  # the middle of a step
    assert 249 * PROBABILITY_SCALE + PROBABILITY_OFFSET == 1 - PROBABILITY_OFFSET  # 250 steps, below 255
