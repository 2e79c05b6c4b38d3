"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import pipeline.ablation.ablate
import pipeline.ablation.fit
import pipeline.ablation.report
import pipeline.ablation.tiles
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        pipeline.ablation.ablate,
        pipeline.ablation.fit,
        pipeline.ablation.report,
        pipeline.ablation.tiles,
    )
    assert breaches == []
