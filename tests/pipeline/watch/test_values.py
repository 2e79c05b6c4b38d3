"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import pipeline.watch.compare
import pipeline.watch.run_round
import pipeline.watch.search
import pipeline.watch.status
import pipeline.watch.values
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        pipeline.watch.compare,
        pipeline.watch.run_round,
        pipeline.watch.search,
        pipeline.watch.status,
        pipeline.watch.values,
    )
    # Meant as they are.
    assert breaches == [
        "pipeline.watch.run_round._Tally can be changed",
        "pipeline.watch.values.Mapped can be changed",
    ]
