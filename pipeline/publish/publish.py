"""Publish results: bring the folder of a mapped scene to where people look, whole or not at all.

``item.json`` comes last: where it stands, the result is whole. The same result is published once; another result of the
same scene takes its place, and the older one goes when the newer one stands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from pipeline.errors import OutputError
from pipeline.publish.folder import Folder
from pipeline.publish.store import Store
from pipeline.publish.target import resolve_destination
from pipeline.record.result import ITEM_NAME, read_fingerprint

__all__ = ["Published", "open_destination", "prune_published", "publish_result"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A result that stands at its destination.

    Attributes:
        name: Of the result: the scene's id.
        href: Its ``item.json`` there.
        fingerprint: Of the result, see ``pipeline.checksums.compute_fingerprint``.
        already_made: It stood there before, and nothing was done.
        replaced: Other results that were removed for it.
    """

    name: str
    href: str
    fingerprint: str
    already_made: bool
    replaced: tuple[str, ...]


def open_destination(destination: str) -> Folder | Store:
    """Open a place for results: to list, remove and sweep them, and to write their catalogue.

    Args:
        destination: Folder or fsspec URL; one that is not there is empty.

    Raises:
        OptionError: The destination is none.
        OutputError: It does not open.
        MissingExtraError: The package that speaks its protocol is not installed.
    """
    target = resolve_destination(destination)
    if target.folder is not None:
        return Folder(path=target.folder)
    files, root = target.open()
    return Store(files=files, root=root, text=target.text.rstrip("/"))


def publish_result(folder: Path, destination: str, *, replaces: Iterable[str] = (), keep_free: int = 0) -> Published:
    """Publish one result.

    Args:
        folder: Of the mapped scene, whole, with its ``item.json``.
        destination: Folder or fsspec URL that holds a folder a result.
        replaces: Names of other results that this one stands for from now on, such as an older baseline's.
        keep_free: Bytes of a local disk that must stay free.

    Returns:
        What stands there now.

    Raises:
        OutputError: The result is not whole, the disk is full, the store does not take it; what stood there stands.
        OptionError: The destination is none.
        MissingExtraError: The package that speaks its protocol is not installed.
    """
    fingerprint = read_fingerprint(folder)
    if fingerprint is None:
        raise OutputError(
            f"Expected a whole result in {folder}, found none (its item.json, or a file it names, is not)."
        )
    place = open_destination(destination)
    uploaded = place.upload_result(folder, fingerprint=fingerprint, keep_free=keep_free)
    # What is replaced goes last, so that one of the two always stands.
    others = [name for name in dict.fromkeys(replaces) if name != folder.name]
    return Published(
        name=folder.name,
        href=place.name_address(f"{folder.name}/{ITEM_NAME}"),
        fingerprint=fingerprint,
        already_made=not uploaded,
        replaced=tuple(name for name in others if place.remove_result(name)),
    )


def prune_published(
    destination: str, *, older_than: timedelta, now: datetime, keep: Collection[str] = ()
) -> tuple[str, ...]:
    """Remove results that were mapped long ago.

    Args:
        destination: Where they stand: also a folder of working copies on this machine.
        older_than: Age from which they go, counted from ``created`` of their items.
        now: With a time zone.
        keep: Names that stay, however old, such as of those that are not published yet.

    Returns:
        Names of those that went.

    Raises:
        OutputError: One cannot be removed.
    """
    place = open_destination(destination)
    old = [
        result.name
        for result in place.list_results()
        if result.name not in keep and result.created is not None and now - result.created > older_than
    ]
    return tuple(name for name in old if place.remove_result(name))
