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
def test_small_blocks_stay_in_the_heap_and_large_ones_go_back_at_once() -> None:
    """A block of 3 MiB is found once, not page by page each time; one of 8 MiB is new each time."""
    code = """
import resource
from pipeline.mapping.heap import limit_heap
def count_faults(mebibytes):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        b"x" * (mebibytes * 2**20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
limit_heap()
for mebibytes in (3, 8):
    count_faults(mebibytes)
    print(count_faults(mebibytes))
"""
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "LD_PRELOAD"))}
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=settings)
    small, large = map(int, told.stdout.split())
    assert small < 768  # pages of one block
    assert large >= 20  # a block each, at the least, however large its pages are


@pytest.mark.parametrize("error", [OSError, AttributeError, TypeError])
def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    def refuse(name: str | None) -> object:
        raise error

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    heap.limit_heap()
    heap.trim_heap()
