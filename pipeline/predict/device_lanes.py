"""Work for a GPU in lanes that run beside each other: one for what comes, one for the arithmetic, one for what goes.

Each lane is a CUDA stream. Work is handed over and runs when what it needs is there, which events tell; the host waits
only where it wants the answer. Without a GPU the same calls do the work at once, in the thread that makes them.

Source: PyTorch, CUDA semantics, https://docs.pytorch.org/docs/stable/notes/cuda.html (streams, events, pinned memory).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch

__all__ = ["Lane", "Mark"]

Result = TypeVar("Result")


class Moment(Protocol):
    """What of ``torch.cuda.Event`` is needed here."""

    def synchronize(self) -> None:
        """Wait until it has come."""
        ...

    def elapsed_time(self, end_event: Any) -> float:  # noqa: ANN401 (an event of the same kind)
        """Milliseconds from this one to another; both have come."""
        ...


class _HostMoment:
    """A moment on the host, where all work is done when the call returns."""

    def __init__(self) -> None:
        self.at_s = time.perf_counter()

    def synchronize(self) -> None:
        """It has come already."""

    def elapsed_time(self, end_event: _HostMoment) -> float:
        """Milliseconds from this one to another."""
        return 1000 * (end_event.at_s - self.at_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """When a piece of work began and ended on the device; neither need have come yet.

    Attributes:
        work: Its name.
        begin: Nothing of it ran before.
        end: All of it has run.
    """

    work: str
    begin: Moment
    end: Moment

    def wait(self) -> None:
        """Return when the work is done; the thread sleeps until then."""
        self.end.synchronize()

    def compute_span(self, origin: Moment) -> tuple[float, float]:
        """Begin and end in seconds since a moment; the work is done."""
        return origin.elapsed_time(self.begin) / 1000, origin.elapsed_time(self.end) / 1000


class Lane:
    """Work that runs in the order in which it is handed over.

    Args:
        device: Where it runs; any but a GPU: at once, in the thread of the caller.
    """

    def __init__(self, device: torch.device) -> None:
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def run(self, name: str, work: Callable[[], Result], *, after: Mark | None = None) -> tuple[Result, Mark]:
        """Hand over work. What it returns must not be used by the host before the mark's end.

        Args:
            name: Of the work, for the record.
            work: Calls of torch that do not wait for the device.
            after: It begins when this has ended.
        """
        stream = self._stream
        if stream is None:
            begin: Moment = _HostMoment()
            result = work()
            return result, Mark(work=name, begin=begin, end=_HostMoment())
        with torch.cuda.stream(stream):
            if after is not None and isinstance(after.end, torch.cuda.Event):
                stream.wait_event(after.end)
            begin = _record(stream)
            result = work()
            return result, Mark(work=name, begin=begin, end=_record(stream))

    def wait(self) -> None:
        """Return when all that was handed over is done."""
        if self._stream is not None:
            self._stream.synchronize()


def _record(stream: torch.cuda.Stream) -> torch.cuda.Event:
    # "Blocking": who waits for it sleeps, instead of asking all along.
    event = torch.cuda.Event(enable_timing=True, blocking=True)  # type: ignore[no-untyped-call]
    event.record(stream)
    return event
