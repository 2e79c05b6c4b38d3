"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import pipeline.evaluation.answers
import pipeline.evaluation.evaluate
import pipeline.evaluation.map_accuracy
import pipeline.evaluation.permutation
import pipeline.evaluation.shoreline_error
import pipeline.evaluation.tile_gallery
import pipeline.evaluation.tile_pictures
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        pipeline.evaluation.answers,
        pipeline.evaluation.evaluate,
        pipeline.evaluation.map_accuracy,
        pipeline.evaluation.permutation,
        pipeline.evaluation.shoreline_error,
        pipeline.evaluation.tile_gallery,
        pipeline.evaluation.tile_pictures,
    )
    # Meant as they are.
    assert breaches == [
        "pipeline.evaluation.evaluate._Study can be changed",
        "pipeline.evaluation.tile_gallery.TileGallery can be changed",
    ]
