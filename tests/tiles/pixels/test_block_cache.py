"""GDAL's cache is held to what decoding needs, unless the user says otherwise."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rasterio.env import get_gdal_config, set_gdal_config

from tiles.pixels.decoder import limit_block_cache


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    before = get_gdal_config("GDAL_CACHEMAX")
    set_gdal_config("GDAL_CACHEMAX", 500 * 2**20)
    yield
    set_gdal_config("GDAL_CACHEMAX", before)


def test_it_grows_with_the_files_that_are_decoded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GDAL_CACHEMAX", raising=False)
    limit_block_cache(2)
    assert get_gdal_config("GDAL_CACHEMAX") == 48 * 2**20  # bytes, not megabytes
    limit_block_cache(4)
    assert get_gdal_config("GDAL_CACHEMAX") == 64 * 2**20


def test_the_users_own_choice_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GDAL_CACHEMAX", "300")
    limit_block_cache(2)
    assert get_gdal_config("GDAL_CACHEMAX") == 500 * 2**20
