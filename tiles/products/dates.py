"""When a scene was sensed that no product describes, and who says so.

What says it for certain comes first: the user, a product's name, an item, the raster's own word for it. After these,
``TIFFTAG_DATETIME`` (which a program may have set to when it wrote the file) and a day in the file's name count, where
they do not contradict each other. Two days are no date: nothing is guessed, and a note says why.

Source: TIFF 6.0, section 8, DateTime; GDAL raster data model, domain IMAGERY; STAC 1.1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path, PurePath
from typing import Any

from tiles.products.name import find_product_times, parse_tile_id
from tiles.remote import is_remote
from tiles.times import find_moments, has_time_of_day, parse_moment, parse_tag_moment

__all__ = ["SensingTime", "read_item_moment", "resolve_stack_time"]

_STATED = ("ACQUISITIONDATETIME", "datetime")
"""Tags that mean sensing: of GDAL's domain IMAGERY, and STAC's word as converters carry it over."""
_WRITTEN = "TIFFTAG_DATETIME"
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SensingTime:
    """When a scene was sensed.

    Attributes:
        moment: In UTC, at midnight where only the day is known; ``None``: not known.
        source: Who says so; ``None`` where nothing does.
        notes: What the user should be told, a sentence each.
    """

    moment: datetime | None = None
    source: str | None = None
    notes: tuple[str, ...] = ()


def resolve_stack_time(
    path: Path | PurePath, *, said: datetime | None, names: Sequence[str], tags: Mapping[str, str]
) -> SensingTime:
    """Decide when a stack was sensed.

    Args:
        path: The raster, or the folder of bands.
        said: The user's word.
        names: Of the files, and of the folder that holds nothing else.
        tags: What the raster says of itself.
    """
    if said is not None:
        return SensingTime(moment=said, source="--date")
    products = find_product_times(" ".join([str(path), *names, *tags.values()]))
    if len({moment.date() for moment in products}) > 1:
        return _refuse("products of several days are named", products)
    if products:
        return SensingTime(moment=products[0], source="name of the product")
    if (beside := _read_item_beside(Path(path))) is not None:
        return beside
    for tag in _STATED:
        if moment := parse_tag_moment(tags.get(tag)):
            return SensingTime(moment=moment, source=f"{tag} of the file")
    return _resolve_hints(names, parse_tag_moment(tags.get(_WRITTEN)))


def read_item_moment(properties: Mapping[str, Any]) -> datetime | None:
    """When a STAC item says that it was sensed.

    Args:
        properties: Of the item.

    Returns:
        Its moment, or the start of its interval where that is no longer than a day; ``None`` else: what was made from
        many dates was not sensed on the first of them.
    """
    if moment := parse_moment(properties.get("datetime")):
        return moment
    start, end = (parse_moment(properties.get(f"{name}_datetime")) for name in ("start", "end"))
    return start if start is not None and (end is None or end - start <= _DAY) else None


def _read_item_beside(path: Path) -> SensingTime | None:
    """The word of a STAC item that has a raster's name and lies beside it."""
    if is_remote(str(path)) or not path.is_file():
        return None
    for name in (f"{path.stem}.json", f"{path.stem}.geojson", f"{path.name}.json"):
        try:
            document = json.loads(path.with_name(name).read_bytes())
        except (OSError, ValueError):
            continue
        properties = document.get("properties") if isinstance(document, dict) else None
        if not isinstance(properties, dict) or document.get("type") != "Feature":
            continue
        if moment := read_item_moment(properties):
            return SensingTime(moment=moment, source=f"datetime of the STAC item {name} beside it")
    return None


def _resolve_hints(names: Sequence[str], tagged: datetime | None) -> SensingTime:
    # The time in a granule's name is that of processing.
    named = find_moments(" ".join(name for name in names if parse_tile_id(name) is None))
    if len(named) > 1:
        return _refuse("the name holds several days", named)
    if named and tagged is not None and abs(tagged - named[0]) > _DAY:
        return _refuse(f"the name and {_WRITTEN} differ", (named[0], tagged))
    if tagged is None or (named and has_time_of_day(named[0])):
        return SensingTime(moment=named[0], source="name of the file") if named else SensingTime()
    doubt = (
        f"The date is that of {_WRITTEN} ({tagged:%Y-%m-%d %H:%M} UTC), which is when the file was written where a "
        "program took it so; --date corrects it."
    )
    return SensingTime(moment=tagged, source=f"{_WRITTEN} of the file", notes=() if named else (doubt,))


def _refuse(reason: str, moments: Sequence[datetime]) -> SensingTime:
    days = ", ".join(sorted({f"{moment:%Y-%m-%d}" for moment in moments})[:4])
    return SensingTime(notes=(f"The date is taken to be unknown: {reason} ({days}).",))
