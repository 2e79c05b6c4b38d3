"""Changes of a row, and its history."""

from __future__ import annotations

from typing import Any

from pipeline.watch.ledger.rows import add_history
from tests.pipeline.watch.ledger.ledger_places import NOON


def test_a_history_does_not_grow_for_ever() -> None:
    history: list[Any] = []
    for number in range(250):
        history = add_history(history, {"what": "skipped", "reason": number}, now=NOON)
    assert [event["reason"] for event in history] == [0, *range(151, 250)]
