"""Work on the host is done at once, in order, and its marks say when."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest
import torch

from pipeline.predict.device_lanes import Lane, Mark


@dataclass(frozen=True)
class At:
    """A moment at some millisecond, which counts how often it is waited for."""

    ms: float
    waits: list[float]

    def synchronize(self) -> None:
        self.waits.append(self.ms)

    def elapsed_time(self, end_event: At) -> float:
        return end_event.ms - self.ms


def test_a_span_is_in_seconds_since_its_origin() -> None:
    mark = Mark(work="network", begin=At(2250.0, []), end=At(3500.0, []))
    assert mark.compute_span(At(2000.0, [])) == (0.25, 1.5)


def test_a_mark_waits_for_its_end_and_not_for_its_begin() -> None:
    waits: list[float] = []
    Mark(work="network", begin=At(1.0, waits), end=At(2.0, waits)).wait()
    assert waits == [2.0]


def test_on_the_host_work_is_done_when_the_call_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([10.0, 10.5, 12.0, 15.0])
    monkeypatch.setattr(time, "perf_counter", lambda: next(seconds))
    lane, done = Lane(torch.device("cpu")), []
    answer, first = lane.run("copy in", lambda: done.append("copy in") or 7)
    assert (answer, done, first.work) == (7, ["copy in"], "copy in")
    _, second = lane.run("network", lambda: done.append("network"), after=first)
    lane.wait()
    second.wait()
    assert done == ["copy in", "network"]
    assert first.compute_span(first.begin) == (0.0, 0.5)
    assert second.compute_span(first.end) == (1.5, 4.5)


def test_what_goes_wrong_is_raised_at_once() -> None:
    def fail() -> None:
        raise ValueError("no memory")

    with pytest.raises(ValueError, match="no memory"):
        Lane(torch.device("cpu")).run("network", fail)
