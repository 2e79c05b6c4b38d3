"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import tiles.simulate.series.dates
import tiles.simulate.series.options
import tiles.simulate.series.shore
import tiles.simulate.series.simulate_series
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        tiles.simulate.series.dates,
        tiles.simulate.series.options,
        tiles.simulate.series.shore,
        tiles.simulate.series.simulate_series,
    )
    assert breaches == []
