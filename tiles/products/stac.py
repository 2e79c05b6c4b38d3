"""Open a STAC item: its bands are its assets, on disk or on a host."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from tiles.errors import GridError, RasterReadError, SceneError
from tiles.products.asset_hosts import require_access, strip_credentials
from tiles.products.copies import Copy, find_copy
from tiles.products.dates import SensingTime
from tiles.products.dn_samples import read_samples
from tiles.products.fills import describe_fills, resolve_fills
from tiles.products.headers import RasterHeader, read_header, resolve_scene_grid, sort_bands
from tiles.products.hrefs import is_remote, resolve_href
from tiles.products.item_doubts import doubt_footprint, doubt_grids
from tiles.products.name import describe_baseline, has_offset, make_scene_id
from tiles.products.offers import list_offers
from tiles.products.radiometry import (
    EVIDENCE_BANDS,
    OFFSET_DN,
    QUANTIFICATION,
    OffsetDecision,
    OffsetStatement,
    compute_offset_evidence,
    resolve_nodata_rule,
    resolve_offset,
)
from tiles.products.stac_item import BandAsset, StacItem, parse_stac_item, state_item_offset
from tiles.products.stack import StackOptions
from tiles.scene import BandSource, Radiometry, Scene

__all__ = ["open_stac"]

_TIMEOUT_S = 30
_LONGEST_FAULT = 300


def open_stac(source: str, *, options: StackOptions, avoid: Mapping[str, str] | None = None) -> Scene:
    """Open a STAC item with its assets; of a product that several hosts have, those of the first that gives them.

    Args:
        source: Path or ``http(s)`` URL of the item.
        options: Scale, offset, nodata and date that overrule the item's; ``bands`` is refused.
        avoid: Hosts that are not to be asked, and why.

    Raises:
        SceneError: No item, no bands, an asset that is not there, or bands on different ground.
        RasterReadError: GDAL cannot open an asset; of several hosts, none gives all.
        GridError: An asset has no usable CRS.
    """
    if options.bands is not None:
        raise SceneError(f"--bands names the bands of one file; the STAC item {source} names its own. Leave it out.")
    document = _read_item(source)
    offers = list_offers(document)
    # What the user says of the DN is said of one host's: others may have other ones.
    if len(offers) < 2 or options.scale is not None or options.offset is not None:
        return _open_item(document, source, options)
    faults = dict(avoid or {})
    for offer in offers:
        if offer.host in faults:
            continue
        try:
            scene = _open_item(offer.item, source, options)
        except (SceneError, RasterReadError, GridError) as error:
            faults[offer.host] = str(error)
            continue
        return replace(
            _name_scene(scene, document, source, options),
            host=offer.host,
            hosts=tuple(one.host for one in offers),
            notes=(*_note_hosts(offer.host, faults), *scene.notes),
        )
    raise RasterReadError(
        f"Expected {document.get('id')} at {' or '.join(faults)}, and none gives it: "
        f"{'; '.join(f'{host}: {_shorten_fault(fault)}' for host, fault in faults.items())}. Try again later."
    )


def _name_scene(scene: Scene, document: Mapping[str, Any], source: str, options: StackOptions) -> Scene:
    """The scene under the name and date that the first host gives it, whichever is read: its result has one place."""
    first = parse_stac_item(document, where=source, any_platform=options.any_platform)
    sensed = _resolve_time(first, options)
    name = make_scene_id(first.id or source)
    return replace(scene, id=name, acquired=sensed.moment, date_source=sensed.source)


def _resolve_time(item: StacItem, options: StackOptions) -> SensingTime:
    return item.sensed if options.date is None else SensingTime(moment=options.date, source="--date")


def _note_hosts(host: str, faults: Mapping[str, str]) -> Iterator[str]:
    if faults:
        reasons = "; ".join(f"{name} did not give it ({_shorten_fault(fault)})" for name, fault in faults.items())
        yield f"The scene was read from {host}: {reasons}."


def _shorten_fault(fault: str) -> str:
    text = fault.rstrip(".")
    return text if len(text) <= _LONGEST_FAULT else f"{text[:_LONGEST_FAULT]} …"


def _open_item(document: Any, source: str, options: StackOptions) -> Scene:  # noqa: ANN401 (whatever JSON holds)
    """Open what one host says of a scene."""
    item = parse_stac_item(document, where=source, any_platform=options.any_platform)
    opened = {name: _open_asset(asset, document, source) for name, asset in item.assets.items()}
    headers = {name: asset.header for name, asset in opened.items()}
    sources = {name: header.make_source(name, bands=(1,)) for name, header in headers.items()}
    bands = sort_bands([band for name, band in sources.items() if name != "SCL"])
    sensed = _resolve_time(item, options)
    grid = resolve_scene_grid(bands, where=source)
    radiometry, valid_share = _resolve_radiometry(item, bands, headers, options)
    keys = {name: asset.key for name, asset in item.assets.items()}
    return Scene(
        id=make_scene_id(item.id or source),
        source=strip_credentials(source),
        kind="stac",
        level="L1C" if "B10" in sources else item.level,
        bands=bands,
        grid=grid,
        radiometry=radiometry,
        classification=sources.get("SCL"),
        acquired=sensed.moment,
        date_source=sensed.source,
        baseline=item.baseline,
        platform=item.platform,
        cloud_percent=item.cloud_percent,
        files=tuple(map(strip_credentials, (source, *(band.path for band in sources.values())))),
        notes=(
            *_note_mission(item),
            *_note_copies(item, opened),
            *describe_baseline(item.baseline),
            *doubt_grids(document, keys, {name: header.grid for name, header in headers.items()}),
            *doubt_footprint(document, grid, valid_share=valid_share),
        ),
        simulated=item.simulated,
        other_mission=item.other_mission,
        stated=item.stated,
        origin=_find_origin(document),
    )


def _find_origin(document: Mapping[str, Any]) -> str | None:
    """Where an item says that it stands; ``None`` where it says nothing, or names a file that is not there."""
    for link in document.get("links") or ():
        href = link.get("href") if isinstance(link, Mapping) and link.get("rel") == "self" else None
        if isinstance(href, str) and (is_remote(href) or Path(href).is_file()):
            return strip_credentials(href)
    return None


def _read_item(source: str) -> Any:  # noqa: ANN401 (whatever JSON holds)
    try:
        if source.startswith(("http://", "https://")):
            with urlopen(source, timeout=_TIMEOUT_S) as response:  # noqa: S310 - the scheme was checked
                return json.load(response)
        if source.startswith("s3://"):
            return json.loads(_read_from_store(source))
        return json.loads(Path(source).read_bytes())
    except URLError as error:
        raise SceneError(f"Could not fetch the STAC item {source} ({error.reason}). Check the address.") from error
    except (OSError, ValueError) as error:
        message = f"Expected a STAC item in JSON, could not read {source} ({error}). Give the item's file or http URL."
        raise SceneError(message) from error


def _read_from_store(source: str) -> bytes:
    """What an object store holds under an address.

    Raises:
        OSError: It cannot be read.
    """
    import fsspec  # noqa: PLC0415 (an extra)

    try:
        with fsspec.open(source, "rb") as file:
            return bytes(file.read())
    except ImportError:
        raise
    except Exception as error:  # of whichever library speaks to the store
        raise OSError(" ".join(str(error).split()) or type(error).__name__) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _OpenAsset:
    """An asset that was opened.

    Attributes:
        header: What its file says of itself.
        copy: The file beside the item that has its name, taken or not.
    """

    header: RasterHeader
    copy: Copy | None


def _open_asset(asset: BandAsset, item: Mapping[str, Any], source: str) -> _OpenAsset:
    """Open an asset where it is to be had: beside the item, where its href leads, or at an alternate."""
    faults: list[SceneError | RasterReadError] = []
    copies: list[Copy] = []
    for href in (asset.href, *asset.alternates):
        copy = find_copy(href, asset=item["assets"][asset.key], item=item, source=source)
        copies += [copy] if copy is not None else []
        if copy is not None and copy.fault is None:
            path = str(copy.path)
        else:
            path = resolve_href(href, source=source, collection=item.get("collection"))
        try:
            return _OpenAsset(header=_read_asset(asset, path, source), copy=copy or next(iter(copies), None))
        except (SceneError, RasterReadError) as error:
            faults.append(error)
    raise _explain_faults(asset, faults, copies, source)


def _read_asset(asset: BandAsset, path: str, source: str) -> RasterHeader:
    if not path.startswith("/vsi") and not Path(path).is_file():
        raise SceneError(
            f"Asset {asset.key} ({asset.band}) of {source} is not there: expected the file {path}. "
            "Download it, or correct its href."
        )
    require_access(path)
    return read_header(path)


def _explain_faults(
    asset: BandAsset, faults: Sequence[SceneError | RasterReadError], copies: Sequence[Copy], source: str
) -> SceneError | RasterReadError:
    refused = next((copy for copy in copies if copy.fault is not None), None)
    if refused is not None:
        return SceneError(
            f"Asset {asset.key} ({asset.band}) of {source} cannot be read where its href leads "
            f"({str(faults[0]).rstrip('.')}), and {refused.path.name} beside the item was not taken for it: "
            f"{refused.fault}. Give each item a folder of its own with its files, or correct the href."
        )
    if len(faults) > 1:
        tried = f"{str(faults[0]).rstrip('.')}; nor at {len(faults) - 1} alternate hrefs"
        return type(faults[0])(f"{tried}.")
    return faults[0]


def _note_mission(item: StacItem) -> tuple[str, ...]:
    if item.other_mission is None:
        return ()
    return (f"The item is not of Sentinel-2 ({item.other_mission}), for which the models are made: expect errors.",)


def _note_copies(item: StacItem, opened: Mapping[str, _OpenAsset]) -> Iterator[str]:
    taken = [name for name, asset in opened.items() if asset.copy is not None and asset.copy.fault is None]
    if taken:
        yield f"Copies beside the item were used in place of its remote assets: {', '.join(taken)}."
    refused = {name: asset.copy.fault for name, asset in opened.items() if asset.copy is not None and asset.copy.fault}
    if refused:
        yield (
            f"Files beside the item were not taken for its assets {', '.join(refused)}, which were read where their "
            f"hrefs lead: {next(iter(refused.values()))}."
        )


def _resolve_radiometry(
    item: StacItem, bands: tuple[BandSource, ...], headers: Mapping[str, RasterHeader], options: StackOptions
) -> tuple[Radiometry, float | None]:
    """What DN mean, and the share of the pixels looked at that have data."""
    quantifications = {
        band.name: _resolve_quantification(item.assets[band.name], headers[band.name], options) for band in bands
    }
    usual = Counter(quantifications.values()).most_common(1)[0][0]
    markers = {band.name: _resolve_nodata(item.assets[band.name].nodata, headers[band.name], options) for band in bands}
    sampled = [band for band in bands if band.name in EVIDENCE_BANDS]
    samples = read_samples(
        {band.name: (band.path, band.index) for band in sampled}, masks={band.name: band.masks for band in sampled}
    )
    repeated = samples.compute_repeated_values()
    fills = resolve_fills(repeated, quantifications=quantifications.values(), markers=markers.values())
    alike = {
        name: values * (usual / quantifications[name]) if quantifications[name] != usual else values
        for name, values in samples.select_valid(markers, fills=fills).items()
    }
    statement = state_item_offset(item, quantification=usual)
    if options.offset is not None:
        full = OFFSET_DN * usual / QUANTIFICATION
        statement = OffsetStatement(
            offset=options.offset, source="--offset", final=True, alternative=full, authority="user"
        )
    decision = resolve_offset(statement, compute_offset_evidence(alike, quantification=usual))
    old = has_offset(item.baseline) is False
    radiometry = Radiometry.gather(
        quantifications=quantifications,
        markers=markers,
        offsets=_resolve_band_offsets(item, decision, quantifications, usual),
        source=decision.source,
        nodata_rule=resolve_nodata_rule(
            nodata=0 if 0 in markers.values() else next(iter(markers.values())),
            offset=decision.offset,
            clipped=not old,
        ),
        doubts=(*decision.doubts, *describe_fills(fills)),
        fills=fills,
    )
    return radiometry, samples.compute_valid_share(markers, fills=fills)


def _resolve_band_offsets(
    item: StacItem, decision: OffsetDecision, quantifications: Mapping[str, float], usual: float
) -> dict[str, float]:
    """DN to add a band: its own where ``raster:bands`` was believed, else the decision in its own scale."""
    offsets = {}
    for name, quantification in quantifications.items():
        stated = item.assets[name].offset if decision.authority == "bands" else None
        factor = 1.0 if decision.authority == "user" else quantification / usual
        offsets[name] = round(decision.offset * factor if stated is None else stated * quantification, 6)
    return offsets


def _resolve_quantification(asset: BandAsset, header: RasterHeader, options: StackOptions) -> float:
    """DN per unit of reflectance of a band: as the user says it, then its asset, then its file."""
    scale = options.scale if options.scale is not None else asset.scale
    if not scale:
        scale = header.scales[0] if header.scales[0] not in (0, 1) else 1 / QUANTIFICATION
    return round(1 / scale, 6)


def _resolve_nodata(stated: float | None, header: RasterHeader, options: StackOptions) -> float | None:
    """The marker of a band: as the user says it, then its asset, then its file, else 0."""
    words = (options.nodata, stated, header.markers[0])
    marker = next((value for value in words if value is not None), 0.0)
    return None if math.isnan(marker) else marker
