"""Fixtures of the ledger's tests, each for SQLite and for PostgreSQL."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pipeline.watch.ledger.ledger import Ledger
    from tests.pipeline.watch.ledger.ledger_places import Clock
    from tests.pipeline.watch.ledger.postgres_server import PostgresServer


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries to reach a store follow each other at once."""
    if "pipeline.publish.transfer" in sys.modules:
        monkeypatch.setattr("pipeline.publish.transfer._PAUSES_S", (0.0, 0.0, 0.0))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server for all tests."""
    from tests.pipeline.watch.ledger.postgres_server import run_postgres

    with run_postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Path or address of a ledger that is not there yet."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.db")
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.empty_database()


@pytest.fixture
def clock() -> Clock:
    """Stands at noon of 1 June 2024."""
    from tests.pipeline.watch.ledger.ledger_places import Clock

    return Clock()


@pytest.fixture
def ledger(place: str, clock: Clock) -> Ledger:
    """An empty ledger."""
    from tests.pipeline.watch.ledger.ledger_places import open_at

    return open_at(place, clock)
