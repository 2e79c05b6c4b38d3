"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import pipeline.mapping.info
import pipeline.mapping.map_scene
import pipeline.mapping.plan_scene
import pipeline.mapping.preview
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        pipeline.mapping.info,
        pipeline.mapping.map_scene,
        pipeline.mapping.plan_scene,
        pipeline.mapping.preview,
    )
    # Meant as they are.
    assert breaches == [
        "pipeline.mapping.preview._Layout is made by position",
    ]
