"""Where the hrefs of a STAC item lead: what GDAL opens for them, here or on a host.

An href is a URI reference: it counts from its item, ``%20`` in it is a space, and neither a query nor a fragment is
part of a file's name. What stands in files is at times a plain path all the same, so of several readings of a local
href the first counts that is there.

Source: RFC 3986, sections 2.1 and 4; STAC 1.1, relative and absolute links.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from tiles.products.asset_hosts import resolve_remote

__all__ = ["is_remote", "list_alternates", "list_file_names", "resolve_href"]


_DRIVE = re.compile(r"^/([A-Za-z]:[/\\])")
"""What ``file:///C:/maps`` holds of a path of Windows: a slash before the drive, which is none of its own."""


def is_remote(href: str) -> bool:
    """Whether an href, or a source, is on a host."""
    return "://" in href and not href.startswith("file:")


def resolve_href(href: str, *, source: str, collection: str | None = None) -> str:
    """Find what GDAL opens for an asset.

    Args:
        href: As in the item.
        source: Path or URL of the item.
        collection: Of the item, for hosts that sign a collection at a time.

    Returns:
        A local path, ``/vsicurl/...``, ``/vsicurl?...`` or ``/vsis3/...``.
    """
    if href.startswith("file:"):
        href = _DRIVE.sub(r"\1", unquote(urlsplit(href).path))
        if _DRIVE.match(f"/{href}"):
            return href
        return href if href.startswith("/") else str(Path(source).parent / href)
    if is_remote(href):
        return resolve_remote(urldefrag(href).url, collection=collection)
    if href.startswith("/vsi"):
        return href
    if source.startswith(("http://", "https://", "s3://")):
        return resolve_remote(_join_urls(source, urldefrag(href).url), collection=collection)
    # An item that is a link to another folder counts from where it is seen, or else from where it lies.
    folders = dict.fromkeys((Path(source).parent, Path(source).resolve().parent))
    readings = [folder / name for folder in folders for name in list_file_names(href)]
    return str(next((path for path in readings if path.is_file()), readings[0]))


def _join_urls(source: str, href: str) -> str:
    """The address of what an item names relative to its own; in the keys of an object store nothing is escaped."""
    if not source.startswith("s3://"):
        return urljoin(source, href)
    return f"s3{unquote(urljoin(f'http{source[2:]}', href))[4:]}"


def list_file_names(reference: str) -> list[str]:
    """What a relative reference, or the path of a URL, may be called as a file; as a URI has it first.

    Args:
        reference: Such as ``./my%20bands/B02.tif?version=2``.
    """
    path = reference.partition("#")[0].partition("?")[0]
    return list(dict.fromkeys(name for name in (unquote(path), path, unquote(reference), reference) if name))


def list_alternates(asset: Mapping[str, Any]) -> tuple[str, ...]:
    """Where else an asset is to be had.

    Args:
        asset: As in the item; ``alternate`` holds assets by the name of their host or protocol.

    Source: STAC extension alternate-assets, v1.2.0.
    """
    alternate = asset.get("alternate")
    others = alternate.values() if isinstance(alternate, Mapping) else ()
    hrefs = (other.get("href") for other in others if isinstance(other, Mapping))
    return tuple(href for href in hrefs if isinstance(href, str) and href)
