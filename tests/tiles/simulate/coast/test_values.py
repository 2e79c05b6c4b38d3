"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import tiles.simulate.coast.items
import tiles.simulate.coast.simulate_coast
import tiles.simulate.coast.tiles
import tiles.simulate.coast.view
import tiles.simulate.coast.writer
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        tiles.simulate.coast.items,
        tiles.simulate.coast.simulate_coast,
        tiles.simulate.coast.tiles,
        tiles.simulate.coast.view,
        tiles.simulate.coast.writer,
    )
    assert breaches == []
