"""Tasks on a real cluster: all come back, a bounded number is out at a time, and what dies is tried again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import Client, KilledWorker
from distributed.comm import CommClosedError

from pipeline.cluster import tasks as engine
from pipeline.cluster.client import ClusterOptions, open_client
from pipeline.cluster.tasks import SchedulerLostError, Task, is_transient, run_tasks
from pipeline.errors import BusyError, OutputError, StaleResultError
from tests.pipeline.cluster.dask_processes import DaskProcesses, wait_until
from tests.pipeline.cluster.dask_tasks import add_one, fail_at_first, fail_with_a_cause
from tiles.errors import HostDownError, RasterReadError, SceneError


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with open_client(ClusterOptions(workers=2)) as found:
        yield found


def numbered(count: int) -> Iterator[Task]:
    return (Task(key=str(number), arguments=(number,)) for number in range(count))


def run_one(client: Client, path: Path, failures: int, kind: str, *, retries: int = 2) -> engine.Outcome:
    task = Task(key="one", arguments=(str(path), failures, kind))
    (outcome,) = run_tasks(client, fail_at_first, [task], retries=retries)
    return outcome


def test_every_task_comes_back_once(client: Client) -> None:
    outcomes = list(run_tasks(client, add_one, numbered(50), in_flight=8))
    assert sorted((int(outcome.key), outcome.value) for outcome in outcomes) == [(n, n + 1) for n in range(50)]
    assert {(outcome.error, outcome.tries) for outcome in outcomes} == {(None, 1)}


def test_tasks_are_taken_only_as_room_comes_free(client: Client) -> None:
    taken = 0

    def count_them() -> Iterator[Task]:
        nonlocal taken
        for task in numbered(10**9):
            taken += 1
            yield task

    stream = run_tasks(client, add_one, count_them(), in_flight=3)
    for done in range(1, 20):
        next(stream)
        assert taken <= done + 2 + 3  # what came back together, and what is out
    stream.close()


def test_nothing_stays_behind_on_scheduler_and_client(client: Client) -> None:
    list(run_tasks(client, add_one, numbered(20)))
    stream = run_tasks(client, add_one, numbered(20))
    next(stream)
    stream.close()  # as an error or Ctrl-C does
    assert client.futures == {}
    wait_until(lambda: client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)) == 0)


def test_a_failed_read_is_tried_again_and_a_bug_is_not(client: Client, tmp_path: Path) -> None:
    outcome = run_one(client, tmp_path / "read", 2, "read")
    assert (outcome.value, outcome.tries, outcome.error) == (3, 3, None)
    outcome = run_one(client, tmp_path / "bug", 2, "bug")
    assert outcome.tries == 1
    assert isinstance(outcome.error, TypeError)


def test_a_host_that_is_down_is_left_alone_before_the_next_try(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(HostDownError, "wait_s", 1.2)  # else a try follows after half a second
    began = time.monotonic()
    outcome = run_one(client, tmp_path / "down", 1, "down")
    assert (outcome.value, outcome.tries, outcome.error) == (2, 2, None)
    assert time.monotonic() - began > 1.2


def test_an_error_keeps_its_class_whatever_its_cause(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_WAIT_S", 0.0)
    (outcome,) = run_tasks(client, fail_with_a_cause, [Task(key="one", arguments=())], retries=0)
    assert isinstance(outcome.error, BusyError)
    assert str(outcome.error) == "with a cause"


def test_after_the_last_try_it_is_set_aside(client: Client, tmp_path: Path) -> None:
    outcome = run_one(client, tmp_path / "read", 9, "read", retries=1)
    assert outcome.tries == 2
    assert isinstance(outcome.error, OSError)


def test_a_result_that_another_run_is_making_is_waited_for(client: Client, tmp_path: Path) -> None:
    outcome = run_one(client, tmp_path / "busy", 2, "busy", retries=0)
    assert (outcome.value, outcome.tries, outcome.error) == (3, 1, None)


def test_but_not_for_ever(client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_WAIT_S", 0.0)
    outcome = run_one(client, tmp_path / "busy", 99, "busy", retries=0)
    assert isinstance(outcome.error, BusyError)


def test_a_worker_that_dies_is_one_try_and_the_others_go_on(client: Client, tmp_path: Path) -> None:
    tasks = [Task(key=name, arguments=(str(tmp_path / name), failures, "killed")) for name, failures in CASUALTIES]
    outcomes = {outcome.key: outcome for outcome in run_tasks(client, fail_at_first, tasks, retries=1)}
    assert outcomes["once"].error is None
    assert outcomes["once"].value in {2, 3}  # a third time where a worker dies with the answer that it still holds
    assert isinstance(outcomes["always"].error, KilledWorker)
    assert (tmp_path / "always").read_text() == "xx"
    assert outcomes["never"].error is None


def test_an_answer_that_was_lost_and_made_again_meanwhile_counts(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker dies after it landed: it is not finished at the first look, and is at the second."""
    monkeypatch.setattr(engine._Flight, "_gather", lambda flight, futures: {})
    (outcome,) = run_tasks(client, add_one, [Task(key="one", arguments=(1,))])
    assert (outcome.value, outcome.error) == (2, None)


CASUALTIES = (("once", 1), ("always", 9), ("never", 0))


def test_a_scheduler_that_goes_away_is_one_clear_line(tmp_path: Path) -> None:
    cluster = DaskProcesses(tmp_path)
    try:
        with open_client(ClusterOptions(scheduler_file=cluster.file)) as lost:
            stream = run_tasks(lost, add_one, numbered(10**9))
            next(stream)
            cluster.scheduler.kill()
            with pytest.raises(SchedulerLostError, match="run the same command again") as caught:
                list(stream)
    finally:
        cluster.stop()
    assert cluster.address in str(caught.value)


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (RasterReadError("a share hung"), True),
        (TimeoutError(), True),
        (MemoryError(), True),
        (BusyError("another run"), True),
        (FileNotFoundError(), False),
        (OutputError("the disk is full"), False),
        (StaleResultError("other choices"), False),
        (SceneError("no scene"), False),
        (ValueError(), False),
    ],
)
def test_what_may_pass_and_what_will_not(error: Exception, passes: bool) -> None:
    assert is_transient(error) is passes


def test_a_scheduler_that_dies_while_it_is_asked_is_lost(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two looks at its state a scheduler may die under a question."""

    def die() -> None:
        raise CommClosedError("in <TCP (closed)>: Connection reset by peer")

    monkeypatch.setattr(client, "nthreads", die)
    with pytest.raises(SchedulerLostError, match="went away"):
        list(run_tasks(client, add_one, numbered(1)))
