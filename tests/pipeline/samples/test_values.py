"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import pipeline.samples.augmentation
import pipeline.samples.band_dropout
import pipeline.samples.chips
import pipeline.samples.simulated
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        pipeline.samples.augmentation,
        pipeline.samples.band_dropout,
        pipeline.samples.chips,
        pipeline.samples.simulated,
    )
    assert breaches == []
