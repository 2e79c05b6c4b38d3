"""Cores are those that the process may use."""

from __future__ import annotations

import pytest

from tiles.cores import count_cores


def test_those_that_are_left_to_the_process_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {2, 5, 7} if process == 0 else set(range(99)))
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    assert count_cores() == 3


@pytest.mark.parametrize(("machine", "counted"), [(6, 6), (None, 1)])
def test_where_the_system_does_not_say_all_count(
    monkeypatch: pytest.MonkeyPatch, machine: int | None, counted: int
) -> None:
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: machine)
    assert count_cores() == counted
