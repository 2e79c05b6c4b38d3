"""What is in hand is held for as long as the work lasts, also through a database that is away for a moment."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from pipeline.watch.ledger.ledger import Ledger, open_ledger
from tests.pipeline.watch.ledger.ledger_places import HERE, sight

PATIENCE_S = 60.0


def wait_for_renewal(ledger: Ledger) -> None:
    deadline = time.monotonic() + PATIENCE_S
    first = ledger.rows()[0].lease_until
    while ledger.rows()[0].lease_until == first:
        assert time.monotonic() < deadline, "waited in vain"


def test_a_lease_is_renewed_while_the_work_lasts(place: str) -> None:
    ledger = open_ledger(place, lease_s=0.15)
    ledger.record("coast", [sight()])
    ledger.claim("coast", limit=1, holder=HERE)
    with ledger.keep_renewed(HERE):
        wait_for_renewal(ledger)
    assert "strandline-lease" not in {thread.name for thread in threading.enumerate()}


def test_a_database_that_is_away_is_asked_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "ledger.db"
    ledger = open_ledger(path, lease_s=0.15)
    ledger.record("coast", [sight()])
    ledger.claim("coast", limit=1, holder=HERE)
    with ledger.keep_renewed(HERE):
        aside = path.rename(tmp_path / "aside")
        deadline = time.monotonic() + PATIENCE_S
        while "could not be written" not in caplog.text:
            assert time.monotonic() < deadline, "waited in vain"
        aside.rename(path)
        wait_for_renewal(ledger)
