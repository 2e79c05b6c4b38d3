"""Publish into a store that fsspec knows, where nothing can be renamed.

The files of a result lie in a folder that is named after its fingerprint, and ``item.json`` beside that folder says
which one counts. So the one write of ``item.json`` switches from an older result to a newer one; what it does not name
is left from a process that was killed, or older, and is cleared away.
"""

from __future__ import annotations

import json
import posixpath
import re
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

from pipeline.atomic import open_workspace
from pipeline.publish.results import PublishedResult, describe_result, list_own_assets
from pipeline.publish.target import store_errors
from pipeline.publish.transfer import get_file, is_same_file, put_bytes, put_file, retry
from pipeline.record.catalogue import (
    CATALOGUE_NAME,
    INDEX_NAME,
    PARTS_NAME,
    Unlisted,
    WrittenCatalogue,
    is_part,
    write_catalogue,
)
from pipeline.record.result import ITEM_NAME, PAGE_NAME, Standing, write_json
from pipeline.record.version import raise_version

__all__ = ["Store"]

_VERSION = 12
"""Digits of the fingerprint that name a folder."""

_OURS = re.compile(rf"[0-9a-f]{{{_VERSION}}}/")
"""Where the files of a result lie beside its item; what else somebody keeps there is not touched."""

_TIMES = ("LastModified", "last_modified", "updated", "mtime", "created")
"""How S3, Azure, Google, files and memory say when a file was written."""

_WITHOUT_FOLDERS = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "oss"})
"""Protocols of stores in which a path is only a name."""

_AT_ONCE = 8
"""Files that are uploaded, or items that are read, at a time."""

_IN_FLIGHT = timedelta(days=1)
"""Nobody publishes one result for longer: what is older and not named was left by a process that was killed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """A destination in a store; ``Folder`` does the same on this machine.

    Attributes:
        files: The file system of fsspec.
        root: The destination in it.
        text: Its URL.
    """

    files: Any
    root: str
    text: str

    def name_address(self, path: str) -> str:
        """The URL of a path that counts from the destination."""
        return f"{self.text}/{path}"

    def enter(self, name: str) -> Store:
        """The destination of a folder within.

        Args:
            name: Of the folder.
        """
        return replace(self, root=self._locate(name), text=self.name_address(name))

    def upload_result(self, folder: Path, *, fingerprint: str, keep_free: int = 0) -> bool:
        """Upload a result.

        Args:
            folder: The result, whole.
            fingerprint: Of it.
            keep_free: Means nothing here: a store has no disk of its own that could fill.

        Returns:
            Whether it was uploaded; not where the same result stands there already.

        Raises:
            OutputError: The store did not take it whole; an older result stands.
        """
        name, version = folder.name, fingerprint[:_VERSION]
        with store_errors(self.name_address(name)):
            sizes = self._list_sizes(name)
            before = self._read_item(name)
            standing = describe_result(name, before, sizes)
            is_there = standing.whole and standing.fingerprint == fingerprint
            if not is_there:
                self._upload(folder, version, before)
                sizes = self._list_sizes(name)
            # The item names the new folder by now, so that the older ones are read by nobody.
            older = [path for path in sizes if _OURS.match(path) and not path.startswith(f"{version}/")]
            self._remove([f"{name}/{path}" for path in older])
        return not is_there

    def read_standing(self, name: str) -> Standing:
        """Look at the result that stands under a name.

        Args:
            name: Of the result.

        Raises:
            OutputError: The store cannot be read.
        """
        where = self.name_address(name)
        with store_errors(where):
            sizes = self._list_sizes(name)
            if ITEM_NAME not in sizes:
                return Standing(where=where)
            item = self._read_item(name)
        result = describe_result(name, item, sizes)
        return Standing(where=where, item=item or {}, fingerprint=result.fingerprint if result.whole else None)

    def download_result(self, name: str, out: Path) -> None:
        """Bring a result down, as it was before it went up.

        Args:
            name: Of the result, which stands there.
            out: Folder for results.

        Raises:
            OutputError: It cannot be read or written, or did not arrive whole.
        """
        with store_errors(self.name_address(name)), open_workspace(out, name) as work:
            item = self._read_item(name)
            version = f"{item['properties']['strandline:fingerprint'][:_VERSION]}/"
            checksums = {
                posixpath.normpath(unquote(asset["href"])): asset.get("file:checksum")
                for asset in item["assets"].values()
            }

            def fetch(path: str) -> None:
                local = work.folder / path.removeprefix(version)
                local.parent.mkdir(parents=True, exist_ok=True)
                get_file(self.files, self._locate(f"{name}/{path}"), local, checksum=checksums.get(path))

            paths = [path for path in self._list_sizes(name) if path.startswith(version)]
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="fetch") as pool:
                list(pool.map(fetch, paths))
            for named in (*item["assets"].values(), *item.get("links", ())):
                named["href"] = re.sub(rf"^\./{version}", "./", named["href"])
            write_json(work.folder / ITEM_NAME, item)
            work.publish()

    def read_file(self, path: str) -> bytes | None:
        """What a file holds; ``None`` where there is none.

        Args:
            path: As seen from the destination.

        Raises:
            OutputError: The store cannot be read.
        """
        with store_errors(self.name_address(path)):
            try:
                return bytes(retry(lambda: self.files.cat_file(self._locate(path))))
            except FileNotFoundError:
                return None

    def upload_file(self, local: Path) -> None:
        """Upload a file of the destination itself, under its own name.

        Args:
            local: The file.

        Raises:
            OutputError: The store did not take it.
        """
        with store_errors(self.name_address(local.name)):
            self._make_folders([""])
            put_file(self.files, local, self._locate(local.name))

    def remove_result(self, name: str) -> bool:
        """Remove a result: first what says that it is whole, then the rest.

        Args:
            name: Of the result.

        Returns:
            Whether there was one.

        Raises:
            OutputError: It cannot be removed.
        """
        with store_errors(self.name_address(name)):
            sizes = self._list_sizes(name)
            ours = [path for path in (ITEM_NAME, *sizes) if path in sizes and (path == ITEM_NAME or _OURS.match(path))]
            self._remove([f"{name}/{path}" for path in dict.fromkeys(ours)])
            self._remove_empty_folders(name, sizes)
        return bool(ours)

    def list_results(self) -> tuple[PublishedResult, ...]:
        """The results that stand there, by name.

        Raises:
            OutputError: The store cannot be read.
        """
        return tuple(describe_result(name, item, sizes) for name, item, sizes in self._read_all())

    def sweep(self) -> tuple[str, ...]:
        """Remove what no item names and what was begun over a day ago.

        Returns:
            Names of the results that had such leftovers.

        Raises:
            OutputError: The store cannot be read or written.
        """
        with store_errors(self.text):
            files = self._find_files("")
            named = {f"{name}/{path}" for name, item, sizes in self._read_all() for path in _list_needed(item, sizes)}
            leftovers = [
                path
                for path, facts in files.items()
                if _OURS.match(path.partition("/")[2]) and path not in named and self._is_old(facts)
            ]
            self._remove(leftovers)
        return tuple(sorted({path.partition("/")[0] for path in leftovers}))

    def write_catalogue(self) -> WrittenCatalogue:
        """Write the catalogue of what stands there: its links are relative, and its index names whole addresses.

        Returns:
            What was written, by its paths in the store.

        Raises:
            OutputError: It cannot be written.
        """
        broken: list[Unlisted] = []
        with tempfile.TemporaryDirectory() as folder, store_errors(self.name_address(CATALOGUE_NAME)):
            # The catalogue is made of copies of the items, in a folder that mirrors the destination.
            mirror = Path(folder) / (posixpath.basename(self.root) or "published")
            mirror.mkdir()
            for name, item, sizes in self._read_all():
                if not describe_result(name, item, sizes).whole:
                    broken.append(Unlisted(name=name, reason="its files are missing or not whole"))
                    continue
                (mirror / name).mkdir()
                (mirror / name / ITEM_NAME).write_text(json.dumps(self._make_absolute(name, item)), encoding="utf-8")
            if self.files.exists(self._locate(PAGE_NAME)):
                (mirror / PAGE_NAME).touch()  # the catalogue links to it
            written = write_catalogue(mirror)
            # The index goes first: where a catalogue stands, its index is there.
            self._make_folders([""])
            if written.index is not None:
                put_file(self.files, written.index, self._locate(INDEX_NAME))
            parts = {path.relative_to(mirror).as_posix(): path for path in written.parts}
            self._make_folders(posixpath.dirname(name) for name in parts)
            for name, part in parts.items():
                put_file(self.files, part, self._locate(name))
            put_file(self.files, written.path, self._locate(CATALOGUE_NAME))
            standing = self._list_sizes(PARTS_NAME)
            stale = [f"{PARTS_NAME}/{path}" for path in standing if is_part(path)]
            stale = [name for name in stale if name not in parts]
            if written.index is None and INDEX_NAME in self._find_files(""):
                stale.append(INDEX_NAME)
            self._remove(stale)  # of results that have gone since
            self._remove_empty_folders(PARTS_NAME, standing)
        return replace(
            written,
            path=Path(self._locate(CATALOGUE_NAME)),
            index=Path(self._locate(INDEX_NAME)) if written.index is not None else None,
            parts=tuple(Path(self._locate(name)) for name in parts),
            unlisted=tuple(sorted((*written.unlisted, *broken), key=lambda entry: entry.name)),
        )

    def _upload(self, folder: Path, version: str, before: object) -> None:
        """Upload all files, see that they arrived, and only then say that they count."""
        files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / ITEM_NAME]
        expected = {f"{version}/{path.relative_to(folder).as_posix()}": path for path in files}
        self._make_folders(f"{folder.name}/{posixpath.dirname(path)}" for path in expected)
        standing = self._find_files(folder.name)  # of a run that was stopped
        missing = [
            (local, self._locate(f"{folder.name}/{path}"))
            for path, local in expected.items()
            if path not in standing or not is_same_file(local, standing[path])
        ]
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="upload") as pool:
            for is_item in (False, True):  # those of a mosaic's tiles after what they name
                chosen = [pair for pair in missing if (pair[0].name == ITEM_NAME) == is_item]
                uploads = [pool.submit(put_file, self.files, local, path) for local, path in chosen]
                try:
                    for upload in uploads:
                        upload.result()
                finally:
                    for upload in uploads:
                        upload.cancel()
        # Its files lie a folder deeper than the item says; what was not uploaded, such as the model, stays where it is.
        item = json.loads((folder / ITEM_NAME).read_text(encoding="utf-8"))
        for named in (*item["assets"].values(), *item.get("links", ())):
            path = posixpath.normpath(f"{version}/{unquote(named['href'])}")
            if path in expected:
                named["href"] = f"./{quote(path)}"
        raise_version(item, before)
        text = json.dumps(item, indent=2, ensure_ascii=False) + "\n"
        put_bytes(self.files, text.encode(), self._locate(f"{folder.name}/{ITEM_NAME}"))

    def _make_folders(self, paths: Iterable[str]) -> None:
        """Make folders where the store has such; in others this would make a bucket that was only misspelt."""
        protocols = (self.files.protocol,) if isinstance(self.files.protocol, str) else self.files.protocol
        if not _WITHOUT_FOLDERS.intersection(protocols):
            for path in sorted(set(paths)):
                self.files.makedirs(self._locate(path), exist_ok=True)

    def _read_all(self) -> list[tuple[str, Any, dict[str, int]]]:
        """Name, item and sizes of each result that has an item."""
        with store_errors(self.text):
            by_name: dict[str, dict[str, int]] = {}
            for path, facts in self._find_files("").items():
                name, slash, rest = path.partition("/")
                if slash:
                    by_name.setdefault(name, {})[rest] = int(facts["size"])
            names = [name for name in sorted(by_name) if ITEM_NAME in by_name[name]]
            with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="read") as pool:
                return [
                    (name, item, by_name[name])
                    for name, item in zip(names, pool.map(self._read_item, names), strict=True)
                ]

    def _find_files(self, name: str) -> dict[str, dict[str, Any]]:
        """What fsspec knows of each file under a path, by its path from there."""
        top = self._locate(name)
        self.files.invalidate_cache()
        try:
            files = retry(lambda: self.files.find(top, detail=True))
        except FileNotFoundError:
            return {}
        stem = self.files._strip_protocol(top).rstrip("/")  # as find writes paths
        return {path[len(stem) :].lstrip("/"): facts for path, facts in files.items() if path.startswith(f"{stem}/")}

    def _list_sizes(self, name: str) -> dict[str, int]:
        return {path: int(facts["size"]) for path, facts in self._find_files(name).items()}

    def _read_item(self, name: str) -> Any:  # noqa: ANN401 (JSON, or None where it is none)
        try:
            return json.loads(retry(lambda: self.files.cat_file(self._locate(f"{name}/{ITEM_NAME}"))))
        except (FileNotFoundError, ValueError):
            return None

    def _make_absolute(self, name: str, item: dict[str, Any]) -> dict[str, Any]:
        """An item that names whole addresses: in the index it stands without its folder."""
        own = {path for path, _ in list_own_assets(item)}
        assets = {
            key: asset | {"href": self.name_address(posixpath.normpath(f"{name}/{asset['href']}"))}
            if posixpath.normpath(unquote(asset["href"])) in own
            else asset
            for key, asset in item["assets"].items()
        }
        return item | {"assets": assets}

    def _is_old(self, facts: dict[str, Any]) -> bool:
        """Whether a file was written long ago; stores say so in ways of their own, and one that says nothing is new."""
        written = next((facts[key] for key in _TIMES if facts.get(key) is not None), None)
        if isinstance(written, str):
            with suppress(ValueError):
                written = datetime.fromisoformat(written)
        if isinstance(written, int | float):
            written = datetime.fromtimestamp(written, UTC)
        if not isinstance(written, datetime):
            return False
        return datetime.now(UTC) - (written if written.tzinfo else written.replace(tzinfo=UTC)) > _IN_FLIGHT

    def _remove(self, paths: list[str]) -> None:
        # Items before what they name.
        for path in sorted(paths, key=lambda path: posixpath.basename(path) != ITEM_NAME):
            with suppress(FileNotFoundError):
                retry(partial(self.files.rm_file, self._locate(path)))

    def _remove_empty_folders(self, name: str, sizes: dict[str, int]) -> None:
        """Some stores have folders of their own, which stay when they are empty; one with something in it is kept."""
        parents = {parent.as_posix() for path in sizes for parent in PurePosixPath(name, path).parents} - {"."}
        for parent in sorted(parents, key=len, reverse=True):  # the deepest first
            with suppress(FileNotFoundError, NotImplementedError, OSError):
                self.files.rmdir(self._locate(parent))

    def _locate(self, path: str) -> str:
        return f"{self.root}/{path}".rstrip("/")


def _list_needed(item: object, sizes: dict[str, int]) -> list[str]:
    """The files of a result that its item stands for: itself, and all beside those that it names."""
    try:
        folders = {posixpath.dirname(path) for path, _ in list_own_assets(item)}
    except (KeyError, TypeError, AttributeError):
        folders = set()
    return [path for path in sizes if path == ITEM_NAME or any(path.startswith(f"{folder}/") for folder in folders)]
