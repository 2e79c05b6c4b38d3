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
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from pipeline.errors import OutputError
from pipeline.publish.results import PublishedResult, describe_result, list_own_assets
from pipeline.publish.target import store_errors
from pipeline.record.catalogue import CATALOGUE_NAME, INDEX_NAME, Unlisted, WrittenCatalogue, write_catalogue
from pipeline.record.result import ITEM_NAME

__all__ = ["Store"]

_VERSION = 12
"""Digits of the fingerprint that name a folder."""

_OURS = re.compile(rf"[0-9a-f]{{{_VERSION}}}/")
"""Where the files of a result lie beside its item; what else somebody keeps there is not touched."""

_TIMES = ("LastModified", "last_modified", "updated", "mtime", "created")
"""How S3, Azure, Google, files and memory say when a file was written."""

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
            standing = describe_result(name, self._read_item(name), sizes)
            is_there = standing.whole and standing.fingerprint == fingerprint
            if not is_there:
                self._upload(folder, version)
                sizes = self._list_sizes(name)
            # The item names the new folder by now, so that the older ones are read by nobody.
            older = [path for path in sizes if _OURS.match(path) and not path.startswith(f"{version}/")]
            self._remove([f"{name}/{path}" for path in older])
        return not is_there

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
            written = write_catalogue(mirror)
            # The index goes first: where a catalogue stands, its index is there.
            self.files.makedirs(self.root, exist_ok=True)
            if written.index is not None:
                self.files.put_file(str(written.index), self._locate(INDEX_NAME))
            self.files.put_file(str(written.path), self._locate(CATALOGUE_NAME))
            if written.index is None and INDEX_NAME in self._find_files(""):
                self._remove([INDEX_NAME])  # of results that have gone since
        return replace(
            written,
            path=Path(self._locate(CATALOGUE_NAME)),
            index=Path(self._locate(INDEX_NAME)) if written.index is not None else None,
            unlisted=tuple(sorted((*written.unlisted, *broken), key=lambda entry: entry.name)),
        )

    def _upload(self, folder: Path, version: str) -> None:
        """Upload all files, see that they arrived, and only then say that they count."""
        files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path != folder / ITEM_NAME]
        expected = {f"{version}/{path.relative_to(folder).as_posix()}": path for path in files}
        for parent in sorted({posixpath.dirname(path) for path in expected}):
            self.files.makedirs(self._locate(f"{folder.name}/{parent}"), exist_ok=True)
        for path, local in expected.items():
            self.files.put_file(str(local), self._locate(f"{folder.name}/{path}"))
        arrived = self._list_sizes(folder.name)
        short = [path for path, local in expected.items() if arrived.get(path) != local.stat().st_size]
        if short:
            raise OutputError(f"{self.name_address(folder.name)} did not take {', '.join(short)} whole. Try again.")
        # Its files lie a folder deeper than the item says; what was not uploaded, such as the model, stays where it is.
        item = json.loads((folder / ITEM_NAME).read_text(encoding="utf-8"))
        for asset in item["assets"].values():
            if posixpath.normpath(f"{version}/{asset['href']}") in expected:
                asset["href"] = "./" + posixpath.normpath(f"{version}/{asset['href']}")
        text = json.dumps(item, indent=2, ensure_ascii=False) + "\n"
        self.files.pipe_file(self._locate(f"{folder.name}/{ITEM_NAME}"), text.encode())

    def _read_all(self) -> list[tuple[str, Any, dict[str, int]]]:
        """Name, item and sizes of each result that has an item."""
        with store_errors(self.text):
            by_name: dict[str, dict[str, int]] = {}
            for path, facts in self._find_files("").items():
                name, slash, rest = path.partition("/")
                if slash:
                    by_name.setdefault(name, {})[rest] = int(facts["size"])
            return [
                (name, self._read_item(name), sizes) for name, sizes in sorted(by_name.items()) if ITEM_NAME in sizes
            ]

    def _find_files(self, name: str) -> dict[str, dict[str, Any]]:
        """What fsspec knows of each file under a path, by its path from there."""
        top = self._locate(name)
        self.files.invalidate_cache()
        try:
            files = self.files.find(top, detail=True)
        except FileNotFoundError:
            return {}
        stem = self.files._strip_protocol(top).rstrip("/")  # as find writes paths
        return {path[len(stem) :].lstrip("/"): facts for path, facts in files.items() if path.startswith(f"{stem}/")}

    def _list_sizes(self, name: str) -> dict[str, int]:
        return {path: int(facts["size"]) for path, facts in self._find_files(name).items()}

    def _read_item(self, name: str) -> Any:  # noqa: ANN401 (JSON, or None where it is none)
        try:
            return json.loads(self.files.cat_file(self._locate(f"{name}/{ITEM_NAME}")))
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
        for path in paths:
            with suppress(FileNotFoundError):
                self.files.rm_file(self._locate(path))

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
