"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import pipeline.evaluation.report.charts
import pipeline.evaluation.report.page
import pipeline.evaluation.report.tables
import pipeline.evaluation.report.words
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        pipeline.evaluation.report.charts,
        pipeline.evaluation.report.page,
        pipeline.evaluation.report.tables,
        pipeline.evaluation.report.words,
    )
    assert breaches == []
