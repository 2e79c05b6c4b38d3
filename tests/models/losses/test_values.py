"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import models.losses.water
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(models.losses.water)
    assert breaches == []
