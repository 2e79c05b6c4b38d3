"""Files beside an item that may be copies of its remote assets: downloads keep the name, and lie beside the item.

A name alone proves nothing: hosts call the bands of every item ``B02.tif``. A file is taken for an item's where
nothing that the item says speaks against it, and no other item in the folder may claim it as well.

Source: STAC 1.1, with the extensions projection 2.0.0 and file 2.1.0 (checksums are multihashes).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import shapely
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import transform_bounds
from shapely.affinity import translate
from shapely.errors import ShapelyError

from tiles.errors import GridError, RasterReadError
from tiles.grid import Grid
from tiles.products.headers import read_header
from tiles.products.hrefs import is_remote, list_alternates, list_file_names
from tiles.products.name import find_tile, parse_product_name
from tiles.products.stac_item import read_box
from tiles.times import parse_moment

__all__ = ["Copy", "contradict_grid", "find_copy", "read_item_footprint"]

_HASHES = {"1220": "sha256", "1114": "sha1", "1340": "sha512", "d50110": "md5"}
_DATE = re.compile(r"(?<!\d)(20\d{6})(?!\d)")
_NAMES = ("s2:product_uri", "sentinel:product_id", "title")
_TELLING = 10
"""Letters of an id from which on it is no chance to find it in the name of a file."""

_FOOTPRINT_DEG = 0.02
"""Footprints are rough: some 2 km."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A file beside an item that has the name of one of its remote assets.

    Attributes:
        path: The file.
        fault: Why it is not taken for the asset; ``None``: it is.
    """

    path: Path
    fault: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """A remote asset of an item that lies beside a file of its name."""

    href: str
    asset: Mapping[str, Any]
    item: Mapping[str, Any]


def find_copy(href: str, *, asset: Mapping[str, Any], item: Mapping[str, Any], source: str) -> Copy | None:
    """Find the file beside an item that may be a copy of a remote asset.

    Args:
        href: Of the asset.
        asset: As in the item.
        item: The STAC item.
        source: Where the item was read from.

    Returns:
        The file, and whether it is the item's; ``None`` where none has the name, or the item is on a host.
    """
    if is_remote(source) or not is_remote(href):
        return None
    names = list_file_names(urlsplit(href).path.rpartition("/")[2])
    path = next((path for name in names if (path := Path(source).parent / name).is_file()), None)
    return None if path is None else Copy(path=path, fault=_find_fault(path, href, asset, item, source))


def _find_fault(path: Path, href: str, asset: Mapping[str, Any], item: Mapping[str, Any], source: str) -> str | None:
    fault = _contradict(path, asset, item)
    if fault is not None or _is_proven(path, asset, item):
        return fault
    if source.lower().endswith(("parquet", ".ndjson")):
        return "it may be that of another item of the same table"
    for claim in _list_claims(path, source):
        another = claim.item.get("id") != item.get("id") and claim.href != href
        if another and _contradict(path, claim.asset, claim.item) is None:
            return f"it may as well be that of {claim.item.get('id')}, which lies in the same folder"
    return None


def _contradict(path: Path, asset: Mapping[str, Any], item: Mapping[str, Any]) -> str | None:
    """What speaks against a file's being an item's."""
    checks = (
        _contradict_folder(path.parent.name, item),
        _contradict_size(path, asset),
        _contradict_ground(path, asset, item),
    )
    return next((fault for fault in checks if fault is not None), None) or _contradict_checksum(path, asset)


def _contradict_folder(folder: str, item: Mapping[str, Any]) -> str | None:
    tile, day = _read_name(folder) if folder.upper().startswith("S2") else (None, None)
    own_tile, own_day = _read_item_name(item)
    other_tile = tile is not None and own_tile is not None and tile != own_tile
    other_day = day is not None and own_day is not None and abs(day - own_day) > timedelta(days=1)
    return f"its folder {folder} is named after another product" if other_tile or other_day else None


def _read_name(text: str) -> tuple[str | None, date | None]:
    """Tile and day in the name of a product or an item."""
    name, stamp = parse_product_name(text), _DATE.search(text)
    acquired = name.acquired if name is not None else None
    if acquired is None and stamp is not None:
        acquired = parse_moment(stamp[1])
    return (name.tile if name is not None else None) or find_tile(text), acquired.date() if acquired else None


def _read_item_name(item: Mapping[str, Any]) -> tuple[str | None, date | None]:
    properties = item.get("properties") or {}
    names = [str(properties[key]) for key in _NAMES if properties.get(key)]
    code = str(properties.get("grid:code") or "").removeprefix("MGRS-")
    tiles = (find_tile(text) for text in (code, *names, str(item.get("id") or "")))
    moment = parse_moment(properties.get("datetime"))
    return next((tile for tile in tiles if tile), None), moment.date() if moment else None


def _contradict_size(path: Path, asset: Mapping[str, Any]) -> str | None:
    stated, size = asset.get("file:size"), path.stat().st_size
    if isinstance(stated, int) and stated != size:
        return f"it has {size} bytes, and file:size says {stated}"
    return None


def _contradict_checksum(path: Path, asset: Mapping[str, Any]) -> str | None:
    same = _compare_checksum(path, asset)
    return "its bytes are not those of file:checksum" if same is False else None


def _compare_checksum(path: Path, asset: Mapping[str, Any]) -> bool | None:
    """Whether the bytes are those that the item states; ``None`` where it states none that is understood."""
    stated = str(asset.get("file:checksum") or "").lower()
    prefix = next((prefix for prefix in _HASHES if stated.startswith(prefix)), None)
    if prefix is None:
        return None
    status = path.stat()
    return _compute_digest(path, _HASHES[prefix], status.st_mtime_ns, status.st_size) == stated.removeprefix(prefix)


@lru_cache(maxsize=64)
def _compute_digest(path: Path, method: str, _mtime_ns: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, method).hexdigest()


def _contradict_ground(path: Path, asset: Mapping[str, Any], item: Mapping[str, Any]) -> str | None:
    try:
        grid = read_header(str(path)).grid
    except (RasterReadError, GridError):
        return None  # whoever opens it will say so
    return contradict_grid(grid, asset, item)


def contradict_grid(grid: Grid, asset: Mapping[str, Any], item: Mapping[str, Any]) -> str | None:
    """What an item says otherwise of the ground than a file does.

    Args:
        grid: The file's.
        asset: As in the item.
        item: A STAC item.

    Returns:
        In words that follow the name of the file; ``None`` where they agree, or the item is silent.
    """
    properties = item.get("properties") or {}
    code = next(
        (place[key] for place in (asset, properties) for key in ("proj:code", "proj:epsg") if place.get(key)), None
    )
    bounds = _read_bounds(asset) or _read_bounds(properties)
    shape = asset.get("proj:shape") or properties.get("proj:shape")
    fault = _contradict_bounds(grid, bounds) if bounds is not None else _contradict_shape(grid, shape)
    return _contradict_crs(grid, code) or fault or _contradict_footprint(grid, item)


def _contradict_crs(grid: Grid, code: object) -> str | None:
    try:
        crs = CRS.from_user_input(code) if code else None
    except CRSError:
        return None
    if crs is None or crs == grid.crs:
        return None
    return f"it lies in {grid.crs.to_string()}, and the item in {crs.to_string()}"


def _contradict_bounds(grid: Grid, bounds: tuple[float, float, float, float]) -> str | None:
    """A copy may be coarser than the asset, but it covers the same ground."""
    near = max(grid.resolution) * 1.01
    if all(abs(side - own) <= near for side, own in zip(bounds, grid.bounds, strict=True)):
        return None
    return "it covers other ground than proj:transform, proj:shape or proj:bbox of the item say"


def _contradict_shape(grid: Grid, shape: object) -> str | None:
    """A copy has as many pixels as the asset, or a whole fraction of them."""
    if not isinstance(shape, list) or len(shape) != 2 or not all(isinstance(side, int) and side > 0 for side in shape):
        return None
    rows, cols = (side / own for side, own in zip(shape, grid.shape, strict=True))
    coarser = max(rows, 1 / rows)
    if abs(rows / cols - 1) < 0.02 and abs(coarser - round(coarser)) < 0.01 * coarser:
        return None
    return f"it has {grid.shape[0]} x {grid.shape[1]} pixels, and proj:shape says {shape[0]} x {shape[1]}"


def _read_bounds(stated: Mapping[str, Any]) -> tuple[float, float, float, float] | None:
    """Left, bottom, right, top, as the projection extension states them of an asset or an item."""
    try:
        if stated.get("proj:transform") and stated.get("proj:shape"):
            transform = Affine(*(float(value) for value in stated["proj:transform"][:6]))
            height, width = (float(side) for side in stated["proj:shape"])
            if transform.is_rectilinear:
                (left, top), (right, bottom) = transform @ (0, 0), transform @ (width, height)
                return min(left, right), min(bottom, top), max(left, right), max(bottom, top)
        left, bottom, right, top = (float(value) for value in stated["proj:bbox"])
    except (KeyError, TypeError, ValueError):
        return None
    return left, bottom, right, top


def _contradict_footprint(grid: Grid, item: Mapping[str, Any]) -> str | None:
    footprint = read_item_footprint(item)
    if footprint is None or shapely.is_empty(footprint):
        return None
    try:
        west, south, east, north = transform_bounds(grid.crs, "EPSG:4326", *grid.bounds)
    except RasterioError:
        return None
    ground = shapely.box(west, south, east + 360 * (east < west), north).buffer(_FOOTPRINT_DEG)
    if any(translate(ground, xoff=turn).intersects(footprint) for turn in (-360.0, 0.0, 360.0)):
        return None
    return "it lies outside the item's footprint"


def read_item_footprint(item: Mapping[str, Any]) -> shapely.Geometry | None:
    """Where an item says that it has data, in degrees; ``None`` where it does not say.

    Args:
        item: A STAC item.
    """
    try:
        return shapely.make_valid(shapely.geometry.shape(item["geometry"]))
    except (KeyError, TypeError, ValueError, AttributeError, ShapelyError):
        pass
    return read_box(item)


def _is_proven(path: Path, asset: Mapping[str, Any], item: Mapping[str, Any]) -> bool:
    """By its bytes, or by a folder or file that is named after the item or its product."""
    if _compare_checksum(path, asset):
        return True
    properties = item.get("properties") or {}
    names = [str(properties.get(key) or "").removesuffix(".SAFE") for key in _NAMES[:2]]
    telling = [name for name in (str(item.get("id") or ""), *names) if len(name) >= _TELLING]
    return any(name in text for name in telling for text in path.parts[-2:])


def _list_claims(path: Path, source: str) -> tuple[_Claim, ...]:
    """Who else may claim a file: all that lie beside it and have a remote asset of its name."""
    documents = {*path.parent.glob("*.json"), *path.parent.glob("*.geojson"), Path(source)}
    there = (document for document in documents if document.is_file())
    return _index_claims(tuple(sorted((str(document), document.stat().st_mtime_ns) for document in there))).get(
        path.name, ()
    )


@lru_cache(maxsize=2)
def _index_claims(state: tuple[tuple[str, int], ...]) -> dict[str, tuple[_Claim, ...]]:
    """Claims by the name of a file; read once as long as the items stay as they are."""
    claims: dict[str, tuple[_Claim, ...]] = {}
    for name, _ in state:
        for item in _read_items(Path(name)):
            for asset in item["assets"].values():
                hrefs = [asset.get("href"), *list_alternates(asset)] if isinstance(asset, Mapping) else []
                for href in (href for href in hrefs if isinstance(href, str) and is_remote(href)):
                    for known in list_file_names(urlsplit(href).path.rpartition("/")[2]):
                        claims[known] = (*claims.get(known, ()), _Claim(href=href, asset=asset, item=item))
    return claims


def _read_items(path: Path) -> Iterator[Mapping[str, Any]]:
    """Items in a JSON file: one, a collection of them, or a plan."""
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return
    if not isinstance(document, dict):
        return
    many = document.get("features") or document.get("items")
    for item in many if isinstance(many, list) else [document]:
        if isinstance(item, dict) and isinstance(item.get("assets"), dict) and "id" in item:
            yield item
