"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import tiles.simulate.product.acquisition
import tiles.simulate.product.layers
import tiles.simulate.product.manifest
import tiles.simulate.product.metadata
import tiles.simulate.product.pixels
import tiles.simulate.product.simulate
import tiles.simulate.product.swath
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        tiles.simulate.product.acquisition,
        tiles.simulate.product.layers,
        tiles.simulate.product.manifest,
        tiles.simulate.product.metadata,
        tiles.simulate.product.pixels,
        tiles.simulate.product.simulate,
        tiles.simulate.product.swath,
    )
    # Meant as they are.
    assert breaches == [
        "tiles.simulate.product.simulate.SceneSource compares arrays",
    ]
