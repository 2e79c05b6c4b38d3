"""Whether a STAC item is of Sentinel-2: Landsat and others have assets by the same keys, and other light in them.

What an item says of itself is asked in order, from its platform to the names of its bands; the first answer counts,
and an item that gives none is taken at its assets' word.

Source: STAC 1.1 common metadata (platform, constellation, instruments); eo 2.0.0, common names of bands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tiles.bands import resolve_band

__all__ = ["find_other_mission"]

_PLATFORM = re.compile(r"sentinel2|^s2[a-d]?(msi.*)?$")
_INSTRUMENT = re.compile(r"msi|multispectral|sentinel2")
_VAGUE = {"", "unknown", "none", "null", "na", "other", "sentinel", "copernicus", "satellite", "optical"}
_STATED = (
    (("platform", "eo:platform"), _PLATFORM),
    (("constellation", "eo:constellation", "mission"), _PLATFORM),
    (("instruments", "instrument", "eo:instrument"), _INSTRUMENT),
)
_OWN_WORDS = re.compile(r"sentinel[-_ ]?2|(?<![a-z0-9])s2|msil[12]", re.IGNORECASE)
_OTHER_WORDS = re.compile(
    r"landsat|(?<![a-z0-9])l[cotem]0[1-9](?![0-9])|(?<![a-z0-9])hls2?[-_.]?l|sentinel[-_ ]?[13456]|modis|viirs|aster|"
    r"planetscope|psscene|rapideye|skysat|worldview|geoeye|quickbird|pleiades|(?<![a-z])spot[-_ ]?[1-7]|cbers|gaofen|"
    r"naip|prisma|enmap",
    re.IGNORECASE,
)
_OTHER_BANDS = re.compile(r"(?:oli|tirs|etm|tm|mss|olci|slstr|modis|viirs)(?:[-_+ ]|$)", re.IGNORECASE)
_MANY = 2
"""Bands whose two names contradict each other: one may be a slip of the pen."""


def find_other_mission(item: Mapping[str, Any]) -> str | None:
    """Find what says that an item is not of Sentinel-2.

    Args:
        item: A STAC item.

    Returns:
        Such as ``platform landsat-9``; ``None`` where it is of Sentinel-2, or does not say what it is of.
    """
    properties = item.get("properties") or {}
    assets = {key: asset for key, asset in (item.get("assets") or {}).items() if isinstance(asset, Mapping)}
    for keys, ours in _STATED:
        # An item of several sensors says it an asset.
        for place in (properties, *assets.values()):
            words = [word for key in keys for word in _list_words(place.get(key))]
            if words:
                told = f"{keys[0]} {', '.join(words)}"
                return None if any(ours.search(_simplify(word)) for word in words) else told
    names = {key: str(item.get(key) or "") for key in ("collection", "id")}
    if any(_OWN_WORDS.search(name) for name in names.values()):
        return None
    telling = (f"{key} {name}" for key, name in names.items() if _OTHER_WORDS.search(name))
    return next(telling, None) or _find_other_bands(assets)


def _list_words(value: object) -> list[str]:
    values = value if isinstance(value, list | tuple | set) else [value]
    return [str(word) for word in values if word is not None and _simplify(str(word)) not in _VAGUE]


def _simplify(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())


def _find_other_bands(assets: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Bands of another numbering: Landsat's B5 is ``nir08``, which is B8A here."""
    wrong = [" = ".join(dict.fromkeys(names)) for names in _list_band_names(assets) if _contradict(names)]
    return f"bands {', '.join(wrong[:3])}" if len(wrong) >= _MANY else None


def _list_band_names(assets: Mapping[str, Mapping[str, Any]]) -> Iterator[list[str]]:
    """All names of each band; the key of an asset is one where it holds one band."""
    for key, asset in assets.items():
        stated = asset.get("bands") or asset.get("eo:bands")
        entries = [entry for entry in stated or () if isinstance(entry, Mapping)] if isinstance(stated, list) else []
        for entry in entries:
            names = [entry.get(word) for word in ("name", "common_name", "eo:common_name")]
            yield [str(name) for name in (*names, key if len(entries) == 1 else None) if name]


def _contradict(names: Sequence[str]) -> bool:
    resolved = {band for name in names if (band := resolve_band(name))}
    return len(resolved) > 1 or any(_OTHER_BANDS.match(name) for name in names)
