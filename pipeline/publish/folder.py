"""Publish into a folder of this machine.

A result is copied under a hidden name, brought to the disk, and put in place by one rename.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.atomic import open_workspace
from pipeline.errors import BusyError, OutputError, output_errors
from pipeline.publish.results import PublishedResult, describe_result
from pipeline.record.catalogue import WrittenCatalogue, write_catalogue
from pipeline.record.result import ITEM_NAME, read_fingerprint
from pipeline.record.version import publish_work

__all__ = ["Folder", "require_room"]

_LEFTOVER = re.compile(r"\.(.+)\.(?:begun-[^.]*|old|lock)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A destination on this machine; ``Store`` does the same elsewhere.

    Attributes:
        path: Where it is; made where it is not there.
    """

    path: Path

    def name_address(self, path: str) -> str:
        """The whole path of one that counts from the destination."""
        return str(self.path / path)

    def upload_result(self, folder: Path, *, fingerprint: str, keep_free: int = 0) -> bool:
        """Copy a result.

        Args:
            folder: The result.
            fingerprint: Of the result.
            keep_free: Bytes that must stay free on the disk.

        Returns:
            Whether it was copied; not where the same result stands there already.

        Raises:
            BusyError: Another process is publishing the same result.
            OutputError: It cannot be written; what stood there stands.
        """
        # Under the lock of the workspace, so that nobody publishes or removes the same result meanwhile.
        with open_workspace(self.path, folder.name) as work:
            if read_fingerprint(work.target) == fingerprint:
                return False
            with output_errors(folder):
                files = sorted(path for path in folder.rglob("*") if path.is_file())
                needed = sum(path.stat().st_size for path in files)
            require_room(self.path, needed=needed, keep_free=keep_free)
            with output_errors(work.target):
                for path in sorted(files, key=lambda path: path == folder / ITEM_NAME):  # item.json last
                    _copy(path, work.folder / path.relative_to(folder))
            publish_work(work)
        return True

    def remove_result(self, name: str) -> bool:
        """Remove a result: gone by one rename, then cleared away.

        Args:
            name: Of the result.

        Returns:
            Whether it was there.

        Raises:
            BusyError: Another process is publishing it.
            OutputError: It cannot be removed.
        """
        if not (self.path / name).is_dir():
            return False
        with open_workspace(self.path, name) as work, output_errors(work.target):
            if not work.target.is_dir():
                return False
            work.target.rename(work.folder / name)  # which goes with the workspace, at the latest in the next run
        return True

    def list_results(self) -> tuple[PublishedResult, ...]:
        """The results that stand there, by name; a folder that is not there has none.

        Raises:
            OutputError: It cannot be read.
        """
        with output_errors(self.path):
            folders = sorted(path for path in self.path.iterdir() if path.is_dir()) if self.path.is_dir() else []
        return tuple(
            _describe(path) for path in folders if not path.name.startswith(".") and (path / ITEM_NAME).exists()
        )

    def sweep(self, *, keep: Collection[str] = ()) -> tuple[str, ...]:
        """Clear away what killed processes left; what others are at right now stays.

        Args:
            keep: Names of results that are to be gone on with.

        Returns:
            Names of the results that had leftovers.

        Raises:
            OutputError: It cannot be read or written.
        """
        with output_errors(self.path):
            names = [path.name for path in self.path.iterdir()] if self.path.is_dir() else []
        leftovers = [match[1] for match in map(_LEFTOVER.fullmatch, names) if match]
        swept = []
        for name in sorted(set(leftovers) - set(keep)):
            with suppress(BusyError), open_workspace(self.path, name):
                swept.append(name)
        return tuple(swept)

    def write_catalogue(self) -> WrittenCatalogue:
        """Write the catalogue of what stands there, with relative links; waits for others who write it.

        Raises:
            OutputError: It cannot be written.
        """
        with output_errors(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDONLY)
        try:
            with suppress(OSError):  # a disk without locks: two that write the catalogue at once write the same one
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            return write_catalogue(self.path)
        finally:
            os.close(descriptor)


def require_room(folder: Path, *, needed: int = 0, keep_free: int = 0) -> None:
    """Refuse work that would fill a disk, before it is begun.

    Args:
        folder: On the disk in question; the nearest folder above it that is there counts.
        needed: Bytes that will be written.
        keep_free: Bytes that must stay free.

    Raises:
        OutputError: The disk has less.
    """
    standing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
    with output_errors(folder):
        free = shutil.disk_usage(standing).free
    if free < needed + keep_free:
        raise OutputError(
            f"Could not write to {folder}: its disk has {free / 1e9:,.2f} GB, {needed / 1e9:,.2f} GB are to be written "
            f"and {keep_free / 1e9:,.2f} GB are to stay free (limits.keep_free). Free some space, or lower the limit."
        )


def _describe(path: Path) -> PublishedResult:
    try:
        item: object = json.loads((path / ITEM_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        item = None
    sizes = {str(file.relative_to(path)): file.stat().st_size for file in path.rglob("*") if file.is_file()}
    return describe_result(path.name, item, sizes)


def _copy(src: Path, dst: Path) -> None:
    dst.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(src, dst)
