"""The values of cubes keep the house's rules."""

from __future__ import annotations

from pipeline.cubes import chunks, layout, radiometry, record, segment, statements
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    modules = (chunks, layout, radiometry, record, segment, statements)
    assert list_breaches(*modules, mutable=frozenset({"_Resolver"})) == []
