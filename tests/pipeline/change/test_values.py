"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import pipeline.change.bodies
import pipeline.change.compare
import pipeline.change.compute_change
import pipeline.change.faces
import pipeline.change.pictures
import pipeline.change.plane
import pipeline.change.polygons
import pipeline.change.record
import pipeline.change.shift
import pipeline.change.shore_kinds
import pipeline.change.source
import pipeline.change.summary
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        pipeline.change.bodies,
        pipeline.change.compare,
        pipeline.change.compute_change,
        pipeline.change.faces,
        pipeline.change.pictures,
        pipeline.change.plane,
        pipeline.change.polygons,
        pipeline.change.record,
        pipeline.change.shift,
        pipeline.change.shore_kinds,
        pipeline.change.source,
        pipeline.change.summary,
    )
    assert breaches == []
