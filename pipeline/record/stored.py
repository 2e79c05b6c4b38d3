"""Read back what a result holds: a file that was cut, emptied or taken away since is said in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from pipeline.errors import OutputError
from pipeline.record.result import ITEM_NAME

__all__ = ["describe_layer", "read_item", "read_layer"]


def read_item(folder: Path) -> dict[str, Any]:
    """The record of a result.

    Args:
        folder: Of the result.

    Raises:
        OutputError: It is missing, or no STAC item.
    """
    path = folder / ITEM_NAME
    try:
        item: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        item["properties"].keys()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise OutputError(f"Expected a STAC item in {path}, found none ({error}). Make it anew.") from error
    return item


def read_layer(path: Path, layer: str, **options: Any) -> gpd.GeoDataFrame:  # noqa: ANN401 (those of a library)
    """The features of a layer.

    Args:
        path: A GeoPackage of a result.
        layer: Its name.
        options: Of ``geopandas.read_file``: ``columns``, ``where``, ``bbox``.

    Raises:
        OutputError: It cannot be read.
    """
    try:
        return gpd.read_file(path, layer=layer, engine="pyogrio", **options)
    except (DataSourceError, DataLayerError) as error:
        raise _explain(path, layer, error) from error


def describe_layer(path: Path, layer: str) -> dict[str, Any]:
    """What ``pyogrio.read_info`` knows of a layer; the arguments and errors are those of ``read_layer``."""
    try:
        info: dict[str, Any] = pyogrio.read_info(path, layer=layer)
    except (DataSourceError, DataLayerError) as error:
        raise _explain(path, layer, error) from error
    return info


def _explain(path: Path, layer: str, error: Exception) -> OutputError:
    said = " ".join(str(error).split()).rstrip(".")
    return OutputError(f"Expected the layer {layer} in {path}: {said}. Make it anew.")
