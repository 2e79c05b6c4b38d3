"""Keep two processes of one machine out of each other's way; the system frees what a killed one held."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import output_errors
from pipeline.watch.values import AreaFolders

__all__ = ["hold_area", "wait_for_machine", "wait_for_metrics"]


@contextmanager
def hold_area(folders: AreaFolders) -> Iterator[bool]:
    """Be the only one who works in the folders of an area.

    Args:
        folders: Of the area; made where they are not there.

    Yields:
        Whether nobody else is at it.

    Raises:
        OutputError: The folder cannot be written.
    """
    with _lock(folders.home / "lock", wait=False) as held:
        yield held


@contextmanager
def wait_for_machine(work: Path) -> Iterator[None]:
    """Be the only one who maps on this machine's own workers, which are as many as it can feed; waits for others.

    Args:
        work: Folder of the watcher.

    Raises:
        OutputError: It cannot be written.
    """
    with _lock(work / "mapping.lock", wait=True):
        yield


@contextmanager
def wait_for_metrics(work: Path) -> Iterator[None]:
    """Be the only one who writes the numbers of a watcher; waits for others, who need milliseconds.

    Args:
        work: Folder of the watcher.

    Raises:
        OutputError: It cannot be written.
    """
    with _lock(work / "metrics.lock", wait=True):
        yield


@contextmanager
def _lock(path: Path, *, wait: bool) -> Iterator[bool]:
    with output_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)
