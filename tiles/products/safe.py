"""Open a product of ESA: a ``.SAFE`` folder, its zip, its XML, or a user's re-arranged copy.

Band files are found by their names, not by their folders, so a flattened ``IMG_DATA`` opens as well as a genuine one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from tiles.bands import BANDS
from tiles.errors import SceneError
from tiles.products.dn_samples import read_dn_samples
from tiles.products.files import (
    SIMULATION_RECORD,
    BandFile,
    ListedFiles,
    ProductFiles,
    find_band_files,
    list_product_files,
    rank_file,
    select_listed_files,
)
from tiles.products.headers import read_header, resolve_scene_grid, sort_bands
from tiles.products.name import describe_baseline, has_offset, make_scene_id
from tiles.products.radiometry import (
    EVIDENCE_BANDS,
    OFFSET_DN,
    QUANTIFICATION,
    OffsetStatement,
    add_evidence_doubt,
    compute_offset_evidence,
    resolve_offset,
)
from tiles.products.safe_xml import GranuleMetadata, ProductMetadata, parse_granule_metadata, parse_product_metadata
from tiles.scene import BandSource, Radiometry, Scene

__all__ = ["find_product_xml", "open_safe", "resolve_product_radiometry"]

_PRODUCT_XML = re.compile(r"(?:^|/)(?:MTD_MSIL(?:2A|1C)|product_metadata)\.xml$", re.IGNORECASE)
_GRANULE_XML = re.compile(r"(?:^|/)(?:MTD_TL|metadata)\.xml$", re.IGNORECASE)  # metadata.xml: layout of AWS buckets
_GRANULE = re.compile(r"(?:^|/)GRANULE/([^/]+)/")
_CHECKED = ("B02", "B04", "B8A", "B11", "B12")
"""Enough bands to see whether the pixels agree, and none of them at 10 m alone."""
_TILE = re.compile(r"(?:^|[/_])T(\d{2}[A-Z]{3})_")


def find_product_xml(names: Iterable[str]) -> str | None:
    """Find the product's own metadata, or where there is none that of its granule.

    Args:
        names: Relative paths of the product's files.

    Returns:
        The path, or ``None`` where these are no files of a product.

    Raises:
        SceneError: There are several products.
    """
    listed = tuple(names)
    products = [name for name in listed if _PRODUCT_XML.search(name)]
    if len(products) > 1:
        raise SceneError(f"Expected one product, found {len(products)}: {', '.join(products[:4])}. Give one of them.")
    folders_of_aws = {name.removesuffix("tileInfo.json") for name in listed if name.endswith("tileInfo.json")}
    granules = [
        name
        for name in listed
        if _GRANULE_XML.search(name) and (name.lower().endswith("mtd_tl.xml") or name[:-12] in folders_of_aws)
    ]
    return next(iter([*products, *sorted(granules, key=len)]), None)


def open_safe(source: Path) -> Scene:
    """Understand a product, without reading more pixels than a check of its radiometry needs.

    Args:
        source: The ``.SAFE`` folder, its zip, its ``MTD_MSIL2A.xml``, or a folder that holds its files.

    Returns:
        The scene. Its level is ``L1C`` for a top-of-atmosphere product, which is the caller's to refuse.

    Raises:
        SceneError: No product, two granules, band files missing or not of one place.
        UnsafeArchiveError: The zip or the XML asks for something that only an attacker needs.
        RasterReadError: A band file is truncated or unreadable.
        GridError: A band file has no usable CRS.
    """
    files = list_product_files(source.parent if source.suffix.lower() == ".xml" else source)
    xml_name = source.name if source.suffix.lower() == ".xml" else find_product_xml(files.names)
    if xml_name is None:
        raise SceneError(
            f"Expected a Sentinel-2 product, found no MTD_MSIL2A.xml in {source}. Give the folder that holds it."
        )
    metadata, statement = _read_metadata(files, xml_name)
    listed = select_listed_files(find_band_files(files.names), metadata.images)
    images = listed.files
    _require_one_granule(images, metadata, source)
    bands = _open_bands([image for image in images if image.band != "SCL"], files, source)
    grid = resolve_scene_grid(bands, where=str(source))
    scl = _choose_finest([image for image in images if image.band == "SCL"])
    granule = _read_granule(files)
    acquired = granule.acquired if granule and granule.acquired else metadata.acquired
    return Scene(
        id=make_scene_id(metadata.product_uri or source.name),
        source=str(source),
        kind="safe",
        level=metadata.level,
        bands=bands,
        grid=grid,
        radiometry=_check_pixels(metadata, bands, images, files, statement),
        classification=_open_file(scl, files) if scl else None,
        acquired=acquired,
        date_source=None if acquired is None else "metadata of the product",
        baseline=metadata.baseline,
        platform=metadata.platform,
        cloud_percent=metadata.cloud_percent,
        files=_list_files(files, xml_name, bands, scl),
        notes=(*_make_notes(bands), *_describe_missing(listed, images), *describe_baseline(metadata.baseline)),
        simulated=any(PurePosixPath(name).name == SIMULATION_RECORD for name in files.names),
    )


def resolve_product_radiometry(metadata: ProductMetadata, bands: Sequence[BandSource], *, source: str) -> Radiometry:
    """Take the radiometry from a product's own metadata, which is always believed.

    One band with DN 0 makes a pixel missing: ESA clips at 1, so 0 is never ground. In the Fiji product (baseline
    02.13), mostly of dark sea, over half of the DN are 1 in seven bands and not one is 0; in the Slovenian one (05.11)
    the bands agree on 0 but for 3 pixels of B01 along the swath's edge.

    Args:
        metadata: What the product says.
        bands: The bands found.
        source: Who says so, for the record.
    """
    return Radiometry(
        quantification=metadata.quantification,
        offsets={band.name: metadata.offsets.get(band.name, 0.0) for band in bands},
        source=source,
        nodata=metadata.nodata,
        nodata_rule="any",
        doubts=metadata.doubts,
    )


def _read_metadata(files: ProductFiles, xml_name: str) -> tuple[ProductMetadata, OffsetStatement]:
    """The product's metadata and who says what of the offset; from the granule's identifier where that is all."""
    short = xml_name.rsplit("/", 1)[-1]
    xml, where = files.read(xml_name), str(files.root / xml_name)
    if _GRANULE_XML.search(xml_name) is None:
        metadata = parse_product_metadata(xml, where=where)
        said = metadata.offset_element if metadata.offsets else f"(baseline {metadata.baseline}: no offset)"
        final = bool(metadata.offsets) or has_offset(metadata.baseline) is not None
        least = min(metadata.offsets.values(), default=0.0)
        return metadata, OffsetStatement(offset=least, source=f"{short} {said}", final=final)
    granule = parse_granule_metadata(xml, where=where)
    late = has_offset(granule.baseline)
    offset = None if late is None else OFFSET_DN if late else 0.0
    source = f"processing baseline {granule.baseline} ({short}; no product XML)"
    acquired = granule.acquired.date() if granule.acquired else None
    statement = OffsetStatement(offset=offset, source=source, final=late is not None, acquired=acquired)
    return _derive_product(granule, offset), statement


def _derive_product(granule: GranuleMetadata, offset: float | None) -> ProductMetadata:
    return ProductMetadata(
        product_uri=granule.tile_id,
        level=granule.level,
        baseline=granule.baseline,
        platform=granule.platform,
        acquired=granule.acquired,
        quantification=QUANTIFICATION,
        offsets=dict.fromkeys(BANDS, offset or 0.0),
        cloud_percent=granule.cloud_percent,
    )


def _read_granule(files: ProductFiles) -> GranuleMetadata | None:
    name = next((name for name in files.names if name.lower().endswith("mtd_tl.xml")), None)
    return parse_granule_metadata(files.read(name), where=str(files.root / name)) if name else None


def _require_one_granule(images: Sequence[BandFile], metadata: ProductMetadata, source: Path) -> None:
    if not images:
        raise SceneError(
            f"Expected band files such as *_B02_10m.jp2, found metadata alone in {source}. Fetch the whole product."
        )
    folders = {match[1] for image in images if (match := _GRANULE.search(image.name))}
    tiles = {match[1] for image in images if (match := _TILE.search(image.name))}
    several = next((sorted(names) for names in (folders, tiles) if len(names) > 1), None)
    if several is None and len(metadata.granules) > 1 and not tiles:
        several = list(metadata.granules)
    if several:
        raise SceneError(
            f"Expected one granule, found {len(several)} in {source}: {', '.join(several[:4])}. "
            "Make a folder for each with its own files, and map them one by one."
        )


def _choose_finest(images: Sequence[BandFile]) -> BandFile | None:
    return min(images, key=rank_file, default=None)


def _group_by_band(images: Sequence[BandFile]) -> Mapping[str, list[BandFile]]:
    grouped: dict[str, list[BandFile]] = {}
    for image in images:
        grouped.setdefault(image.band, []).append(image)
    return grouped


def _open_bands(images: Sequence[BandFile], files: ProductFiles, source: Path) -> tuple[BandSource, ...]:
    if not images:
        raise SceneError(f"Expected band files such as *_B02_10m.jp2, found none in {source}. Fetch the whole product.")
    chosen = (min(group, key=rank_file) for group in _group_by_band(images).values())
    return sort_bands([_open_file(image, files) for image in chosen])


def _open_file(image: BandFile, files: ProductFiles) -> BandSource:
    return read_header(files.gdal_path(image.name)).make_source(image.band, bands=(1,))


def _check_pixels(
    metadata: ProductMetadata,
    bands: Sequence[BandSource],
    images: Sequence[BandFile],
    files: ProductFiles,
    statement: OffsetStatement,
) -> Radiometry:
    """Ask the coarsest file of each band, which is the cheapest to decode, whether it agrees; or what the offset is."""
    radiometry = resolve_product_radiometry(metadata, bands, source=statement.source)
    grouped = _group_by_band(images)
    wanted = _CHECKED if set(_CHECKED) <= set(grouped) else EVIDENCE_BANDS
    coarsest = {
        band: (files.gdal_path(max(grouped[band], key=lambda image: image.resolution_m or 0).name), 1)
        for band in wanted
        if band in grouped
    }
    samples = read_dn_samples(coarsest, nodata=radiometry.nodata)
    evidence = compute_offset_evidence(samples, quantification=radiometry.quantification)
    if statement.final:
        return add_evidence_doubt(radiometry, evidence)
    decision = resolve_offset(statement, evidence)
    offsets = {band.name: decision.offset for band in bands}
    return replace(radiometry, offsets=offsets, source=decision.source, doubts=(*radiometry.doubts, *decision.doubts))


def _list_files(
    files: ProductFiles, xml_name: str, bands: Sequence[BandSource], scl: BandFile | None
) -> tuple[str, ...]:
    if files.archive:
        return (str(files.root),)
    granules = [name for name in files.names if name.lower().endswith("mtd_tl.xml") and name != xml_name]
    metadata = [files.local_path(name) for name in (xml_name, *granules)]
    chosen = [*metadata, *(band.path for band in bands)]
    return tuple([*chosen, files.local_path(scl.name)] if scl else chosen)


def _make_notes(bands: Sequence[BandSource]) -> tuple[str, ...]:
    finest = min(band.grid.resolution[0] for band in bands)
    if finest <= 10:
        return ()
    return (f"The product holds no band at 10 m: it is mapped at {finest:g} m, the finest that is there.",)


def _describe_missing(listed: ListedFiles, images: Sequence[BandFile]) -> tuple[str, ...]:
    """Which bands are coarser than the product has them, or not there at all, as its own list shows."""
    grouped = _group_by_band(images)
    lost: dict[str, list[str]] = {}
    for band, files in _group_by_band(listed.missing).items():
        finest, there = min(files, key=rank_file), min(grouped.get(band, ()), key=rank_file, default=None)
        if there is None or rank_file(finest) < rank_file(there):
            lost.setdefault(_describe_loss(finest, there), []).append(band)
    if not lost:
        return ()
    words = "; ".join(f"{', '.join(bands)} {loss}" for loss, bands in lost.items())
    return (f"The product is incomplete: of what its own list names it lacks {words}. Fetch it again to have all.",)


def _describe_loss(lost: BandFile, there: BandFile | None) -> str:
    size = f"of {lost.resolution_m} m " if lost.resolution_m else ""
    return f"{size}(there is no other file)" if there is None else f"{size}({there.resolution_m} m was taken instead)"
