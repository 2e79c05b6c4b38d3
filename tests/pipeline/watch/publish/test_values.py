"""The values of this room keep the house's rules: frozen, slotted, made by keyword."""

from __future__ import annotations

import pipeline.watch.publish.folder
import pipeline.watch.publish.publish
import pipeline.watch.publish.results
import pipeline.watch.publish.store
import pipeline.watch.publish.target
from tests.dataclass_rules import list_breaches


def test_values_are_frozen_slotted_and_made_by_keyword() -> None:
    breaches = list_breaches(
        pipeline.watch.publish.folder,
        pipeline.watch.publish.publish,
        pipeline.watch.publish.results,
        pipeline.watch.publish.store,
        pipeline.watch.publish.target,
    )
    assert breaches == []
