"""What the name of a product says: mission, level, time, processing baseline, MGRS tile.

Source: Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD), section 3.4, naming conventions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tiles.scene import Level

__all__ = [
    "BASELINE_WITH_OFFSET",
    "NEWEST_BASELINE",
    "ProductName",
    "describe_baseline",
    "find_product_times",
    "find_tile",
    "has_offset",
    "make_scene_id",
    "parse_product_name",
    "parse_tile_id",
]

BASELINE_WITH_OFFSET = "04.00"
"""From this processing baseline on, products carry a radiometric offset."""

NEWEST_BASELINE = "05.12"
"""The newest processing baseline that is known here; of a newer one nobody knows what it changes."""

_MADE_BY_A_USER = "99"

_PRODUCT = re.compile(r"(S2[A-D])_MSI(L1C|L2A)_(\d{8}T\d{5,6})(?:_N(\d{2})(\d{2}))?(?:_R\d{3})?(?:_T(\d{2}[A-Z]{3}))?")
_TILE = re.compile(r"(S2[A-D])_OPER_MSI_(L1C|L2A)_(?:TL|DS)_\w{4}_(\d{8}T\d{6})")
_TILE_BASELINE = re.compile(r"_N(\d{2})\.(\d{2})(?:\b|_)")
_EARTH_ENGINE = re.compile(r"(?<!\d)(\d{8}T\d{6})_\d{8}T\d{6}_T\d{2}[A-Z]{3}(?![A-Za-z0-9])")
"""Index of an image: when it was sensed, when the product was made, the tile."""
# A zone, a latitude band and two letters of a square, none of which is I or O.
_ANY_TILE = re.compile(r"(?<![A-Za-z0-9])T?(\d{2}[C-HJ-NP-X][A-HJ-NP-Z][A-HJ-NP-V])(?![A-Za-z0-9])")
_MGRS = re.compile(r"_T(\d{2}[A-Z]{3})(?:_|\b)")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductName:
    """What could be read from a name; ``None`` where it is silent.

    Attributes:
        platform: ``sentinel-2a`` …
        level: Processing level.
        acquired: Start of sensing, UTC.
        baseline: Processing baseline such as ``05.11``.
        tile: MGRS tile without its T, such as ``33TVM``.
    """

    platform: str
    level: Level
    acquired: datetime | None = None
    baseline: str | None = None
    tile: str | None = None


def parse_product_name(text: str) -> ProductName | None:
    """Find a product's name anywhere in a text, such as a path.

    Args:
        text: A product URI, a file name, a path.

    Returns:
        What the name says, or ``None`` where there is no such name.
    """
    match = _PRODUCT.search(text)
    if match is None:
        return parse_tile_id(text)
    mission, level, time, major, minor, tile = match.groups()
    return ProductName(
        platform=_format_platform(mission),
        level="L1C" if level == "L1C" else "L2A",
        acquired=_parse_time(time),
        baseline=f"{major}.{minor}" if major else None,
        tile=tile,
    )


def find_product_times(text: str) -> tuple[datetime, ...]:
    """Find when the products that a text names were sensed.

    Args:
        text: As for ``parse_product_name``; or the index of an image of Earth Engine.

    Returns:
        In UTC, one a name, in their order; empty where there is no name of a product.
    """
    stated = [match[3] for match in _PRODUCT.finditer(text)] or [match[1] for match in _EARTH_ENGINE.finditer(text)]
    times = map(_parse_time, stated)
    return tuple(time for time in times if time is not None)


def parse_tile_id(text: str) -> ProductName | None:
    """Find a granule's identifier (``S2A_OPER_MSI_L2A_TL_…_T34LBQ_N04.00``) in a text.

    Its time is that of processing, so ``acquired`` stays ``None``.
    """
    match = _TILE.search(text)
    if match is None:
        return None
    baseline, tile = _TILE_BASELINE.search(text), _MGRS.search(text)
    return ProductName(
        platform=_format_platform(match[1]),
        level="L1C" if match[2] == "L1C" else "L2A",
        baseline=f"{baseline[1]}.{baseline[2]}" if baseline else None,
        tile=tile[1] if tile else None,
    )


def find_tile(text: str) -> str | None:
    """Find the MGRS tile that the name of a product or an item says, such as ``29RKH``.

    Args:
        text: ``S2A_MSIL2A_…_T33TVM_…``, ``S2A_29RKH_20200219_0_L2A``, ``S2A_T33TVM_20240701T100559_L2A``.

    Returns:
        The tile without its T; ``None`` where the name is silent.
    """
    match = _ANY_TILE.search(text)
    return match[1] if match else None


def make_scene_id(name: str) -> str:
    """Turn the name of a product, item or file into one that is safe as a folder's name.

    Args:
        name: Such as ``S2A_MSIL2A_….SAFE`` or a path.
    """
    stem = Path(name.rstrip("/")).name
    for ending in (".zip", ".SAFE", ".zarr", ".tif", ".tiff", ".jp2", ".vrt", ".json", ".geojson", ".xml"):
        stem = stem[: -len(ending)] if stem.lower().endswith(ending.lower()) else stem
    return re.sub(r"[^A-Za-z0-9._-]+", "_", stem).strip("._") or "scene"


def has_offset(baseline: str | None) -> bool | None:
    """Whether ESA's products of a processing baseline carry the radiometric offset.

    Args:
        baseline: Such as ``02.14`` or ``05.11``; 99.xx is Sen2Cor's sign for a product that a user made.

    Returns:
        ``None`` where the baseline says nothing of it: none is known, or a user's.
    """
    numbers = _parse_numbers(baseline or "")
    if not numbers or str(numbers[0]).startswith(_MADE_BY_A_USER):
        return None
    return numbers >= _parse_numbers(BASELINE_WITH_OFFSET)


def describe_baseline(baseline: str | None) -> tuple[str, ...]:
    """What to tell of a processing baseline: that it is newer than any that is known.

    Args:
        baseline: Such as ``05.11``.

    Returns:
        A sentence, or none.
    """
    if has_offset(baseline) is None or _parse_numbers(str(baseline)) <= _parse_numbers(NEWEST_BASELINE):
        return ()
    return (
        f"Processing baseline {baseline} is newer than any that this release knows ({NEWEST_BASELINE}): it is read as "
        "its metadata has it, and what else it changes is not known.",
    )


def _parse_numbers(baseline: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", baseline))


def _format_platform(mission: str) -> str:
    return f"sentinel-{mission[1:].lower()}"


def _parse_time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None
