"""The clock keeps which thread did what, and adds up over them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from pipeline.clock import StageClock


def test_stages_of_several_threads_are_kept_apart_and_added_up() -> None:
    clock, together = StageClock(), Barrier(2)

    def work(stage: str) -> None:
        with clock.stage(stage):
            together.wait(timeout=10)

    with ThreadPoolExecutor(2, thread_name_prefix="worker") as pool:
        list(pool.map(work, ["decode", "network"]))
    first, second = clock.spans
    assert {first.stage, second.stage} == {"decode", "network"}
    assert {first.thread, second.thread} == {"worker_0", "worker_1"}
    assert max(first.begin_s, second.begin_s) <= min(first.end_s, second.end_s)  # they ran beside each other
    assert sum(clock.seconds.values()) == sum(span.end_s - span.begin_s for span in clock.spans)
    assert clock.total_s >= second.end_s


def test_a_stage_that_fails_is_timed_all_the_same() -> None:
    clock = StageClock()
    with pytest.raises(ValueError, match="cut short"), clock.stage("decode"):
        raise ValueError("cut short")
    assert [span.stage for span in clock.spans] == ["decode"]
