"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import tiles.bands
import tiles.grid
import tiles.indices
import tiles.mgrs
import tiles.scene
import tiles.tiling
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        tiles.bands,
        tiles.grid,
        tiles.indices,
        tiles.mgrs,
        tiles.scene,
        tiles.tiling,
    )
    # Meant as they are.
    assert breaches == [
        "tiles.grid.Window is made by position",
        "tiles.indices.WaterIndex compares arrays",
    ]
