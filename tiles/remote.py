"""Rasters on hosts: how long GDAL waits for one, how often it asks again, and what it does not ask for."""

from __future__ import annotations

import os

import rasterio

__all__ = ["is_remote", "limit_listing", "limit_patience"]

_PATIENCE = {
    "GDAL_HTTP_CONNECTTIMEOUT": "30",
    "GDAL_HTTP_LOW_SPEED_LIMIT": "1000",
    "GDAL_HTTP_LOW_SPEED_TIME": "30",
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_RETRY_DELAY": "1",
}
"""Of GDAL with hosts, which by itself waits for ever: seconds, bytes a second, tries. The environment comes first.

Source: GDAL, "Configuration options", networking.
"""


def is_remote(path: str) -> bool:
    """Whether what GDAL opens lies on a host.

    Args:
        path: What GDAL opens.
    """
    return path.startswith(("/vsicurl", "/vsis3", "/vsiaz", "/vsigs"))


def limit_listing(path: str) -> rasterio.Env:
    """The environment in which GDAL opens a raster: on a host it does not list the folder.

    Args:
        path: What GDAL opens.
    """
    return rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR") if is_remote(path) else rasterio.Env()


def limit_patience() -> None:
    """Tell GDAL to give up on what does not come; what the environment says stands."""
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
