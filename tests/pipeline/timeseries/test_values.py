"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import pipeline.timeseries.compute_timeseries
import pipeline.timeseries.crossings
import pipeline.timeseries.rates
import pipeline.timeseries.record
import pipeline.timeseries.series
import pipeline.timeseries.transects
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        pipeline.timeseries.compute_timeseries,
        pipeline.timeseries.crossings,
        pipeline.timeseries.rates,
        pipeline.timeseries.record,
        pipeline.timeseries.series,
        pipeline.timeseries.transects,
    )
    assert breaches == []
