"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import pipeline.predict.area
import pipeline.predict.device_input
import pipeline.predict.device_lanes
import pipeline.predict.device_pool
import pipeline.predict.quicklook
import pipeline.predict.row
import pipeline.predict.tile
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        pipeline.predict.area,
        pipeline.predict.device_input,
        pipeline.predict.device_lanes,
        pipeline.predict.device_pool,
        pipeline.predict.quicklook,
        pipeline.predict.row,
        pipeline.predict.tile,
    )
    assert breaches == []
