"""A folder that is either whole or not there.

Results are made in a hidden folder beside their place and moved into it by one rename. A lock keeps two runs from
making the same result at once; what a killed run left is swept away by the next.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import BusyError, OutputError, output_errors

__all__ = ["Workspace", "open_workspace"]

RECORD = "item.json"
"""The file that marks a folder as a result of ours."""


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

        Raises:
            OutputError: The move failed; an older result is still there.
        """
        old = _old_name(self.target)
        with output_errors(self.target):
            if self.target.exists():
                self.target.rename(old)
            self.folder.rename(self.target)
            shutil.rmtree(old, ignore_errors=True)


@contextmanager
def open_workspace(out: Path, name: str) -> Iterator[Workspace]:
    """Make a workspace for the result ``out/name``; leaving the block without ``publish`` removes it.

    Args:
        out: Folder for results; made where it is not there, and removed again where nothing came of it.
        name: Name of the result.

    Raises:
        BusyError: Another run is making the same result.
        OutputError: The folder cannot be written, or holds something else under that name.
    """
    target = out / name
    made = _make_folders(out)
    try:
        with _lock(out / f".{name}.lock"):
            _sweep(target)
            if target.exists() and any(target.iterdir()) and not (target / RECORD).exists():
                raise OutputError(f"{target} holds files that are no result of Strandline: choose another --out.")
            with output_errors(out):
                folder = Path(tempfile.mkdtemp(prefix=f".{name}.begun-", dir=out))
                folder.chmod(0o777 & ~_read_umask())
            try:
                yield Workspace(folder=folder, target=target)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
    finally:
        for path in made:
            if not any(path.iterdir()):
                path.rmdir()


def _make_folders(out: Path) -> list[Path]:
    """Make a folder and those above it; returns those made, deepest first."""
    missing = [path for path in (out, *out.parents) if not path.exists()]
    with output_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    return missing


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold an exclusive lock, which the system releases even when the process is killed."""
    while True:
        with output_errors(path):
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise BusyError(
                f"Another run is making {path.parent / path.name[1:-5]} right now: let it finish."
            ) from None
        # A run that just ended may have removed the file between our open and our lock.
        if path.exists() and path.stat().st_ino == os.fstat(descriptor).st_ino:
            break
        os.close(descriptor)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _sweep(target: Path) -> None:
    """Under the lock: put back an older result that a killed run had moved aside, and remove what it had begun."""
    old = _old_name(target)
    if old.exists() and not target.exists():
        old.rename(target)
    for leftover in (old, *target.parent.glob(f".{target.name}.begun-*")):
        shutil.rmtree(leftover, ignore_errors=True)


def _old_name(target: Path) -> Path:
    return target.with_name(f".{target.name}.old")


def _read_umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
