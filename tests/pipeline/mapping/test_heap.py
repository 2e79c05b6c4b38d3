"""glibc is told once how to give out memory; what the user set stands; elsewhere nothing happens."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys
from functools import cache

import pytest

from pipeline.mapping import heap


@pytest.fixture(autouse=True)
def _forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was told or found before is not known in a test, nor what is told in it afterwards."""
    for name in ("limit_heap", "_find"):
        monkeypatch.setattr(heap, name, cache(getattr(heap, name).__wrapped__))


def test_giving_memory_back_leaves_what_is_in_use() -> None:
    kept = bytearray(b"x") * 2**20
    heap.trim_heap()
    assert kept == bytearray(b"x") * 2**20


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        (None, [(-3, 4_194_304), (-1, 33_554_432), (-8, 2)]),
        ("MALLOC_ARENA_MAX", [(-3, 4_194_304), (-1, 33_554_432)]),
        ("MALLOC_TRIM_THRESHOLD_", [(-3, 4_194_304), (-8, 2)]),
        ("MALLOC_MMAP_THRESHOLD_", [(-1, 33_554_432), (-8, 2)]),
    ],
)
def test_it_is_told_once_and_what_the_user_set_stands(
    monkeypatch: pytest.MonkeyPatch, variable: str | None, told: list[tuple[int, int]]
) -> None:
    heard: list[tuple[int, int]] = []
    monkeypatch.setattr(heap, "_find", lambda name: lambda *values: heard.append(values) if name == "mallopt" else None)
    for name in ("MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"):
        monkeypatch.delenv(name, raising=False)
    if variable is not None:
        monkeypatch.setenv(variable, "4")
    heap.limit_heap()
    heap.limit_heap()
    assert heard == told


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_what_is_taken_again_and_again_is_found_once() -> None:
    """A block of 3 MiB goes back to the heap and not to the system, which would have to find each page again."""
    code = """
import resource
from pipeline.mapping.heap import limit_heap
import numpy as np
limit_heap()
for _ in range(3):
    np.ones(3 * 2**20, np.uint8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    np.ones(3 * 2**20, np.uint8)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "LD_PRELOAD"))}
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=settings)
    assert int(told.stdout) < 768  # pages of one block


@pytest.mark.parametrize("error", [OSError, AttributeError, TypeError])
def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def refuse(name: str | None) -> object:
        raise error

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    heap.limit_heap()
    heap.trim_heap()
