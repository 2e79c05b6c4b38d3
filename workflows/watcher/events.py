"""How rounds, which are processes of their own, tell the watcher what happens: a line of JSON an event, by a pipe."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["PIPE_VARIABLE", "receive_events", "send_event"]

PIPE_VARIABLE = "STRANDLINE_WATCH_EVENTS"
"""Variable of the environment that names the pipe, for processes of the watcher."""

_LONGEST = 4000
"""Bytes: lines up to ``PIPE_BUF`` (4096 on Linux) that several processes write are never mixed. Source: pipe(7)."""

_SHORT_TEXT = 800


def send_event(event: Mapping[str, Any]) -> None:
    """Tell the watcher; where none listens, or it is not fast enough, the event is dropped: the log has it.

    Args:
        event: Values that JSON can hold.
    """
    path = os.environ.get(PIPE_VARIABLE)
    if path is None:
        return
    line = _encode(event)
    if len(line) > _LONGEST:
        text = str(event.get("text", ""))[:_SHORT_TEXT]
        line = _encode({key: event.get(key) for key in ("event", "area", "level")} | {"text": f"{text} ..."})
    with suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)


@contextmanager
def receive_events(take: Callable[[Mapping[str, Any]], None]) -> Iterator[Path]:
    """Listen while the block lasts.

    Args:
        take: Given each event, in another thread.

    Returns:
        The pipe, for ``PIPE_VARIABLE``.
    """
    with tempfile.TemporaryDirectory(prefix="strandline-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "events"
        os.mkfifo(path, 0o600)
        # Open for writing as well, so that the pipe does not end with its first writer.
        descriptor = os.open(path, os.O_RDWR)
        reader = threading.Thread(target=_read, args=(descriptor, take), daemon=True)
        reader.start()
        try:
            yield path
        finally:
            os.write(descriptor, b"\n")  # an empty line is the end
            reader.join(timeout=5)
            os.close(descriptor)


def _encode(event: Mapping[str, Any]) -> bytes:
    return json.dumps(event, default=str).encode() + b"\n"


def _read(descriptor: int, take: Callable[[Mapping[str, Any]], None]) -> None:
    with open(descriptor, "rb", closefd=False) as pipe:
        while (line := pipe.readline().strip()) != b"":
            with suppress(ValueError):
                take(json.loads(line))
