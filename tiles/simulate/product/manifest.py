"""What surrounds the pixels of a simulated product: manifest, INSPIRE record, datastrip, a page for a person.

Source: Sentinel-2 Products Specification Document (S2-PDGS-TAS-DI-PSD), "Product packaging in SAFE"; ISO 19139 for the
INSPIRE record.
"""

from __future__ import annotations

import hashlib
import html
from pathlib import Path
from xml.etree.ElementTree import Element

from tiles.simulate.product.acquisition import Acquisition
from tiles.simulate.product.content import ProductContent, add_element, format_footprint, format_time, write_xml

__all__ = ["write_datastrip_metadata", "write_inspire_record", "write_manifest", "write_product_page"]

_XFDU = "urn:ccsds:schema:xfdu:1"
_MEASUREMENT = "Measurement Data Unit"
_MIME_TYPES = {".xml": "text/xml", ".jp2": "application/octet-stream", ".html": "octet", ".json": "application/json"}
_OBJECT_IDS = {
    "MTD_MSIL2A.xml": "S2_Level-2A_Product_Metadata",
    "MTD_TL.xml": "S2_Level-2A_Tile1_Metadata",
    "MTD_DS.xml": "S2_Level-2A_Datastrip1_Metadata",
    "INSPIRE.xml": "INSPIRE_Metadata",
    "UserProduct_index.html": "HTML_Presentation",
}
_GMD_CODES = "http://standards.iso.org/iso/19139/resources/gmxCodelists.xml"


def write_manifest(folder: Path, acquisition: Acquisition, content: ProductContent) -> None:
    """Write ``manifest.safe``: every file of the product with its size and checksum. Written last.

    Args:
        folder: The product's folder, complete but for the manifest.
        acquisition: Names, times and orbit.
        content: Footprint and notice.
    """
    root = Element(
        "xfdu:XFDU",
        {
            "xmlns:gml": "http://www.opengis.net/gml",
            "xmlns:safe": "http://www.esa.int/safe/sentinel/1.1",
            "xmlns:xfdu": _XFDU,
            "version": "esa/safe/sentinel/1.1/sentinel-2/msi/archive_l2a_user_product",
        },
    )
    files = {_resolve_object_id(path.relative_to(folder)): path for path in sorted(folder.rglob("*")) if path.is_file()}
    _add_package_map(root, acquisition, list(files))
    _add_metadata_section(root, acquisition, content)
    objects = add_element(root, "dataObjectSection")
    checksum = "SHA3-256" if acquisition.baseline >= "05.00" else "MD5"
    for object_id, path in files.items():
        stream = add_element(
            add_element(objects, "dataObject", ID=object_id),
            "byteStream",
            mimeType=_MIME_TYPES.get(path.suffix, "application/octet-stream"),
            size=path.stat().st_size,
        )
        add_element(stream, "fileLocation", locatorType="URL", href=f"./{path.relative_to(folder).as_posix()}")
        add_element(stream, "checksum", _compute_checksum(path, checksum), checksumName=checksum)
    write_xml(folder / "manifest.safe", root, comment=content.notice)


def _resolve_object_id(path: Path) -> str:
    """The manifest's name for a file, as in real products."""
    if path.name in _OBJECT_IDS:
        return _OBJECT_IDS[path.name]
    if "IMG_DATA" in path.parts:
        name, resolution = path.stem.split("_")[-2:]
        return f"IMG_DATA_Band_{name}_{resolution}_Tile1_Data"
    return f"{path.stem}_Data"


def _add_package_map(root: Element, acquisition: Acquisition, object_ids: list[str]) -> None:
    package = add_element(root, "informationPackageMap")
    product = add_element(
        package,
        "xfdu:contentUnit",
        dmdID="acquisitionPeriod platform",
        pdiID="processing",
        textInfo=f"SENTINEL-2 MSI Level-2A User Product (simulated, seed {acquisition.seed})",
        unitType="Product_Level-2A",
    )
    images = [name for name in object_ids if name.startswith("IMG_DATA_")]
    for name in object_ids:
        if name not in images:
            _add_unit(product, name, "Metadata Unit")
    tiles = add_element(product, "xfdu:contentUnit", ID="Tiles", textInfo="Tiles Container")
    tile = add_element(tiles, "xfdu:contentUnit", ID="Tile1", textInfo="Tile Container")
    container = add_element(tile, "xfdu:contentUnit", ID="IMG_Data_Tile1", textInfo="Image Data Container")
    for name in images:
        _add_unit(container, name, _MEASUREMENT)


def _add_unit(parent: Element, object_id: str, kind: str) -> None:
    unit = add_element(parent, "xfdu:contentUnit", ID=f"{object_id.removesuffix('_Data')}_Unit", unitType=kind)
    add_element(unit, "dataObjectPointer", dataObjectID=object_id)


def _add_metadata_section(root: Element, acquisition: Acquisition, content: ProductContent) -> None:
    section = add_element(root, "metadataSection")
    period = _add_wrapped(section, "acquisitionPeriod", "Acquisition Period", "safe:acquisitionPeriod")
    add_element(period, "safe:startTime", format_time(acquisition.sensing))
    orbit = _add_wrapped(section, "measurementOrbitReference", "Orbit Reference", "safe:orbitReference")
    add_element(orbit, "safe:orbitNumber", f"{acquisition.orbit:06d}", groundTrackDirection="descending", type="start")
    add_element(orbit, "safe:relativeOrbitNumber", f"{acquisition.relative_orbit:03d}", type="start")
    platform = _add_wrapped(section, "platform", "Platform Description", "safe:platform")
    add_element(platform, "safe:nssdcIdentifier", "2015-028A" if acquisition.spacecraft == "S2A" else "2017-013A")
    add_element(platform, "safe:familyName", "SENTINEL")
    add_element(platform, "safe:number", acquisition.spacecraft[1:])
    instrument = add_element(platform, "safe:instrument")
    add_element(instrument, "safe:familyName", "Multi-Spectral Instrument", abbreviation="MSI")
    processing = _add_wrapped(section, "processing", "Processing", "safe:processing", category="PDI")
    processing.set("name", "Generation of Level-2A User Product")
    processing.set("start", acquisition.generation.strftime("%Y-%m-%dT%H:%M:%S.000000Z"))
    frames = _add_wrapped(section, "measurementFrameSet", "Frame Set", "safe:frameSet")
    outline = add_element(frames, "safe:footPrint", srsName="http://www.opengis.net/gml/srs/epsg.xml#4326")
    add_element(outline, "gml:coordinates", format_footprint(content.footprint))


def _add_wrapped(section: Element, object_id: str, text: str, tag: str, *, category: str = "DMD") -> Element:
    kind = "PROVENANCE" if category == "PDI" else "DESCRIPTION"
    entry = add_element(section, "metadataObject", ID=object_id, category=category, classification=kind)
    wrap = add_element(entry, "metadataWrap", mimeType="text/xml", textInfo=text, vocabularyName="Sentinel-SAFE")
    return add_element(add_element(wrap, "xmlData"), tag)


def _compute_checksum(path: Path, name: str) -> str:
    algorithm = "sha3_256" if name == "SHA3-256" else "md5"
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def write_inspire_record(folder: Path, acquisition: Acquisition, content: ProductContent) -> None:
    """Write ``INSPIRE.xml``: title, bounding box, and that the scene is simulated.

    Args:
        folder: The product's folder.
        acquisition: Names and times.
        content: Footprint and notice.
    """
    root = Element(
        "gmd:MD_Metadata",
        {"xmlns:gco": "http://www.isotc211.org/2005/gco", "xmlns:gmd": "http://www.isotc211.org/2005/gmd"},
    )
    _add_text(root, "gmd:fileIdentifier", acquisition.product)
    level = add_element(root, "gmd:hierarchyLevel")
    add_element(
        level,
        "gmd:MD_ScopeCode",
        "dataset",
        codeList=f"{_GMD_CODES}#MD_ScopeCode",
        codeListValue="dataset",
    )
    stamp = add_element(root, "gmd:dateStamp")
    add_element(stamp, "gco:Date", acquisition.generation.strftime("%Y-%m-%d"))
    _add_text(root, "gmd:metadataStandardName", "ISO19115")
    record = add_element(add_element(root, "gmd:identificationInfo"), "gmd:MD_DataIdentification")
    citation = add_element(add_element(record, "gmd:citation"), "gmd:CI_Citation")
    _add_text(citation, "gmd:title", acquisition.product)
    _add_text(record, "gmd:abstract", format_footprint(content.footprint))
    _add_text(record, "gmd:purpose", content.notice)
    box = add_element(add_element(record, "gmd:extent"), "gmd:EX_Extent")
    box = add_element(add_element(box, "gmd:geographicElement"), "gmd:EX_GeographicBoundingBox")
    lats, lons = [lat for lat, _ in content.footprint], [lon for _, lon in content.footprint]
    bounds = {"westBoundLongitude": min(lons), "eastBoundLongitude": max(lons)}
    bounds |= {"southBoundLatitude": min(lats), "northBoundLatitude": max(lats)}
    for name, value in bounds.items():
        add_element(add_element(box, f"gmd:{name}"), "gco:Decimal", f"{value:.8f}")
    write_xml(folder / "INSPIRE.xml", root, comment=content.notice)


def _add_text(parent: Element, tag: str, text: str) -> None:
    add_element(add_element(parent, tag), "gco:CharacterString", text)


def write_datastrip_metadata(folder: Path, acquisition: Acquisition, content: ProductContent) -> None:
    """Write ``MTD_DS.xml``: when, by which orbit and with which baseline; a simulation has no telemetry to add.

    Args:
        folder: The product's folder.
        acquisition: Names, times and orbit.
        content: The notice.
    """
    schema = (
        f"https://psd-{14 if acquisition.baseline < '05.11' else 15}.sentinel2.eo.esa.int"
        "/PSD/S2_PDI_Level-2A_Datastrip_Metadata.xsd"
    )
    root = Element("n1:Level-2A_DataStrip_ID", {"xmlns:n1": schema})
    general = add_element(root, "n1:General_Info")
    datatake = add_element(
        general, "Datatake_Info", datatakeIdentifier=acquisition.datatake_id, metadataLevel="Standard"
    )
    add_element(datatake, "SPACECRAFT_NAME", f"Sentinel-{acquisition.spacecraft[1:]}")
    add_element(datatake, "DATATAKE_TYPE", "INS-NOBS")
    add_element(datatake, "DATATAKE_SENSING_START", format_time(acquisition.sensing))
    add_element(datatake, "SENSING_ORBIT_NUMBER", acquisition.relative_orbit)
    add_element(datatake, "SENSING_ORBIT_DIRECTION", "DESCENDING")
    times = add_element(general, "Datastrip_Time_Info", metadataLevel="Standard")
    for tag in ("DATASTRIP_SENSING_START", "DATASTRIP_SENSING_STOP"):
        add_element(times, tag, format_time(acquisition.granule_start))
    processing = add_element(general, "Processing_Info", metadataLevel="Standard")
    add_element(processing, "PROCESSING_BASELINE", acquisition.baseline)
    add_element(processing, "UTC_DATE_TIME", format_time(acquisition.generation))
    add_element(processing, "PROCESSING_CENTER", acquisition.centre_code)
    write_xml(folder / "DATASTRIP" / acquisition.datastrip / "MTD_DS.xml", root, comment=content.notice)


def write_product_page(folder: Path, acquisition: Acquisition, content: ProductContent) -> None:
    """Write ``HTML/UserProduct_index.html``, where real products too have a page for a person.

    Args:
        folder: The product's folder.
        acquisition: The product's name.
        content: The notice.
    """
    path = folder / "HTML" / "UserProduct_index.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    title, text = html.escape(acquisition.product), html.escape(content.notice)
    path.write_text(
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title></head>\n'
        f"<body><h1>{title}</h1><p>{text}</p></body></html>\n",
        encoding="utf-8",
    )
