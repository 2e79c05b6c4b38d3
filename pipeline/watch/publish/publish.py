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
from pipeline.record.catalogue import Unlisted, write_catalogue
from pipeline.record.item import read_fingerprint
from pipeline.watch.publish.folder import (
    copy_result,
    hold_folder,
    list_folder,
    remove_result,
    require_room,
    sweep_folder,
)
from pipeline.watch.publish.results import PublishedResult
from pipeline.watch.publish.store import Store
from pipeline.watch.publish.target import resolve_destination

__all__ = [
    "Published",
    "PublishedCatalogue",
    "PublishedResult",
    "list_published",
    "prune_published",
    "prune_work",
    "publish_result",
    "refresh_catalogue",
    "require_room",
    "sweep_destination",
    "unpublish_result",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A result that stands at its destination.

    Attributes:
        name: Of the result: the scene's id.
        href: Its ``item.json`` there.
        fingerprint: Of the result, see ``pipeline.checksums.compute_fingerprint``.
        already_there: It stood there before, and nothing was done.
        replaced: Other results that were removed for it.
    """

    name: str
    href: str
    fingerprint: str
    already_there: bool
    replaced: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedCatalogue:
    """The catalogue of a destination.

    Attributes:
        href: ``catalog.json``.
        count: Results that it lists.
        unlisted: Results that are broken or half published.
    """

    href: str
    count: int
    unlisted: tuple[Unlisted, ...]


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
    target = resolve_destination(destination)
    if target.folder is not None:
        done = copy_result(folder, target.folder, fingerprint=fingerprint, keep_free=keep_free)
        href = str(target.folder / folder.name / "item.json")
    else:
        store = Store.open(target)
        done = store.upload_result(folder, fingerprint=fingerprint)
        href = f"{target.text.rstrip('/')}/{folder.name}/item.json"
    others = [name for name in dict.fromkeys(replaces) if name != folder.name]
    replaced = tuple(name for name in others if unpublish_result(name, destination))
    return Published(name=folder.name, href=href, fingerprint=fingerprint, already_there=not done, replaced=replaced)


def unpublish_result(name: str, destination: str) -> bool:
    """Remove a result.

    Args:
        name: Of the result.
        destination: Where it stands.

    Returns:
        Whether there was one.

    Raises:
        OutputError: It cannot be removed.
    """
    target = resolve_destination(destination)
    if target.folder is not None:
        return remove_result(target.folder, name)
    return Store.open(target).remove_result(name)


def list_published(destination: str) -> tuple[PublishedResult, ...]:
    """What stands at a destination, by name.

    Args:
        destination: Folder or fsspec URL; one that is not there is empty.

    Raises:
        OutputError: It cannot be read.
    """
    target = resolve_destination(destination)
    return list_folder(target.folder) if target.folder is not None else Store.open(target).list_results()


def prune_published(
    destination: str, *, older_than: timedelta, now: datetime, keep: Collection[str] = ()
) -> tuple[str, ...]:
    """Remove results that were mapped long ago.

    Args:
        destination: Where they stand.
        older_than: Age from which they go, counted from ``created`` of their items.
        now: With a time zone.
        keep: Names that stay, however old.

    Returns:
        Names of those that went.

    Raises:
        OutputError: One cannot be removed.
    """
    old = [
        result.name
        for result in list_published(destination)
        if result.name not in keep and result.created is not None and now - result.created > older_than
    ]
    return tuple(name for name in old if unpublish_result(name, destination))


def prune_work(folder: Path, *, older_than: timedelta, now: datetime, keep: Collection[str] = ()) -> tuple[str, ...]:
    """Remove working copies of results on this machine, see ``prune_published``.

    Args:
        folder: That holds a folder a result.
        older_than: Age from which they go.
        now: With a time zone.
        keep: Names that stay, such as of those that are not published yet.
    """
    return prune_published(str(folder), older_than=older_than, now=now, keep=keep)


def sweep_destination(destination: str) -> tuple[str, ...]:
    """Clear away what killed processes left half published.

    Of a store, only what was begun over a day ago: somebody else may be publishing right now.

    Args:
        destination: Folder or fsspec URL.

    Returns:
        Names of the results that had leftovers.

    Raises:
        OutputError: It cannot be read or written.
    """
    target = resolve_destination(destination)
    return sweep_folder(target.folder) if target.folder is not None else Store.open(target).sweep()


def refresh_catalogue(destination: str) -> PublishedCatalogue:
    """Write the static STAC catalogue of all results at a destination: ``catalog.json`` and ``items.parquet``.

    In a folder all links are relative. In a store the links of the catalogue are relative too, and the index names
    whole addresses.

    Args:
        destination: Folder or fsspec URL.

    Raises:
        OutputError: It cannot be written.
    """
    target = resolve_destination(destination)
    if target.folder is None:
        store = Store.open(target)
        written = store.write_catalogue()
        return PublishedCatalogue(
            href=store.name_address("catalog.json"), count=written.count, unlisted=written.unlisted
        )
    with hold_folder(target.folder):
        written = write_catalogue(target.folder)
    return PublishedCatalogue(href=str(written.path), count=written.count, unlisted=written.unlisted)
