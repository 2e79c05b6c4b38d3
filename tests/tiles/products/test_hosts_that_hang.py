"""A host that takes a question and never answers must not hold a reader for ever."""

from __future__ import annotations

import socket
import time

import pytest

from tiles.errors import RasterReadError
from tiles.products.headers import open_quietly, resolve_gdal_path


def test_a_host_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GDAL_HTTP_LOW_SPEED_TIME", "1")
    monkeypatch.setattr("tiles.remote._ASK_S", 0.5)
    monkeypatch.delenv("GDAL_HTTP_LOW_SPEED_LIMIT", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as server:  # the system takes calls that nobody answers
        path = resolve_gdal_path(f"http://127.0.0.1:{server.getsockname()[1]}/B03.tif")
        began = time.monotonic()
        with pytest.raises(RasterReadError), open_quietly(path):
            pass
    assert time.monotonic() - began < 60
