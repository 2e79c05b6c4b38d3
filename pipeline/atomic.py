"""A file or a folder that is either whole or not there.

Results are made in a hidden folder beside their place and moved into it by one rename. A lock keeps two runs from
making the same result at once; what a killed run left is swept away by the next.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pipeline.errors import OutputError, is_held_open, output_errors
from pipeline.file_lock import hold_lock

__all__ = ["Workspace", "bring_to_disk", "move", "open_draft", "open_workspace", "write_whole"]

RECORD = "item.json"
"""The file that marks a folder as a result of ours."""

_PROTOCOL: Final = re.compile(r"[a-z][a-z0-9+.-]+:")
"""The first part of a path that was meant as a URL; a drive of Windows has one letter."""

_PAUSES_S: Final = (0.05, 0.1, 0.2, 0.4, 0.8)
"""Between tries to move what another program has open: a virus scanner or an indexer is done in no time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Where a result is made, and where it goes.

    Attributes:
        folder: Hidden folder to write into.
        target: Where ``publish`` moves it.
    """

    folder: Path
    target: Path

    def publish(self) -> None:
        """Move the finished folder to its place, replacing an older result.

        All of it reaches the disk before the rename does, so that a power cut cannot leave it with empty files.

        Raises:
            OutputError: It could not be written or moved; an older result is still there.
        """
        old = _old_name(self.target)
        with output_errors(self.target):
            for path in (*self.folder.rglob("*"), self.folder):
                bring_to_disk(path)
            if self.target.exists():
                move(self.target, old)
            try:
                move(self.folder, self.target)
            except OSError:
                if old.exists():
                    move(old, self.target)
                raise
            bring_to_disk(self.target.parent)
            shutil.rmtree(old, ignore_errors=True)


def bring_to_disk(path: Path) -> None:
    """Have the system write a file through, for a rename alone does not: a power cut could leave it empty.

    Args:
        path: The file; or a folder, of which the names are written where that can be asked for (not on Windows, nor
            on some network disks).

    Raises:
        OSError: The file cannot be written.
    """
    flags = os.O_RDONLY if os.name == "posix" else os.O_RDWR  # Windows writes nothing through what is only read
    with suppress(OSError) if path.is_dir() else nullcontext():
        descriptor = os.open(path, flags)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def move(src: Path, dst: Path) -> None:
    """Give a file or a folder its place by one rename; a file that is there is replaced.

    Windows refuses it while a program has one of the files open, so it is tried again for a second and a half.

    Args:
        src: What is moved.
        dst: Where to, on the same disk; no folder is there.

    Raises:
        OSError: It could not be moved; both are as they were.
    """
    for pause_s in _PAUSES_S:
        try:
            src.replace(dst)
        except OSError as error:
            if not is_held_open(error):
                raise
            time.sleep(pause_s)
        else:
            return
    src.replace(dst)


@contextmanager
def open_workspace(out: Path, name: str, *, keep: str | None = None) -> Iterator[Workspace]:
    """Make a workspace for the result ``out/name``; leaving the block without ``publish`` removes it.

    Args:
        out: Folder for results; made where it is not there, and removed again where nothing came of it.
        name: Name of the result.
        keep: What the work stands for, as letters and digits: then what was begun is kept when the run ends early,
            and found again by the next run that says the same. ``None``: nothing is kept.

    Raises:
        BusyError: Another run is making the same result.
        OutputError: The folder cannot be written, or holds something else under that name.
    """
    target = out / name
    if any(_PROTOCOL.fullmatch(part) for part in target.parts):
        raise OutputError(
            f"Expected a folder of this machine for the result, found {target}: this command brings nothing to a "
            "store. Choose a folder, and copy it."
        )
    made = _make_folders(out)
    try:
        busy = f"Another run is making {target} right now: let it finish."
        with hold_lock(out / f".{name}.lock", busy=busy, remove=True):
            _sweep(target, keep)
            if target.exists() and any(target.iterdir()) and not (target / RECORD).exists():
                raise OutputError(f"{target} holds files that are no result of Strandline: choose another --out.")
            with output_errors(out):
                folder = _make_folder(target, keep)
            try:
                yield Workspace(folder=folder, target=target)
            finally:
                if keep is None:
                    shutil.rmtree(folder, ignore_errors=True)
    finally:
        for path in made:
            if not any(path.iterdir()):
                path.rmdir()


def _make_folder(target: Path, keep: str | None) -> Path:
    """The hidden folder, which the umask decides who may read."""
    if keep is not None:
        folder = target.with_name(f".{target.name}.begun-{keep}")
        folder.mkdir(exist_ok=True)
        return folder
    folder = target.with_name(f".{target.name}.begun-{secrets.token_hex(8)}")
    folder.mkdir()
    return folder


def _make_folders(out: Path) -> list[Path]:
    """Make a folder and those above it; returns those made, deepest first."""
    missing = [path for path in (out, *out.parents) if not path.exists()]
    with output_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    return missing


def _sweep(target: Path, keep: str | None) -> None:
    """Under the lock: put back an older result that a killed run had moved aside, and remove what it had begun.

    What stands for the same work as this run stays.
    """
    old = _old_name(target)
    if old.exists() and not target.exists():
        move(old, target)
    for leftover in (old, *target.parent.glob(f".{target.name}.begun-*")):
        if keep is None or leftover.name != f".{target.name}.begun-{keep}":
            shutil.rmtree(leftover, ignore_errors=True)


def _old_name(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


@contextmanager
def open_draft(path: Path) -> Iterator[Path]:
    """Give a hidden draft to write into; when the block ends without an error, it takes the place of the file.

    It reaches the disk before that, so that a power cut cannot leave the file empty.

    Args:
        path: The file; replaced where it exists, and untouched until the draft is whole.

    Yields:
        Where to write, in the same folder.

    Raises:
        OutputError: It cannot be written.
    """
    draft = path.with_name(f".{path.name}.begun")
    with output_errors(path):
        try:
            yield draft
            bring_to_disk(draft)
            move(draft, path)
        finally:
            draft.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Args:
        path: Where to; replaced where it exists.
        text: Its content.

    Raises:
        OutputError: It cannot be written.
    """
    with open_draft(path) as draft:
        draft.write_text(text, encoding="utf-8")
