"""What a STAC item says of its bands and their radiometry, before an asset is opened.

Three catalogues of Sentinel-2 are known by their habits: Earth Search (keys ``blue`` …), Planetary Computer
(``B02`` …) and the Copernicus Data Space (``B02_10m`` …); items of others are understood by ``eo:bands`` or ``bands``.

Source: STAC 1.0 and 1.1, extensions eo, raster and processing; Element84/earth-search issues 9, 66 and 71.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import shapely

from tiles.bands import resolve_band
from tiles.errors import SceneError
from tiles.products.dates import SensingTime, read_item_moment
from tiles.products.hrefs import list_alternates
from tiles.products.mission import find_other_mission
from tiles.products.name import ProductName, has_offset, parse_product_name
from tiles.products.radiometry import OFFSET_DN, QUANTIFICATION, OffsetStatement
from tiles.scene import Level

__all__ = ["SIMULATED", "BandAsset", "StacItem", "is_stac_item", "parse_stac_item", "read_box", "state_item_offset"]

SIMULATED = "strandline:simulated"
"""Property of items whose pixels are simulated, and must not be taken for measurements."""

_KEY_ENDING = re.compile(r"(?:_(10|20|60)m)?(-jp2)?$")
_APPLIED = ("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied")
_BASELINE = ("s2:processing_baseline", "sentinel:processing_baseline", "processing:version")
_NAMES = ("s2:product_uri", "sentinel:product_id", "title")


@dataclass(frozen=True, slots=True, kw_only=True)
class BandAsset:
    """An asset that holds one band.

    Attributes:
        key: Its key in the item.
        band: Band as in ``tiles.bands``, or ``SCL``.
        href: As written in the item.
        resolution_m: Pixel size that the item states.
        scale: Reflectance a DN that the item states.
        offset: Reflectance to add after the scale that the item states.
        nodata: Marker that the item states.
        alternates: Other hrefs of the same file, in order.
    """

    key: str
    band: str
    href: str
    resolution_m: float | None = None
    scale: float | None = None
    offset: float | None = None
    nodata: float | None = None
    alternates: tuple[str, ...] = ()


_KEPT = ("sat:", "grid:", "s2:")
"""Properties that are of the scene, and so of what is made of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StacItem:
    """What an item says of a scene.

    Attributes:
        id: The item's id.
        level: Processing level.
        baseline: Processing baseline, where stated.
        offset_applied: Whether the host says that it took the offset off; ``None`` where it does not say.
        platform: ``sentinel-2a`` …
        sensed: When, and who says so.
        cloud_percent: Cloud cover, 0 to 100.
        assets: One asset a band, the finest.
        simulated: The item says that its pixels are simulated.
        other_mission: What says that it is not of Sentinel-2, which it was allowed to be; ``None``: nothing does.
        stated: What it says of orbit, grid and product, as it says it.
    """

    id: str
    level: Level
    baseline: str | None
    offset_applied: bool | None
    platform: str | None
    sensed: SensingTime
    cloud_percent: float | None
    assets: Mapping[str, BandAsset]
    simulated: bool = False
    other_mission: str | None = None
    stated: Mapping[str, Any] = field(default_factory=dict)

    @property
    def acquired(self) -> datetime | None:
        """Time of sensing, UTC."""
        return self.sensed.moment


def is_stac_item(document: object) -> bool:
    """Whether a JSON document is a STAC item."""
    return (
        isinstance(document, dict)
        and document.get("type") == "Feature"
        and isinstance(document.get("assets"), dict)
        and isinstance(document.get("properties"), dict)
    )


def parse_stac_item(document: object, *, where: str, any_platform: bool = False) -> StacItem:
    """Understand an item.

    Args:
        document: The JSON document.
        where: Its path or URL, for messages.
        any_platform: It may be of another mission, whose bands go by the same names.

    Raises:
        SceneError: It is no item, it is of another mission, or none of its assets is a band of Sentinel-2.
    """
    if not isinstance(document, dict) or not is_stac_item(document):
        kind = document.get("type") if isinstance(document, dict) else type(document).__name__
        raise SceneError(f"Expected a STAC item (a Feature with assets), found {kind} in {where}. Give one item.")
    other = find_other_mission(document)
    if other is not None and not any_platform:
        raise SceneError(
            f"Expected an item of Sentinel-2, found one that is not of Sentinel-2 ({other}) in {where}. Bands of the "
            "same name hold other light elsewhere: give an item of Sentinel-2, or take it as it is with --any-platform."
        )
    properties: dict[str, Any] = document["properties"]
    named = parse_product_name(" ".join(str(v) for v in [*_list_stated(properties, _NAMES), document.get("id", "")]))
    assets = _choose_assets(document["assets"])
    if not set(assets) - {"SCL"}:
        raise SceneError(
            f"Expected assets with bands of Sentinel-2 (blue …, B02 …, B02_10m …), found "
            f"{', '.join(list(document['assets'])[:8]) or 'none'} in {where}. Give a Sentinel-2 L2A item."
        )
    baseline = next((str(value) for value in _list_stated(properties, _BASELINE)), named.baseline if named else None)
    return StacItem(
        id=str(document.get("id", "")),
        level=_resolve_level(document, properties, named),
        baseline=baseline,
        offset_applied=next((bool(value) for value in _list_stated(properties, _APPLIED)), None),
        platform=str(properties.get("platform", "")).lower() or None,
        sensed=_resolve_time(properties, named),
        cloud_percent=_parse_number(properties.get("eo:cloud_cover")),
        assets=assets,
        simulated=properties.get(SIMULATED) is True,
        other_mission=other,
        stated={
            name: value
            for name, value in properties.items()
            if name.startswith(_KEPT) and isinstance(value, str | int | float)
        },
    )


def read_box(item: Mapping[str, Any]) -> shapely.Polygon | None:
    """The bounding box that an item states, in degrees; beyond 180 where it crosses the antimeridian.

    Args:
        item: A STAC item; its ``bbox`` has four numbers, or six with heights.
    """
    box = item.get("bbox")
    if not isinstance(box, list | tuple) or len(box) not in {4, 6}:
        return None
    west, south, east, north = (float(value) for value in (*box[:2], *box[len(box) // 2 :][:2]))
    return shapely.box(west, south, east + 360 * (east < west), north)


def state_item_offset(item: StacItem, *, quantification: float = QUANTIFICATION) -> OffsetStatement:
    """What an item says about the offset.

    A baseline before 04.00 settles it, one of a user (99.xx) says nothing. Then the host's flag counts, which is meant
    to be the truth where ``raster:bands`` still says -0.1; then ``raster:bands``; then the baseline, as hosts that say
    nothing serve raw DN.

    Args:
        item: The item.
        quantification: DN per unit of reflectance.
    """
    full = OFFSET_DN * quantification / QUANTIFICATION
    late = has_offset(item.baseline)
    if late is False:
        return OffsetStatement(offset=0.0, source=f"processing baseline {item.baseline} of the item", final=True)
    stated = [asset.offset for name, asset in item.assets.items() if name != "SCL" and asset.offset is not None]
    if item.offset_applied is True:
        return OffsetStatement(offset=0.0, source="boa_offset_applied of the item", alternative=full)
    if item.offset_applied is False and (late or any(stated)):
        return OffsetStatement(offset=full, source="boa_offset_applied of the item", alternative=full)
    if stated:
        offset = round(stated[0] * quantification, 6)
        return OffsetStatement(offset=offset, source="raster:bands of the item", alternative=full, authority="bands")
    if late:
        source = f"processing baseline {item.baseline} of the item, DN taken to be raw"
        return OffsetStatement(offset=full, source=source, alternative=full)
    source = "the item says nothing" if item.baseline is None else f"baseline {item.baseline} says nothing of an offset"
    acquired = item.acquired.date() if item.acquired else None
    return OffsetStatement(offset=None, source=source, alternative=full, acquired=acquired)


def _resolve_time(properties: Mapping[str, Any], named: ProductName | None) -> SensingTime:
    if moment := read_item_moment(properties):
        return SensingTime(moment=moment, source="datetime of the STAC item")
    if named is not None and named.acquired is not None:
        return SensingTime(moment=named.acquired, source="name of the product")
    return SensingTime()


def _list_stated(properties: Mapping[str, Any], keys: Iterable[str]) -> list[Any]:
    return [properties[key] for key in keys if properties.get(key) is not None]


def _resolve_level(document: Mapping[str, Any], properties: Mapping[str, Any], named: ProductName | None) -> Level:
    words = [properties.get("processing:level"), properties.get("s2:product_type"), document.get("collection")]
    text = " ".join(str(word) for word in words if word).upper()
    if "1C" in text:
        return "L1C"
    if "2A" in text:
        return "L2A"
    return named.level if named else "unknown"


def _choose_assets(assets: Mapping[str, Any]) -> dict[str, BandAsset]:
    candidates = [
        parsed for key, asset in assets.items() if isinstance(asset, dict) and (parsed := _parse_asset(key, asset))
    ]
    # The finest of each band; among equals a COG before its JPEG 2000 twin (Earth Search's "blue-jp2").
    candidates.sort(key=lambda asset: (asset.key.endswith("-jp2"), asset.resolution_m or 0))
    chosen: dict[str, BandAsset] = {}
    for asset in candidates:
        chosen.setdefault(asset.band, asset)
    return chosen


def _parse_asset(key: str, asset: Mapping[str, Any]) -> BandAsset | None:
    described = [entry for entry in asset.get("bands") or asset.get("eo:bands") or [] if isinstance(entry, dict)]
    band = _resolve_asset_band(key, described)
    if band is None or not isinstance(asset.get("href"), str) or len(described) > 1:
        return None
    layers = [*(asset.get("raster:bands") or [])[:1], *described[:1], asset]
    suffix = _KEY_ENDING.search(key)
    stated = suffix[1] if suffix and suffix[1] else asset.get("gsd") or _find_stated(layers, "spatial_resolution")
    return BandAsset(
        key=key,
        band=band,
        href=asset["href"],
        resolution_m=_parse_number(stated),
        scale=_parse_number(_find_stated(layers, "scale")),
        offset=_parse_number(_find_stated(layers, "offset")),
        nodata=_parse_number(_find_stated(layers, "nodata")),
        alternates=list_alternates(asset),
    )


def _resolve_asset_band(key: str, described: list[dict[str, Any]]) -> str | None:
    stem = _KEY_ENDING.sub("", key)
    if stem.upper() == "SCL":
        return "SCL"
    if band := resolve_band(stem):
        return band
    if len(described) != 1 or stem.lower() in {"visual", "overview", "preview", "thumbnail"}:
        return None
    # "rededge" is the common name of three bands, so a common name counts only where the table has it.
    words = [described[0].get(word) for word in ("name", "common_name", "eo:common_name")]
    return next((band for word in words if word and (band := resolve_band(str(word)))), None)


def _find_stated(layers: Iterable[Mapping[str, Any]], word: str) -> object:
    return next((layer[name] for layer in layers for name in (word, f"raster:{word}") if name in layer), None)


def _parse_number(value: object) -> float | None:
    try:
        return float(str(value)) if value is not None else None
    except ValueError:
        return None
