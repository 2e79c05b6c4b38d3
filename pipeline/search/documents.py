"""Read items from files: an item, a collection of items, a static catalogue, stac-geoparquet; here or on a host.

Items are yielded as they stand in their files, not as a library would bring them to its own version, but for their
hrefs, which become absolute: a plan does not lie beside them.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urljoin

import pyarrow
import pyarrow.compute
import pyarrow.parquet
import pystac
import rustac
from pyarrow.parquet import ParquetFile
from pystac.stac_io import StacIO
from pystac_client.exceptions import APIError

from pipeline.search.api import FileIO, RetryingIO
from pipeline.search.errors import SearchError
from pipeline.search.plan import PlanVerdict
from tiles.products.copies import find_copy
from tiles.products.hrefs import resolve_href
from tiles.products.stac_item import is_stac_item

__all__ = ["Document", "change_hrefs", "identify", "make_absolute", "read_geoparquet", "walk_catalogue", "yield_items"]

_PARQUET = b"PAR1"
_BATCH = 200
_GONE = (403, 404, 410)
"""Statuses that say that one document is not to be had."""

_EXPECTED = (
    "the address of a STAC API, a catalogue (catalog.json), an item or a collection of items in JSON, or "
    "stac-geoparquet (.parquet)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a source was found to be.

    Attributes:
        href: Path or URL.
        kind: As in a plan.
        content: The JSON document; empty for stac-geoparquet.
    """

    href: str
    kind: Literal["api", "catalogue", "items", "geoparquet"]
    content: dict[str, Any]


def identify(source: str, *, stac_io: StacIO | None = None) -> Document:
    """Find out what a source is by what is in it.

    Args:
        source: URL or path; of a folder, its ``catalog.json`` is meant.
        stac_io: What reads from a host.

    Raises:
        SearchError: It is nothing that holds items.
    """
    remote = _is_remote(source)
    path = Path(source)
    if not remote and path.is_dir():
        path = path / "catalog.json"
        source = str(path)
    if not remote and not path.is_file():
        raise SearchError(f"Expected {_EXPECTED}; found nothing at {source}. Check the path.")
    if _is_parquet(source, remote=remote):
        return Document(href=source, kind="geoparquet", content={})
    content = (stac_io or FileIO()).read_json(source) if remote else _read_file(path)
    kind = _identify_content(content)
    if kind is None:
        shown = content.get("type", f"keys {', '.join(list(content)[:5])}") if isinstance(content, dict) else "a list"
        raise SearchError(f"Expected {_EXPECTED}; found {shown} in {source}.")
    return Document(href=source, kind=kind, content=content)


def yield_items(document: Document) -> Iterator[dict[str, Any]]:
    """Items of a document that holds them itself.

    Args:
        document: An item or a collection of items.
    """
    items = document.content.get("features", [document.content])
    for item in items:
        yield make_absolute(item, document.href) if isinstance(item, dict) else {"id": repr(item)[:40]}


def walk_catalogue(document: Document, *, stac_io: StacIO | None = None) -> Iterator[dict[str, Any] | PlanVerdict]:
    """Walk a static catalogue to its last item.

    Args:
        document: The catalogue's or collection's.
        stac_io: What reads from a host.

    Yields:
        Its items, and verdicts on what could not be read.
    """
    reader = stac_io or FileIO()
    seen: set[str] = set()
    waiting = [(document.href, document.content)]
    while waiting:
        href, content = waiting.pop(0)
        try:
            catalogue = pystac.read_dict(content, href=href)
        except (ValueError, KeyError, TypeError, AttributeError, pystac.STACError, pystac.STACTypeError) as error:
            yield _set_aside(href, f"no catalogue: {_describe_error(error)}")
            continue
        if not isinstance(catalogue, pystac.Catalog):
            yield _set_aside(href, "no catalogue")
            continue
        for link in (*catalogue.get_item_links(), *catalogue.get_child_links()):
            part = link.get_absolute_href() or link.href
            part = part if _is_remote(part) else resolve_href(part, source=href)
            if part in seen:
                continue
            seen.add(part)
            member = _read_member(part, reader)
            if isinstance(member, PlanVerdict):
                yield member
            elif link.rel == pystac.RelType.CHILD:
                waiting.append((part, member))
            else:
                yield make_absolute(member, part) if is_stac_item(member) else _set_aside(part, "no STAC item")


def read_geoparquet(document: Document, *, reader: RetryingIO | None = None) -> Iterator[dict[str, Any]]:
    """Items of a stac-geoparquet file, some hundred at a time.

    Args:
        document: The file.
        reader: What fetches it from a host.

    Raises:
        SearchError: It is no stac-geoparquet.
        HostError: The host does not give it.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(document.href)
        if reader is not None:
            path = Path(folder) / "fetched.parquet"
            reader.download(document.href, path)
        try:
            for batch in ParquetFile(path).iter_batches(batch_size=_BATCH):
                for item in _read_batch(pyarrow.Table.from_batches([batch]), Path(folder) / "batch.parquet"):
                    yield make_absolute(item, document.href)
        except (pyarrow.ArrowException, rustac.RustacError, OSError, KeyError) as error:
            raise SearchError(
                f"Expected stac-geoparquet, could not read {document.href} ({_describe_error(error)})."
            ) from error


def _read_batch(table: pyarrow.Table, path: Path) -> Iterator[dict[str, Any]]:
    """Rows as items; rustac refuses an item without assets beside others, so those are read by themselves."""
    parts = [table]
    if "assets" in table.column_names:
        bare = table["assets"].is_null()
        parts = [table.filter(pyarrow.compute.invert(bare)), table.filter(bare).drop_columns(["assets"])]
    for part in parts:
        if part.num_rows:
            pyarrow.parquet.write_table(part, path)
            for item in json.loads(json.dumps(rustac.read_sync(str(path), set_self_link=False)["features"])):
                # A table has one set of columns: what other items have, and this one has not, stands there empty.
                yield {key: value if key == "geometry" else _drop_empty(value) for key, value in item.items()}


def _drop_empty(value: Any) -> Any:  # noqa: ANN401 (whatever JSON holds)
    if isinstance(value, dict):
        return {key: _drop_empty(entry) for key, entry in value.items() if entry is not None or key == "datetime"}
    return [_drop_empty(entry) for entry in value] if isinstance(value, list) else value


def change_hrefs(item: dict[str, Any], change: Callable[[str, Mapping[str, Any]], str]) -> dict[str, Any]:
    """A copy of an item in which the href of each asset is changed, and those of its alternates and links.

    Args:
        item: A STAC item; what has no href stays as it is.
        change: Gives the new href for an old one and its asset, which is empty for a link.
    """
    assets, links = item.get("assets"), item.get("links")
    if not isinstance(assets, dict):
        return item

    def change_asset(part: Any, asset: Mapping[str, Any]) -> Any:  # noqa: ANN401 (whatever JSON holds)
        if not isinstance(part, dict):
            return part
        changed = part | ({"href": change(part["href"], asset)} if isinstance(part.get("href"), str) else {})
        if isinstance(part.get("alternate"), dict):
            changed["alternate"] = {key: change_asset(other, asset) for key, other in part["alternate"].items()}
        return changed

    changed = item | {"assets": {key: change_asset(asset, asset) for key, asset in assets.items()}}
    return changed | ({"links": [change_asset(link, {}) for link in links]} if isinstance(links, list) else {})


def make_absolute(item: dict[str, Any], href: str) -> dict[str, Any]:
    """Make the hrefs of an item's assets and links absolute, and say where it stands unless it does.

    Of a remote asset a copy is used that lies beside the item's file, where it can only be the item's.

    Args:
        item: A STAC item.
        href: Where it stands, or the document of several that holds it.
    """
    absolute = change_hrefs(item, lambda asset_href, asset: _resolve_asset(asset_href, asset, item, href))
    links = [link for link in absolute.get("links") or () if isinstance(link, dict)]
    if any(link.get("rel") == "self" for link in links):
        return absolute
    return absolute | {"links": [*links, {"rel": "self", "href": href, "type": "application/geo+json"}]}


def _resolve_asset(asset_href: str, asset: Mapping[str, Any], item: Mapping[str, Any], href: str) -> str:
    if _is_remote(href):
        return asset_href if "://" in asset_href else urljoin(href, asset_href)
    copy = find_copy(asset_href, asset=asset, item=item, source=href) if asset else None
    if copy is not None and copy.fault is None:
        return str(copy.path.resolve())
    path = resolve_href(asset_href, source=href)
    if path.startswith("/vsi"):
        return asset_href
    return str(Path(path).resolve())


def _read_member(href: str, reader: StacIO) -> dict[str, Any] | PlanVerdict:
    """A missing or broken member costs that member; a host that falls silent costs the walk: nothing may be lost."""
    try:
        return reader.read_json(href)
    except (OSError, ValueError, pystac.STACError) as error:
        return _set_aside(href, _describe_error(error))
    except APIError as error:
        if getattr(error, "status_code", None) in _GONE:  # it has none where no answer came
            return _set_aside(href, _describe_error(error))
        raise


def _identify_content(content: object) -> Literal["api", "catalogue", "items"] | None:
    if not isinstance(content, dict):
        return None
    kind = content.get("type")
    if kind == "Feature" and is_stac_item(content):
        return "items"
    if kind == "FeatureCollection" and isinstance(content.get("features"), list):
        return "items"
    if _is_landing_page(content):
        return "api"
    return "catalogue" if kind in {"Catalog", "Collection"} or "stac_version" in content else None


def _is_landing_page(content: dict[str, Any]) -> bool:
    """Of an API that can be searched; a static catalogue may say what it conforms to as well."""
    links = [link.get("rel") for link in content.get("links") or () if isinstance(link, dict)]
    conforms = content.get("conformsTo")
    return isinstance(conforms, list) and ("search" in links or any("item-search" in str(uri) for uri in conforms))


def _is_parquet(source: str, *, remote: bool) -> bool:
    if remote:
        return source.split("?", maxsplit=1)[0].lower().endswith((".parquet", ".geoparquet"))
    with Path(source).open("rb") as file:
        return file.read(4) == _PARQUET


def _read_file(path: Path) -> Any:  # noqa: ANN401 (whatever JSON holds)
    try:
        return json.loads(path.read_bytes())
    except UnicodeDecodeError as error:
        raise SearchError(f"Expected {_EXPECTED}; {path} is none of these.") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise SearchError(f"Expected {_EXPECTED}; {path} is no JSON ({place}).") from error
    except OSError as error:
        raise SearchError(f"Could not read {path} ({error.strerror}).") from error


def _is_remote(href: str) -> bool:
    return href.startswith(("http://", "https://"))


def _describe_error(error: BaseException) -> str:
    reason = getattr(error, "strerror", None) or str(error)
    return " ".join(reason.split())[:160] or type(error).__name__


def _set_aside(href: str, reason: str) -> PlanVerdict:
    return PlanVerdict(id=href, kind="unreadable", reason=f"cannot be read: {reason}")
