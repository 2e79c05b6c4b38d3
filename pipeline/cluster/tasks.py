"""Run many tasks on Dask, a bounded number at a time: tried again where that may help, set aside where it does not.

The tasks are taken from an iterator as room comes free, and each result is let go as soon as it was handed over, so
that a million tasks cost the scheduler and the client no more memory than a hundred.
"""

from __future__ import annotations

import heapq
import pickle
import queue
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from pipeline.cluster.client import ClusterError, import_distributed
from pipeline.errors import BusyError, OutputError
from tiles.errors import HostDownError

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Outcome", "SchedulerLostError", "Task", "is_transient", "run_tasks"]

_Future: TypeAlias = Any
"""A ``distributed.Future``, most of whose calls are not typed."""

BUSY_WAIT_S = 1800.0
"""How long a scene that another run is making is waited for; a run that was killed leaves its lock within seconds."""

_FIRST_DELAY_S, _LONGEST_DELAY_S = 0.5, 30.0
_POLL_S = 0.5
_LOST_FOR_GOOD = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)


class SchedulerLostError(ClusterError):
    """The scheduler went away while it was needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One call of the function.

    Attributes:
        key: Names the task; no two of a run share it.
        arguments: Of the call; small, and able to travel to another machine.
        resources: What it takes of the worker's declared resources, such as ``{"GPU": 1}``.
    """

    key: str
    arguments: tuple[Any, ...]
    resources: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a task.

    Attributes:
        key: The task's.
        value: What the function returned; ``None`` where it failed.
        error: Why it was set aside; ``None`` where it was not.
        tries: How often it was begun.
    """

    key: str
    value: Any
    error: BaseException | None
    tries: int


def is_transient(error: BaseException) -> bool:
    """Whether the same work may succeed when it is done again.

    So it is with a worker that died, a read that failed (a share or a server may come back), memory that ran out
    beside other work, and a result that another run is making; not with what is missing, forbidden or not a scene.

    Args:
        error: What a task ended with.
    """
    distributed = import_distributed()
    if isinstance(error, (distributed.KilledWorker, distributed.CancelledError, BusyError, MemoryError)):
        return True
    return isinstance(error, OSError) and not isinstance(error, (OutputError, *_LOST_FOR_GOOD))


def run_tasks(
    client: Client,
    function: Callable[..., Any],
    tasks: Iterable[Task],
    *,
    retries: int = 2,
    in_flight: int | None = None,
    is_transient: Callable[[BaseException], bool] = is_transient,
) -> Iterator[Outcome]:
    """Call a function once a task, on the workers of a cluster.

    Args:
        client: From ``pipeline.cluster.client.open_client``.
        function: Importable on the workers.
        tasks: Taken one by one as room comes free, never all at once.
        retries: How often a task is tried again after an error that may pass. Waiting for another run that is making
            the same result (``BusyError``) is not counted.
        in_flight: Most tasks that are handed over at a time; ``None``: one for each thread that the cluster has, so
            that a worker that dies takes down only what it was doing.
        is_transient: Tells an error that may pass from one that will not.

    Yields:
        An outcome a task, in the order of their ends.

    Raises:
        SchedulerLostError: The scheduler went away.
    """
    flight = _Flight(client, function, retries=retries, in_flight=in_flight, is_transient=is_transient)
    source = iter(tasks)
    try:
        while flight.fill(source):
            yield from flight.take()
    finally:
        flight.end()


@dataclass(frozen=True, slots=True, order=True)
class _Try:
    """A task that is to be begun, and for the how-many-th time; ordered by when it is due."""

    due: float
    number: int
    first_s: float = field(compare=False)
    task: Task = field(compare=False)


class _Flight:
    """The tasks that were handed over, and those that wait to be tried again."""

    def __init__(
        self,
        client: Any,  # noqa: ANN401 (most of its calls are not typed)
        function: Callable[..., Any],
        *,
        retries: int,
        in_flight: int | None,
        is_transient: Callable[[BaseException], bool],
    ) -> None:
        self._client, self._function = client, function
        self._dumps = import_distributed().protocol.pickle.dumps
        self._retries, self._is_transient = retries, is_transient
        self._fixed, self._limit, self._counted_s = in_flight, in_flight or 1, -60.0
        self._address = str(self._client.scheduler.address)
        # Keys of one prefix: Dask keeps an account for each prefix that it ever met.
        self._name = f"{getattr(function, '__name__', 'task').strip('_')}-{uuid.uuid4().hex}"
        self._begun = 0
        self._flying: dict[_Future, _Try] = {}
        self._landed: queue.SimpleQueue[_Future] = queue.SimpleQueue()
        self._waiting: list[_Try] = []

    def fill(self, source: Iterator[Task]) -> bool:
        """Hand over as many tasks as there is room for; false where none is left anywhere."""
        self._require_scheduler()
        self._count_threads()
        while len(self._flying) < self._limit:
            if self._waiting and self._waiting[0].due <= time.monotonic():
                self._submit(heapq.heappop(self._waiting))
            elif (task := next(source, None)) is not None:
                self._submit(_Try(0.0, 1, time.monotonic(), task))
            else:
                break
        return bool(self._flying or self._waiting)

    def take(self) -> Iterator[Outcome]:
        """Wait until a task ends, or one that waits is due, or a moment has passed."""
        landed = self._drain()
        values = self._gather([future for future in landed if future.status == "finished"])
        for future in landed:
            attempt = self._flying.pop(future)
            value, error = values.get(future) or _read_end(future)
            future.release()
            if error is None:
                yield Outcome(key=attempt.task.key, value=value, error=None, tries=attempt.number)
            elif (again := self._resolve_again(attempt, error)) is not None:
                heapq.heappush(self._waiting, again)
            else:
                yield Outcome(key=attempt.task.key, value=None, error=error, tries=attempt.number)

    def end(self) -> None:
        """Call back what was handed over and is not needed any more."""
        futures, self._flying = list(self._flying), {}
        if futures and self._client.status == "running":
            self._client.cancel(futures, force=True)

    def _submit(self, attempt: _Try) -> None:
        self._begun += 1
        future = self._client.submit(
            _call,
            self._dumps((self._function, attempt.task.arguments)),
            key=(self._name, f"{attempt.task.key}#{self._begun}"),
            resources=dict(attempt.task.resources) or None,
            pure=False,
        )
        self._flying[future] = attempt
        future.add_done_callback(self._landed.put)

    def _drain(self) -> list[_Future]:
        wait_s = _POLL_S
        if self._waiting:
            wait_s = min(wait_s, max(0.0, self._waiting[0].due - time.monotonic()))
        try:
            landed = [self._landed.get(timeout=wait_s)]
        except queue.Empty:
            return []
        while not self._landed.empty():
            landed.append(self._landed.get())
        self._require_scheduler()
        return landed

    def _gather(self, futures: list[_Future]) -> dict[_Future, tuple[Any, BaseException | None]]:
        """All at once, for each request is a journey; one by one where a worker died with its answer."""
        try:
            values = self._client.gather(futures)
        except Exception:
            self._require_scheduler()
            return {future: _read_result(future) for future in futures}
        return {future: (value, None) for future, value in zip(futures, values, strict=True)}

    def _resolve_again(self, attempt: _Try, error: BaseException) -> _Try | None:
        """When to try once more; ``None``: not at all."""
        now = time.monotonic()
        if isinstance(error, BusyError) and now - attempt.first_s < BUSY_WAIT_S:
            delay_s = min(_LONGEST_DELAY_S, _FIRST_DELAY_S + (now - attempt.first_s) / 4)
            return _Try(now + delay_s, attempt.number, attempt.first_s, attempt.task)
        if attempt.number > self._retries or not self._is_transient(error):
            return None
        delay_s = min(_LONGEST_DELAY_S, _FIRST_DELAY_S * 2 ** (attempt.number - 1))
        if isinstance(error, HostDownError):  # what comes before is not asked for, and would use up the tries
            delay_s = error.wait_s
        return _Try(now + delay_s, attempt.number + 1, attempt.first_s, attempt.task)

    def _count_threads(self) -> None:
        """Workers come and go: how many tasks the cluster can take is asked now and then."""
        now = time.monotonic()
        if self._fixed is None and now - self._counted_s > 2:
            self._counted_s = now
            try:
                self._limit = max(1, sum(self._client.nthreads().values()))
            except OSError as error:  # it died at this very moment
                raise self._give_up() from error

    def _require_scheduler(self) -> None:
        lost = any(future.status == "cancelled" and _is_scheduler_lost(future) for future in self._flying)
        if lost or self._client.status != "running":
            raise self._give_up()

    def _give_up(self) -> SchedulerLostError:
        self._flying.clear()
        return SchedulerLostError(
            f"The scheduler at {self._address} went away; run the same command again: what is done is not done twice."
        )


def _call(packed: bytes) -> Any:  # noqa: ANN401 (whatever the function returns)
    """Unpack a task on a worker, and only there: a scheduler that did it would import all that the function needs."""
    function, arguments = pickle.loads(packed)  # noqa: S301 (packed by our own client, as Dask itself does)
    try:
        return function(*arguments)
    except Exception as error:
        # Causes of other libraries (GDAL's) cannot travel, and would take the error's own class with them.
        error.__cause__ = error.__context__ = None
        raise


def _is_scheduler_lost(future: _Future) -> bool:
    return getattr(future.exception(), "reason", "") == "scheduler-connection-lost"


def _read_end(future: _Future) -> tuple[Any, BaseException | None]:
    """Why it ended; where the worker that held its answer died, and it was done again meanwhile, that answer."""
    error = future.exception()
    return (None, error) if error is not None else _read_result(future)


def _read_result(future: _Future) -> tuple[Any, BaseException | None]:
    try:
        return future.result(), None
    except Exception as error:  # whatever the task raised is its outcome
        return None, error
