"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import pipeline.bench.report
import pipeline.bench.values
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        pipeline.bench.report,
        pipeline.bench.values,
    )
    assert breaches == []
