"""The band table of Sentinel-2 MSI: names, order, native resolution, wavelength.

Source: Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD), section 3;
central wavelengths of Sentinel-2A, Sentinel-2 User Handbook, table 1.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

__all__ = ["BANDS", "L2A_STACK", "Band", "Naming", "drop_counts", "resolve_band", "resolve_naming"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """One spectral band of the instrument.

    Attributes:
        name: Name as in the products, two digits or ``B8A``.
        band_id: Number in the product XML, 0 to 12 *including B10* (7 is B08, 8 is B8A, 11 is B11).
        resolution_m: Native pixel size.
        wavelength_nm: Central wavelength of Sentinel-2A.
        common_name: Asset key of the Earth Search catalogues (``eo:common_name`` where that is unique).
    """

    name: str
    band_id: int
    resolution_m: int
    wavelength_nm: float
    common_name: str


_TABLE = (
    Band(name="B01", band_id=0, resolution_m=60, wavelength_nm=442.7, common_name="coastal"),
    Band(name="B02", band_id=1, resolution_m=10, wavelength_nm=492.4, common_name="blue"),
    Band(name="B03", band_id=2, resolution_m=10, wavelength_nm=559.8, common_name="green"),
    Band(name="B04", band_id=3, resolution_m=10, wavelength_nm=664.6, common_name="red"),
    Band(name="B05", band_id=4, resolution_m=20, wavelength_nm=704.1, common_name="rededge1"),
    Band(name="B06", band_id=5, resolution_m=20, wavelength_nm=740.5, common_name="rededge2"),
    Band(name="B07", band_id=6, resolution_m=20, wavelength_nm=782.8, common_name="rededge3"),
    Band(name="B08", band_id=7, resolution_m=10, wavelength_nm=832.8, common_name="nir"),
    Band(name="B8A", band_id=8, resolution_m=20, wavelength_nm=864.7, common_name="nir08"),
    Band(name="B09", band_id=9, resolution_m=60, wavelength_nm=945.1, common_name="nir09"),
    Band(name="B10", band_id=10, resolution_m=60, wavelength_nm=1373.5, common_name="cirrus"),
    Band(name="B11", band_id=11, resolution_m=20, wavelength_nm=1613.7, common_name="swir16"),
    Band(name="B12", band_id=12, resolution_m=20, wavelength_nm=2202.4, common_name="swir22"),
)

BANDS: MappingProxyType[str, Band] = MappingProxyType({band.name: band for band in _TABLE})
"""Every band of the instrument by name, in the order of the product XML."""

L2A_STACK: tuple[str, ...] = tuple(name for name in BANDS if name != "B10")
"""The 12 bands of a surface-reflectance (L2A) stack, in order; L2A has no B10."""

_BY_COMMON_NAME = {band.common_name: band.name for band in _TABLE} | {
    # The red edges by their wavelengths, as the eo extension calls them from 2.0.0 on.
    "rededge071": "B05",
    "rededge075": "B06",
    "rededge078": "B07",
}


def resolve_band(text: str) -> str | None:
    """Decide which band a free-form name means.

    Args:
        text: A product name in any spelling (``B8``, ``b08``, ``B8A``, ``band_11``, ``B04_10m``) or an Earth
            Search asset key or a common name of the eo extension (``nir08``, ``swir16``, ``rededge071``).

    Returns:
        The band's name in the table, or ``None`` where the text names no band.
    """
    word = text.strip().lower().replace("band", "b").replace(" ", "").replace("-", "_")
    if word in _BY_COMMON_NAME:
        return _BY_COMMON_NAME[word]
    word = word.replace("b_", "b", 1)
    for suffix in ("_10m", "_20m", "_60m"):
        word = word.removesuffix(suffix)
    if not word.startswith("b"):
        return None
    number = word[1:].lstrip("0") or "0"
    name = "B8A" if number == "8a" else f"B{int(number):02d}" if number.isdecimal() else ""
    return name if name in BANDS else None


Naming = Literal["names", "counted", "ambiguous"]

_COUNTED = re.compile(r"(?P<word>band|b)[\s_\-]*(?P<number>\d+)", re.IGNORECASE)
_FULL_STACKS = (len(L2A_STACK), len(BANDS))
_LAST_PADDED = 9
"""Up to here ``B01, B02 …`` name bands in their order; after ``B08`` comes ``B8A``, so that longer runs only count."""


def resolve_naming(labels: Sequence[str]) -> Naming:
    """Decide whether the labels of a file's bands name bands of Sentinel-2, or only count those of the file.

    Many programs call the bands of any file ``band_1``, ``Band 2``, ``B3`` by their place. Such numbers are names only
    where they are not simply the places: ``B8A`` is among them, or one is left out.

    Args:
        labels: A text a band, in the order of the file; empty where there is none.

    Returns:
        ``counted``: numbers name nothing. ``ambiguous``: ``B1, B2, B3`` in the first places may be either.
    """
    numbers = {place: match for place, label in enumerate(labels) if (match := _COUNTED.fullmatch(label.strip()))}
    places = [int(match["number"]) - place for place, match in numbers.items()]
    if not numbers or len(numbers) < min(2, len(labels)):
        return "names"
    if len(set(places)) > 1 or places[0] not in (0, 1) or "B8A" in map(resolve_band, labels):
        return "names"
    generic = any(match["word"].lower() == "band" for match in numbers.values())
    if generic or places[0] == 0 or len(numbers) == len(labels) in _FULL_STACKS:
        return "counted"
    padded = all(len(match["number"]) == len("00") for match in numbers.values())
    return "names" if padded and max(numbers) < _LAST_PADDED else "ambiguous"


def drop_counts(labels: Sequence[str]) -> list[str]:
    """The labels without those that only count.

    Args:
        labels: As ``resolve_naming`` found them to be counted.
    """
    return ["" if _COUNTED.fullmatch(label.strip()) else label for label in labels]
