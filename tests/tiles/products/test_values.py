"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import tiles.products.files
import tiles.products.headers
import tiles.products.name
import tiles.products.radiometry
import tiles.products.safe_xml
import tiles.products.stac_item
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        tiles.products.files,
        tiles.products.headers,
        tiles.products.name,
        tiles.products.radiometry,
        tiles.products.safe_xml,
        tiles.products.stac_item,
    )
    assert breaches == []
