"""What an item says that decides whether it is searched for, and which acquisition it shows."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import shapely
from shapely.errors import ShapelyError
from shapely.geometry.base import BaseGeometry

from pipeline.search.area import unwrap
from pipeline.search.duplicates import Acquisition
from tiles.products.dates import read_item_moment
from tiles.products.name import parse_product_name
from tiles.products.stac_item import read_box
from tiles.times import parse_moment

__all__ = ["describe_acquisition", "read_cloud", "read_footprint", "read_moment", "read_product_name"]

_URIS = ("s2:product_uri", "sentinel:product_id", "title")
_TILES = ("grid:code", "s2:mgrs_tile")
_MGRS = (
    ("mgrs:utm_zone", "mgrs:latitude_band", "mgrs:grid_square"),
    ("sentinel:utm_zone", "sentinel:latitude_band", "sentinel:grid_square"),
)
_BASELINES = ("s2:processing_baseline", "sentinel:processing_baseline", "processing:version")
_SEQUENCES = ("s2:sequence", "sentinel:sequence")
_GENERATED = re.compile(r"_(\d{8}T\d{6})(?:\.SAFE)?$")


def describe_acquisition(item: Mapping[str, Any]) -> Acquisition:
    """What tells an item's acquisition from others.

    Args:
        item: A STAC item.
    """
    properties = item["properties"]
    uri = next((str(properties[key]) for key in _URIS if properties.get(key)), "")
    name = parse_product_name(uri) or parse_product_name(str(item["id"]))
    baseline = next((str(properties[key]) for key in _BASELINES if properties.get(key)), None)
    platform = str(properties.get("platform") or "").lower().replace("_", "-")
    return Acquisition(
        id=str(item["id"]),
        tile=_find_tile(properties) or (name.tile if name else None),
        platform=platform or (name.platform if name else None),
        acquired=read_moment(item),
        baseline=baseline or (name.baseline if name else None),
        generated=_find_generation(properties, uri or str(item["id"])),
        footprint=read_footprint(item),
    )


def read_product_name(item: Mapping[str, Any]) -> str:
    """The name of the product that an item shows; its id where it names none.

    Hosts give a reprocessed product the id of the older one, or a number; its name tells them apart.

    Args:
        item: A STAC item.
    """
    properties = item["properties"]
    uris = (str(properties[key]).removesuffix(".SAFE") for key in _URIS if properties.get(key))
    named = (uri for uri in uris if (name := parse_product_name(uri)) is not None and name.acquired is not None)
    return next(named, str(item["id"]))


def read_moment(item: Mapping[str, Any]) -> datetime | None:
    """When an item was sensed, UTC; ``None`` where it does not say, or is of many days.

    Args:
        item: A STAC item.
    """
    return read_item_moment(item["properties"])


def read_cloud(item: Mapping[str, Any]) -> float | None:
    """Percent of cloud that an item states; ``None`` where it does not say.

    Args:
        item: A STAC item.
    """
    try:
        value = float(item["properties"].get("eo:cloud_cover"))
    except (TypeError, ValueError):
        return None
    return None if math.isnan(value) else value


def read_footprint(item: Mapping[str, Any]) -> BaseGeometry | None:
    """Where an item has data, in degrees, in one piece; ``None`` where it does not say.

    Args:
        item: A STAC item; its ``bbox`` is used where it has no usable geometry.
    """
    try:
        geometry = shapely.make_valid(shapely.geometry.shape(item["geometry"]))
        if not geometry.is_empty:
            return unwrap(geometry)
    except (KeyError, TypeError, ValueError, AttributeError, ShapelyError):
        pass
    return read_box(item)


def _find_tile(properties: Mapping[str, Any]) -> str | None:
    for key in _TILES:
        if properties.get(key):
            return str(properties[key]).upper().removeprefix("MGRS-").removeprefix("T")
    for keys in _MGRS:
        if all(properties.get(key) is not None for key in keys):
            zone, band, square = (str(properties[key]) for key in keys)
            return f"{zone.zfill(2)}{band}{square}".upper()
    return None


def _find_generation(properties: Mapping[str, Any], name: str) -> datetime | None:
    """When the product was made; where nothing says so but a host numbers its twins, the number stands in for it."""
    stated = parse_moment(properties.get("s2:generation_time"))
    match = _GENERATED.search(name)
    if stated is None and match is not None:
        stated = datetime.strptime(match[1], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    if stated is None:
        stated = parse_moment(properties.get("created"))
    sequence = next((str(properties[key]) for key in _SEQUENCES if properties.get(key) is not None), "")
    if sequence.isdigit():
        stated = (stated or datetime(1970, 1, 1, tzinfo=UTC)) + timedelta(microseconds=int(sequence))
    return stated
