"""What workers do in tests of the engine; a file counts how often, for workers die and forget."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from pipeline.errors import BusyError
from tiles.errors import HostDownError

_ERRORS = {
    "read": OSError,
    "down": HostDownError,
    "busy": BusyError,
    "bug": TypeError,
    "missing": FileNotFoundError,
}


def count(path: str) -> int:
    """How often this was called with a path, this call among them."""
    with Path(path).open("a") as file:
        file.write("x")
        return file.tell()


class _HomeboundError(Exception):
    """Cannot be made from what it says, as errors of GDAL's cannot: it does not travel."""

    def __init__(self, number: int, words: str) -> None:
        super().__init__(f"{words} {number}")


def fail_with_a_cause() -> None:
    raise BusyError("with a cause") from _HomeboundError(1, "of another library")


def add_one(number: int) -> int:
    return number + 1


def fail_at_first(path: str, failures: int, kind: str) -> int:
    """Fail this many times in this way, then say how often it was called."""
    called = count(path)
    if called <= failures:
        if kind == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        raise _ERRORS[kind](kind)
    return called
