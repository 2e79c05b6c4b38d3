"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import tiles.pixels.reader
import tiles.pixels.resample
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        tiles.pixels.reader,
        tiles.pixels.resample,
    )
    # Meant as they are.
    assert breaches == [
        "tiles.pixels.reader.NativeRows is made by position",
        "tiles.pixels.reader.Strip is made by position",
        "tiles.pixels.resample._Run is made by position",
    ]
