"""Fixtures for all rooms."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import settings

from tests.dataclass_rules import EXCEPTIONS, list_breaches, list_loaded

# These machines are noisy, so no example has a deadline; CI tries the same examples for everybody.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("STRANDLINE_REQUIRE_PARTS") else "here")

# What is fastest on this machine is measured anew for the tests, and their small models leave nothing with the user.
# Workers of a run with several are started after this one has set its own, and are told the user's.
USERS_CACHE = os.environ.setdefault("STRANDLINE_USERS_CACHE", os.environ.get("XDG_CACHE_HOME", ""))
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="strandline-cache-")
atexit.register(shutil.rmtree, os.environ["XDG_CACHE_HOME"], ignore_errors=True)

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_finish() -> None:
    """What imports left is no garbage: Python looked through it for cycles again and again, 6% of the tests' time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def skip_without(part: str) -> NoReturn:
    """A test whose part (QGIS, ogrinfo …) is missing skips, saying so; in CI, which installs all parts, it fails."""
    if os.environ.get("STRANDLINE_REQUIRE_PARTS"):
        pytest.fail(f"{part} is not installed, and here it must be")
    pytest.skip(f"{part} is not installed")


@pytest.fixture(scope="session", autouse=True)
def values_keep_the_rules() -> Iterator[None]:
    """Values of all modules that these tests import keep the house's rules, or break those that they are known to."""
    yield
    loaded = list_loaded()
    names = tuple(f"{module.__name__}." for module in loaded)
    known = {breach for breach in EXCEPTIONS if breach.split(" ")[0].rpartition(".")[0] + "." in names}
    assert set(list_breaches(*loaded)) == known


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real Sentinel-2 scenes; tests that need it skip where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the real scenes (../shared/data) are not here")
    return SHARED


@pytest.fixture(scope="session")
def ogrinfo() -> str:
    """GDAL's own ogrinfo."""
    return shutil.which("ogrinfo") or skip_without("ogrinfo (gdal-bin)")


@pytest.fixture(scope="session")
def qgis_python() -> str:
    """A Python that can import QGIS: the system's, with Debian's python3-qgis."""
    python = "/usr/bin/python3"
    asked = subprocess.run([python, "-c", "import qgis.core"], check=False, capture_output=True)
    return python if asked.returncode == 0 else skip_without("QGIS (python3-qgis)")


@pytest.fixture(scope="session")
def chromium() -> str:
    """Debian's Chromium."""
    return shutil.which("chromium") or skip_without("chromium")
