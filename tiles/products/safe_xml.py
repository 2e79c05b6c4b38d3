"""The metadata of a product, from its own XML: what radiometry it has, and what it is.

Source: Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD), user product and granule metadata.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from xml.etree.ElementTree import Element, ParseError  # types alone: parsing is defusedxml's

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from tiles.bands import BANDS
from tiles.errors import SceneError, UnsafeArchiveError
from tiles.products.name import has_offset, parse_tile_id
from tiles.scene import Level
from tiles.times import parse_moment

__all__ = [
    "GranuleMetadata",
    "ProductMetadata",
    "parse_granule_metadata",
    "parse_product_metadata",
]

_BAND_OF_ID = {band.band_id: band.name for band in BANDS.values()}
_IMAGE_LISTS = ("IMAGE_FILE", "IMAGE_FILE_2A", "IMAGE_ID", "IMAGE_ID_2A")
"""Elements that name the images: as paths, in products of 2015 and 2016 by their names alone."""
_LARGEST = 64 << 20
"""Bytes: real metadata is under 1 MB, so anything larger was made to hurt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductMetadata:
    """What ``MTD_MSIL2A.xml`` or ``MTD_MSIL1C.xml`` says.

    Attributes:
        product_uri: Name of the product, ``S2A_MSIL2A_….SAFE``; empty where the file does not say.
        level: Processing level.
        baseline: Processing baseline, such as ``05.11``.
        platform: ``sentinel-2a`` …
        acquired: Start of sensing, UTC.
        quantification: DN per unit of reflectance.
        offsets: DN to add, a band; empty where the product has no such element (before baseline 04.00).
        nodata: DN of missing pixels.
        saturated: DN of saturated pixels.
        cloud_percent: Cloud cover, 0 to 100.
        granules: Identifiers of the granules (tiles) within.
        images: Paths of all images that the product is made of, without their ending; empty where it has no list.
    """

    product_uri: str
    level: Level
    baseline: str | None
    platform: str | None
    acquired: datetime | None
    quantification: float
    offsets: dict[str, float] = field(default_factory=dict)
    nodata: float = 0
    saturated: float = 65535
    cloud_percent: float | None = None
    granules: tuple[str, ...] = ()
    images: tuple[str, ...] = ()

    @property
    def offset_element(self) -> str:
        """Name of the element that holds the offsets at this level."""
        return "RADIO_ADD_OFFSET" if self.level == "L1C" else "BOA_ADD_OFFSET"

    @property
    def doubts(self) -> tuple[str, ...]:
        """What is odd in the metadata itself, a sentence each."""
        doubts = []
        if has_offset(self.baseline) and not self.offsets:
            doubts.append(
                f"Baseline {self.baseline} should have {self.offset_element}, but the XML has none: 0 is used."
            )
        odd = sorted({value for value in self.offsets.values() if value not in (0, -1000)})
        if odd:
            doubts.append(f"{self.offset_element} is {', '.join(f'{v:g}' for v in odd)}; ESA's products have -1000.")
        return tuple(doubts)


@dataclass(frozen=True, slots=True, kw_only=True)
class GranuleMetadata:
    """What ``MTD_TL.xml`` (or ``metadata.xml`` in the AWS layout) says.

    Attributes:
        tile_id: Identifier of the granule.
        level: Processing level.
        baseline: Processing baseline, from the identifier.
        platform: ``sentinel-2a`` …
        tile: MGRS tile such as ``33TVM``.
        acquired: Time of sensing, UTC.
        crs: Such as ``EPSG:32633``.
        cloud_percent: Cloud cover, 0 to 100.
    """

    tile_id: str
    level: Level
    baseline: str | None
    platform: str | None
    tile: str | None
    acquired: datetime | None
    crs: str | None
    cloud_percent: float | None = None


def parse_product_metadata(xml: bytes, *, where: str) -> ProductMetadata:
    """Understand the XML of a product.

    Args:
        xml: The file's content.
        where: Its name, for messages.

    Raises:
        SceneError: Not XML, or no product metadata, or no quantification value.
        UnsafeArchiveError: The XML declares entities or is far too large.
    """
    root = _parse_xml(xml, where)
    name = _strip_namespace(root.tag)
    if not name.endswith("_User_Product"):
        raise SceneError(
            f"Expected the metadata of a Sentinel-2 product (Level-2A_User_Product), found <{name}> in {where}. "
            "Give the product's MTD_MSIL2A.xml, or its folder."
        )
    level: Level = "L1C" if "1C" in name else "L2A"
    word = "QUANTIFICATION_VALUE" if level == "L1C" else "BOA_QUANTIFICATION_VALUE"
    # Sen2Cor before 2.8 wrote L2A_ in front of it.
    quantification = _find_number(root, word) or _find_number(root, f"L2A_{word}")
    if quantification is None or not quantification > 0:
        raise SceneError(f"Expected a positive {word} in {where}, found {_find_text(root, word) or 'none'}.")
    special = dict(_parse_special_values(root))
    return ProductMetadata(
        product_uri=_find_text(root, "PRODUCT_URI") or _find_text(root, "PRODUCT_URI_2A") or "",
        level=level,
        baseline=_find_text(root, "PROCESSING_BASELINE"),
        platform=(_find_text(root, "SPACECRAFT_NAME") or "").lower() or None,
        acquired=_find_time(root, "PRODUCT_START_TIME"),
        quantification=quantification,
        offsets=_parse_offsets(root, level, where),
        nodata=special.get("NODATA", 0),
        saturated=special.get("SATURATED", 65535),
        cloud_percent=_find_number(root, "Cloud_Coverage_Assessment"),
        granules=tuple(granule for e in _find_all(root, "Granule") if (granule := e.get("granuleIdentifier"))),
        images=tuple(text for word in _IMAGE_LISTS for e in _find_all(root, word) if (text := (e.text or "").strip())),
    )


def parse_granule_metadata(xml: bytes, *, where: str) -> GranuleMetadata:
    """Understand the XML of a granule.

    Args:
        xml: The file's content.
        where: Its name, for messages.

    Raises:
        SceneError: Not XML, or no granule metadata.
        UnsafeArchiveError: The XML declares entities or is far too large.
    """
    root = _parse_xml(xml, where)
    name = _strip_namespace(root.tag)
    if not name.endswith("_Tile_ID"):
        raise SceneError(f"Expected the metadata of a granule (Level-2A_Tile_ID), found <{name}> in {where}.")
    tile_id = _find_text(root, "TILE_ID") or ""
    named = parse_tile_id(tile_id)
    return GranuleMetadata(
        tile_id=tile_id,
        level="L1C" if "1C" in name else "L2A",
        baseline=named.baseline if named else None,
        platform=named.platform if named else None,
        tile=named.tile if named else None,
        acquired=_find_time(root, "SENSING_TIME"),
        crs=_find_text(root, "HORIZONTAL_CS_CODE"),
        cloud_percent=_find_number(root, "CLOUDY_PIXEL_PERCENTAGE"),
    )


def _parse_xml(xml: bytes, where: str) -> Element:
    if len(xml) > _LARGEST:
        raise UnsafeArchiveError(f"Expected metadata of under {_LARGEST >> 20} MB, found {len(xml) >> 20} in {where}.")
    try:
        return fromstring(xml, forbid_dtd=True)
    except DefusedXmlException as error:
        raise UnsafeArchiveError(
            f"Expected plain XML, found a document type or entity declaration ({type(error).__name__}) in {where}. "
            "Real products have none: fetch the product again from a source you trust."
        ) from error
    except (ParseError, ValueError) as error:
        raise SceneError(f"Expected XML, found something else in {where} ({error}). Fetch the file again.") from error


def _strip_namespace(tag: str) -> str:
    return tag.rsplit("}", 1)[-1]


def _find_all(root: Element, name: str) -> Iterator[Element]:
    # Old products differ in namespace (psd-12 … psd-15), so elements are found by local name.
    return (e for e in root.iter() if isinstance(e.tag, str) and _strip_namespace(e.tag) == name)


def _find_text(root: Element, name: str) -> str | None:
    return next(((element.text or "").strip() or None for element in _find_all(root, name)), None)


def _find_number(root: Element, name: str) -> float | None:
    try:
        return float(_find_text(root, name) or "")
    except ValueError:
        return None


def _find_time(root: Element, name: str) -> datetime | None:
    return parse_moment(_find_text(root, name))


def _parse_special_values(root: Element) -> Iterator[tuple[str, float]]:
    for element in _find_all(root, "Special_Values"):
        value = _find_number(element, "SPECIAL_VALUE_INDEX")
        if value is not None:
            yield _find_text(element, "SPECIAL_VALUE_TEXT") or "", value


def _parse_offsets(root: Element, level: Level, where: str) -> dict[str, float]:
    """Offsets by band name; the XML counts bands from 0 to 12 with B10 at 10, at both levels."""
    name = "RADIO_ADD_OFFSET" if level == "L1C" else "BOA_ADD_OFFSET"
    offsets = {}
    for element in _find_all(root, name):
        try:
            offsets[_BAND_OF_ID[int(element.get("band_id", ""))]] = float((element.text or "").strip())
        except (KeyError, ValueError) as error:
            stated = f'band_id="{element.get("band_id")}" {element.text}'
            raise SceneError(
                f"Expected {name} with a band_id of 0 to 12 and a number, found {stated} in {where}."
            ) from error
    return offsets
