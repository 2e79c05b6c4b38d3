"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import pipeline.trace.cells
import pipeline.trace.coastline
import pipeline.trace.ellipsoid
import pipeline.trace.line_samples
import pipeline.trace.ocean
import pipeline.trace.rings
import pipeline.trace.traced
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        pipeline.trace.cells,
        pipeline.trace.coastline,
        pipeline.trace.ellipsoid,
        pipeline.trace.line_samples,
        pipeline.trace.ocean,
        pipeline.trace.rings,
        pipeline.trace.traced,
    )
    # Meant as they are.
    assert breaches == [
        "pipeline.trace.ellipsoid.Ground takes names that it does not have",
        "pipeline.trace.ellipsoid.Ground is made by position",
    ]
