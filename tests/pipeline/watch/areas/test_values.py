"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import pipeline.watch.areas.check
import pipeline.watch.areas.schedule
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        pipeline.watch.areas.check,
        pipeline.watch.areas.schedule,
    )
    # Meant as they are.
    assert breaches == [
        "pipeline.watch.areas.schedule.Schedule is made by position",
    ]
