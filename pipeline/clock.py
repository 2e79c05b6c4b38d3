"""Where the time went, by stage and thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Span", "StageClock"]


@dataclass(frozen=True, slots=True)
class Span:
    """One run of a stage.

    Attributes:
        stage: Its name.
        thread: Name of the thread that ran it.
        begin_s: Seconds since the clock was made.
        end_s: The same.
    """

    stage: str
    thread: str
    begin_s: float
    end_s: float


class StageClock:
    """Keeps when named stages ran, in any thread; those of one thread do not nest."""

    def __init__(self) -> None:
        self._began = time.perf_counter()
        self._lock = threading.Lock()
        self._spans: list[Span] = []

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time what runs inside."""
        began = self.total_s
        try:
            yield
        finally:
            span = Span(name, threading.current_thread().name, began, self.total_s)
            with self._lock:
                self._spans.append(span)

    @property
    def spans(self) -> tuple[Span, ...]:
        """All that ran, in the order in which it ended."""
        with self._lock:
            return tuple(self._spans)

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds by stage, added up over threads: together they may exceed the wall time."""
        seconds: dict[str, float] = {}
        for span in self.spans:
            seconds[span.stage] = seconds.get(span.stage, 0.0) + span.end_s - span.begin_s
        return seconds

    @property
    def total_s(self) -> float:
        """Wall time since the clock was made."""
        return time.perf_counter() - self._began
