"""A lock on a file, which the system lets go even when the process that holds it is killed.

On Linux, macOS and Windows alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout, lock_descriptor

from pipeline.errors import BusyError, output_errors

__all__ = ["hold_lock", "is_locked"]

_PATIENCE_S: Final = 0.2
"""A run that just ended may remove the file between our opening and our locking it: then it is tried again."""


@contextmanager
def hold_lock(path: Path, *, busy: str, remove: bool = False) -> Iterator[None]:
    """Hold an exclusive lock while the block runs.

    Args:
        path: The file that is locked, in a folder that is there; made where it is missing.
        busy: What to tell the user where another process, or another part of this one, holds it.
        remove: Remove the file at the end.

    Raises:
        BusyError: Somebody else holds it.
        OutputError: The file cannot be made.
    """
    lock = FileLock(path, thread_local=False)
    with output_errors(path):
        try:
            lock.acquire(timeout=_PATIENCE_S)
        except Timeout:
            raise BusyError(busy) from None
    try:
        yield
    finally:
        if remove:
            with suppress(OSError):  # Windows removes it itself, when the lock is let go
                path.unlink()
        lock.release()


def is_locked(path: Path) -> bool:
    """Whether somebody holds the lock now, as far as this machine can know.

    Args:
        path: The file; where it is missing or cannot be read, nobody does.
    """
    try:
        with path.open("rb") as file:
            return not lock_descriptor(file.fileno(), blocking=False)
    except OSError:
        return False
