"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import pipeline.batch.record
import pipeline.batch.sources
import pipeline.batch.summary
import pipeline.batch.units
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        pipeline.batch.record,
        pipeline.batch.sources,
        pipeline.batch.summary,
        pipeline.batch.units,
    )
    assert breaches == []
