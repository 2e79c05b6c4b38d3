"""An object store for all tests that bring results to one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.conftest import skip_without

if TYPE_CHECKING:
    from tests.pipeline.publish.store_server import StoreServer


@pytest.fixture(scope="session")
def store_server() -> Iterator[StoreServer]:
    try:
        import moto  # noqa: F401
        import s3fs  # noqa: F401
    except ImportError:
        skip_without("moto and s3fs")
    from tests.pipeline.publish.store_server import run_store_server

    with run_store_server() as server:
        yield server


@pytest.fixture
def bucket(store_server: StoreServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[StoreServer]:
    """The store, sound again, with this process as its client; scratch folders lie in ``scratch``."""
    import s3fs

    from tests.pipeline.publish.store_server import KEY, SECRET

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", store_server.url)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("STRANDLINE_SCRATCH", str(tmp_path / "scratch"))
    monkeypatch.setattr(s3fs.S3FileSystem, "retries", 1)
    monkeypatch.setattr("pipeline.publish.transfer._PAUSES_S", (0.0, 0.0, 0.0))
    store_server.heal()
    yield store_server
    store_server.heal()
