"""Bounds of what the ledger is told: names, lines, waits, leases."""

from __future__ import annotations

import pytest

from pipeline.errors import OptionError
from tests.pipeline.watch.ledger.ledger_places import sight


@pytest.mark.parametrize("name", ["", "two\nlines", "nul\0", "x" * 500])
def test_a_sighting_needs_a_name(name: str) -> None:
    with pytest.raises(OptionError, match="Expected a name of one line"):
        sight(name)
