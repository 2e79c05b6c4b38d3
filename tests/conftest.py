"""Fixtures for all rooms."""

from __future__ import annotations

from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real Sentinel-2 scenes; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the real scenes (../shared/data) are not here")
    return SHARED
