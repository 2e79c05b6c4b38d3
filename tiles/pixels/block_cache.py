"""Keep GDAL's cache of blocks small: every block is decoded once here, so that keeping it serves nobody.

By itself GDAL takes a twentieth of the machine's memory for it, which would make peak memory depend on the machine.
"""

from __future__ import annotations

import os

from rasterio.env import set_gdal_config

__all__ = ["limit_block_cache"]

_LEAST_BYTES = 64 * 2**20
_BYTES_A_FILE = 32 * 2**20
"""A row of blocks of a 10 m band, 23 MB: GDAL decodes a row in parallel only if the cache can hold it."""


def limit_block_cache(files: int) -> None:
    """Set the size of GDAL's cache, which all threads share; the user's own ``GDAL_CACHEMAX`` stands.

    Args:
        files: How many are decoded at once.
    """
    if "GDAL_CACHEMAX" not in os.environ:
        set_gdal_config("GDAL_CACHEMAX", _LEAST_BYTES + files * _BYTES_A_FILE)
