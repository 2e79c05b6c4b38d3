"""The values of the search keep the house's rules."""

from __future__ import annotations

from pipeline.search import area, dates, documents, duplicates, hosts, plan, search_scenes
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    modules = (area, dates, documents, duplicates, hosts, plan, search_scenes)
    assert list_breaches(*modules, mutable=frozenset({"_Sieve"})) == []
