"""Keeps NumPy's matrix products on one thread while a world is rendered.

The products are small: threads cost more than they bring (measured: ten times slower on two cores), and how the work
is split among them changes the last bit of float32 sums, so that a seed would not always give the same pixels.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController

__all__ = ["single_threaded"]

_LOCK = threading.Lock()
_STATE: dict[str, Any] = {"users": 0, "limit": None}


@cache
def _find_libraries() -> Any:  # noqa: ANN401  (threadpoolctl has no types)
    return ThreadpoolController().select(internal_api="openblas")


@contextmanager
def single_threaded() -> Iterator[None]:
    """Hold NumPy's linear algebra to one thread; nested and concurrent uses end with the last of them."""
    with _LOCK:
        if _STATE["users"] == 0:
            _STATE["limit"] = _find_libraries().limit(limits=1)
        _STATE["users"] += 1
    try:
        yield
    finally:
        with _LOCK:
            _STATE["users"] -= 1
            if _STATE["users"] == 0:
                _STATE["limit"].restore_original_limits()
