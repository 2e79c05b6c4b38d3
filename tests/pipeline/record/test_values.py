"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import pipeline.record.assets
import pipeline.record.catalogue
import pipeline.record.item
import pipeline.record.mapped_scene
import pipeline.record.result
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        pipeline.record.assets,
        pipeline.record.catalogue,
        pipeline.record.item,
        pipeline.record.mapped_scene,
        pipeline.record.result,
    )
    # Meant as they are.
    assert breaches == [
        "pipeline.record.assets._Kind is made by position",
    ]
