"""Keep the heap of the process small, where the C library is glibc; elsewhere nothing happens.

glibc keeps what is freed for the next who asks, in an arena a thread, and takes larger and larger blocks from there.
Rows of a scene are tens of megabytes, taken and freed by many threads: the holes between them were a quarter of the
peak of a full scene (docs/performance.md).
"""

from __future__ import annotations

import ctypes
import os
from functools import cache
from typing import Any, Final

__all__ = ["limit_heap", "trim_heap"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Of ``mallopt``, as malloc.h numbers them."""

_SETTINGS: Final = {
    "MALLOC_MMAP_THRESHOLD_": (_MMAP_THRESHOLD, 4 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": (_TRIM_THRESHOLD, 32 * 2**20),
    "MALLOC_ARENA_MAX": (_ARENA_MAX, 2),
}
"""From 4 MiB on a block is the system's own and goes back to it at once; below, threads share two arenas, of which 32
MiB may be free at the end: who sets the first alone has 128 KiB there, and finds the same memory anew for each step."""


@cache
def limit_heap() -> None:
    """Set how glibc gives out memory in this process; what the user set by its environment variables stands."""
    mallopt = _find("mallopt")
    if mallopt is not None:
        for variable, (parameter, value) in _SETTINGS.items():
            if variable not in os.environ:
                mallopt(parameter, value)


def trim_heap() -> None:
    """Give freed memory back to the system."""
    trim = _find("malloc_trim")
    if trim is not None:
        trim(0)


@cache
def _find(name: str) -> Any:  # noqa: ANN401 (a function of C)
    try:
        return getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError, TypeError):  # no glibc
        return None
