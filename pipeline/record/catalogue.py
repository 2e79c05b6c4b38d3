"""Make a catalogue of a folder of results: ``catalog.json``, and an index of its items, ``items.parquet``.

All links and hrefs are relative to the folder, so it may be moved, or copied to a bucket, as it is. The items' own
files stay as they were written. Each file is written under another name and put in place when it is whole.

Of more items than a browser likes to list, ``catalog.json`` names catalogues by MGRS tile, and these by year:
``catalogues/31UES.json``, ``catalogues/31UES/2024.json``.

Source: STAC 1.1.0, catalogue specification, self-contained catalogues; stac-geoparquet 1.0.0.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pystac

from pipeline.atomic import write_whole
from pipeline.errors import output_errors
from pipeline.record.links import locate_file
from pipeline.record.result import BASIS, ITEM_NAME, PAGE_LINK, PAGE_NAME, UNDATED, write_json
from strandline import __version__
from tiles.products.name import make_scene_id, parse_product_name
from tiles.products.stac_item import is_stac_item

__all__ = [
    "CATALOGUE_NAME",
    "INDEX_NAME",
    "PARTS_NAME",
    "Unlisted",
    "WrittenCatalogue",
    "is_part",
    "link_page",
    "write_catalogue",
]

CATALOGUE_NAME = "catalog.json"
INDEX_NAME = "items.parquet"
PARTS_NAME = "catalogues"
"""Folder of the catalogues by tile and year, where there are any."""

_MOST_ITEMS = 1000
"""Items that one catalogue lists."""

_BATCH = 500
"""Items that are held at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlisted:
    """A result that the catalogue does not list.

    Attributes:
        name: Of its folder.
        reason: Why.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenCatalogue:
    """What was written.

    Attributes:
        path: ``catalog.json``.
        index: ``items.parquet``; ``None`` where there is no item.
        parts: Catalogues by tile and year, each before the one that names it.
        count: Items that are listed.
        unlisted: Results that are broken or half-written, sorted.
        dropped: Properties that the index does without, as the items do not agree on their kind.
    """

    path: Path
    index: Path | None
    parts: tuple[Path, ...]
    count: int
    unlisted: tuple[Unlisted, ...]
    dropped: tuple[str, ...]


def write_catalogue(out: Path) -> WrittenCatalogue:
    """Write the catalogue of all results in a folder; the same results give the same bytes.

    Items are read some hundred at a time, and of each only name, tile and year are kept, so memory does not grow with
    their number beyond that.

    Args:
        out: Folder with a folder a result, each with its ``item.json``.

    Returns:
        What was written, and which results are not in it.

    Raises:
        OutputError: The files cannot be written.
    """
    # A page links to a catalogue without what writes one, which is an extra's.
    from pipeline.record.geoparquet import IndexDraft  # noqa: PLC0415

    listed: list[_Listed] = []
    unlisted: list[Unlisted] = []
    with IndexDraft() as draft:
        for batch in _read_batches(out, unlisted):
            failed = dict(draft.add([item for _, item in batch]))
            unlisted += [Unlisted(name=name, reason=failed[item["id"]]) for name, item in batch if item["id"] in failed]
            listed += [_place(name, item) for name, item in batch if item["id"] not in failed]
        path, index = out / CATALOGUE_NAME, out / INDEX_NAME
        begun = index.with_name(f".{INDEX_NAME}.begun")
        with output_errors(index):
            try:
                if draft.write(begun):
                    begun.replace(index)
                else:
                    index.unlink(missing_ok=True)
            finally:
                begun.unlink(missing_ok=True)
        dropped = draft.dropped
    is_large = len(listed) > _MOST_ITEMS
    parts = _write_parts(out, listed) if is_large else ()
    links = _link_parts(CATALOGUE_NAME, sorted({entry.tile for entry in listed}, key=_order)) if is_large else None
    _write_json(path, _build_catalogue(out, links or _link_items(listed), has_index=bool(listed)))
    _remove_stale(out / PARTS_NAME, parts)
    return WrittenCatalogue(
        path=path,
        index=index if listed else None,
        parts=parts,
        count=len(listed),
        unlisted=tuple(sorted(unlisted, key=lambda entry: entry.name)),
        dropped=dropped,
    )


def link_page(folder: Path) -> None:
    """Let the records of a folder say that there is a page, where they do not yet.

    Args:
        folder: A result, whose page stands.

    Raises:
        OutputError: A record cannot be written.
    """
    for path in (folder / ITEM_NAME, folder / CATALOGUE_NAME):
        if not path.is_file():
            continue
        record = json.loads(path.read_text(encoding="utf-8"))
        if PAGE_LINK not in record["links"]:
            links = record["links"]
            # Where a catalogue that is written once more has it, so that its bytes are the same.
            place = next((number for number, link in enumerate(links) if link["rel"] in {"item", "child"}), len(links))
            record["links"] = [*links[:place], dict(PAGE_LINK), *links[place:]]
            write_json(path, record)


def _read_batches(out: Path, unlisted: list[Unlisted]) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Folders' names with their items, in the order of the names; what is broken goes to ``unlisted``."""
    batch: list[tuple[str, dict[str, Any]]] = []
    with output_errors(out):
        names = sorted(path.name for path in out.iterdir() if path.is_dir() and not path.name.startswith("."))
    for name in names:
        if not (out / name / ITEM_NAME).exists():
            continue
        item = _read_item(out / name)
        if isinstance(item, str):
            unlisted.append(Unlisted(name=name, reason=item))
            continue
        batch.append((name, _relate(item, name)))
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _read_item(folder: Path) -> dict[str, Any] | str:
    """The item of a result, or why it is none."""
    try:
        item = json.loads((folder / ITEM_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return f"{ITEM_NAME} cannot be read ({' '.join(str(error).split())})"
    if not is_stac_item(item) or not isinstance(item.get("id"), str) or not isinstance(item.get("geometry"), dict):
        return f"{ITEM_NAME} is no STAC item with an id and a geometry"
    for key, asset in item["assets"].items():
        href, size = (asset.get(word) if isinstance(asset, dict) else None for word in ("href", "file:size"))
        if not isinstance(href, str):
            return f"asset {key} has no href"
        if size is not None and _is_relative(href) and _measure(locate_file(href, folder)) != size:
            return f"asset {key} ({href}) is missing or not whole"
    whole: dict[str, Any] = item
    return whole


def _measure(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _relate(item: dict[str, Any], name: str) -> dict[str, Any]:
    """An item as the index has it: hrefs count from the folder of folders, where the index stands.

    What decided a result is for its own folder: values of all kinds by the names of files, which no column can hold.
    """
    assets = {
        key: asset | {"href": f"./{posixpath.normpath(posixpath.join(quote(name), asset['href']))}"}
        if _is_relative(asset["href"])
        else asset
        for key, asset in item["assets"].items()
    }
    properties = {name: value for name, value in item["properties"].items() if name != BASIS}
    return item | {"assets": assets, "properties": properties}


def _is_relative(href: str) -> bool:
    return "://" not in href and not href.startswith("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """What is kept of an item: the name of its folder, and where it belongs."""

    name: str
    tile: str
    year: str


def _place(name: str, item: dict[str, Any]) -> _Listed:
    properties = item["properties"]
    product = parse_product_name(item["id"])
    tile = str(properties.get("grid:code") or (product.tile if product else None) or _NO_TILE).removeprefix("MGRS-")
    when = properties.get("datetime") or properties.get("start_datetime")
    dated = not properties.get(UNDATED) and isinstance(when, str) and _YEAR.match(when)
    return _Listed(name=name, tile=tile if _TILE.fullmatch(tile) else _NO_TILE, year=dated[0] if dated else _NO_DATE)


_NO_TILE, _NO_DATE = "no-tile", "no-date"
_TILE, _YEAR = re.compile(r"[0-9]{1,2}[A-Z]{3}"), re.compile(r"[0-9]{4}")
_PART = re.compile(rf"(?:{_TILE.pattern}|{_NO_TILE})(?:/(?:{_YEAR.pattern}|{_NO_DATE}))?\.json")


def _order(tile: str) -> tuple[bool, str]:
    return tile == _NO_TILE, tile


def _write_parts(out: Path, listed: Sequence[_Listed]) -> tuple[Path, ...]:
    """Write the catalogues by tile and year."""
    years: dict[str, dict[str, list[_Listed]]] = {}
    for entry in listed:
        years.setdefault(entry.tile, {}).setdefault(entry.year, []).append(entry)
    written: list[Path] = []

    def write(name: str, title: str, parent: str, links: list[dict[str, str]]) -> None:
        up = "../" * name.count("/")
        path = out / name
        values = _describe_catalogue(make_scene_id(title), title)
        values["links"] = [
            {"rel": "root", "href": f"{up}{CATALOGUE_NAME}", "type": "application/json"},
            {"rel": "parent", "href": f"{up}{parent}", "type": "application/json"},
            *links,
        ]
        with output_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        _write_json(path, values)
        written.append(path)

    for tile, by_year in years.items():
        own = f"{PARTS_NAME}/{tile}.json"
        for year, entries in by_year.items():
            write(f"{PARTS_NAME}/{tile}/{year}.json", f"{tile} {year}", own, _link_items(entries, up="../../"))
        write(own, tile, CATALOGUE_NAME, _link_parts(own, sorted(by_year)))
    return tuple(written)


def is_part(path: str) -> bool:
    """Whether a file is a catalogue by tile or year: nothing else in the folder of these is ours.

    Args:
        path: As seen from ``PARTS_NAME``, with slashes.
    """
    return _PART.fullmatch(path) is not None


def _remove_stale(folder: Path, kept: Collection[Path]) -> None:
    """Remove catalogues of results that have gone since, and their folders where nothing else is in them."""
    with output_errors(folder):
        for path in folder.rglob("*.json"):
            if path not in kept and is_part(path.relative_to(folder).as_posix()):
                path.unlink()
        for path in (*folder.glob("*/"), folder):
            with suppress(OSError):  # it is not there, or not empty
                path.rmdir()


def _link_parts(of: str, names: Sequence[str]) -> list[dict[str, str]]:
    folder = f"./{PARTS_NAME}" if of == CATALOGUE_NAME else f"./{posixpath.basename(of).removesuffix('.json')}"
    return [
        {"rel": "child", "href": f"{folder}/{name}.json", "type": "application/json", "title": name} for name in names
    ]


def _link_items(listed: Sequence[_Listed], up: str = "./") -> list[dict[str, str]]:
    return [
        {
            "rel": "item",
            "href": f"{up}{quote(f'{entry.name}/{ITEM_NAME}')}",
            "type": "application/geo+json",
            "title": entry.name,
        }
        for entry in listed
    ]


def _describe_catalogue(name: str, title: str) -> dict[str, Any]:
    catalogue = pystac.Catalog(
        id=name,
        title=title,
        description=f"Land, water and coastlines, mapped from Sentinel-2 by Strandline {__version__}.",
        catalog_type=pystac.CatalogType.SELF_CONTAINED,
    )
    values: dict[str, Any] = catalogue.to_dict(include_self_link=False, transform_hrefs=False)
    return values


def _build_catalogue(out: Path, links: list[dict[str, str]], *, has_index: bool) -> dict[str, Any]:
    name = make_scene_id(out.resolve().name.split(".begun-")[0])
    values = _describe_catalogue(name, "Land, water and coastlines")
    values["links"] = [{"rel": "root", "href": f"./{CATALOGUE_NAME}", "type": "application/json"}]
    if has_index:
        index = {"rel": "alternate", "href": f"./{INDEX_NAME}", "type": "application/vnd.apache.parquet"}
        values["links"].append(index | {"title": "All items in one table (stac-geoparquet)"})
    if (out / PAGE_NAME).is_file():
        values["links"].append(dict(PAGE_LINK))
    values["links"] += links
    return values


def _write_json(path: Path, values: dict[str, Any]) -> None:
    write_whole(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")
