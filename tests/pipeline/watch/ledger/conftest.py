"""A ledger for tests of what no database decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.watch.ledger.ledger import Ledger
from tests.pipeline.watch.ledger.ledger_places import Clock, open_at


@pytest.fixture
def local(tmp_path: Path, clock: Clock) -> Ledger:
    """An empty ledger in a file; much faster than ``ledger``, which is also one in PostgreSQL."""
    return open_at(str(tmp_path / "local.db"), clock)
