"""Where work on many scenes runs: workers on this machine, or a Dask cluster that is already there.

The workers of this machine are sized from its memory and cores, one scene a worker at a time. A worker that is killed,
by the system for its memory or by a person, is started again, and what it was doing counts as one try.
"""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import model_validator

from pipeline.errors import MissingExtraError
from strandline import StrandlineError, __version__
from tiles.cores import count_cores
from tiles.errors import OptionError
from tiles.options import Options

if TYPE_CHECKING:
    from distributed import Client

__all__ = [
    "ClusterError",
    "ClusterOptions",
    "compute_threads",
    "compute_workers",
    "import_distributed",
    "open_client",
    "require_shared_folder",
]

BYTES_A_SCENE = 5 << 29
"""What mapping a full scene takes at most, 2.5 GiB (``benchmarks/full_scene.py``: 2.4)."""

SHARE_OF_MEMORY = 0.85
"""Of this machine's memory; the rest is the system's and the scheduler's."""

WORKERS_WAIT_S = 300.0
"""How long a cluster without workers is given to get one, and a scheduler file to appear."""

_SCHEMES = ("tcp://", "tls://", "ws://", "wss://", "ucx://", "inproc://")

# A scene is no Dask collection: nothing of it is held between tasks, so there is nothing to spill, and a paused worker
# would wait for ever. A worker beyond its memory is killed and started again; a scene that does so is one try.
_LOCAL_CONFIG = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    # Dask has workers give memory back at once, and to take it again for each array costs a sixth of the time.
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
    # Dask looks at each process up to a hundred times a second, for its dashboard: at 3% of a core.
    "distributed.worker.profile.enabled": False,
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "2s",
}


class ClusterError(StrandlineError, OSError):
    """There is no cluster to work on: no scheduler at the address, no workers, or not the right ones."""

    exit_code = 7


class ClusterOptions(Options):
    """Where to work; nothing said means on this machine.

    Attributes:
        workers: Worker processes to start on this machine; ``None``: as memory and cores allow.
        scheduler: Address of a scheduler that is already there, such as ``tcp://10.0.0.5:8786``.
        scheduler_file: File in which such a scheduler wrote its address (``dask scheduler --scheduler-file``).
        threads: Threads that one worker computes and decodes with; ``None``: its share of the cores on this machine,
            one on a cluster.

    Raises:
        OptionError: More than one place is named, or a number is impossible.
    """

    workers: int | None = None
    scheduler: str | None = None
    scheduler_file: Path | None = None
    threads: int | None = None

    @model_validator(mode="after")
    def _check_choices(self) -> Self:
        named = {"--workers": self.workers, "--scheduler": self.scheduler, "--scheduler-file": self.scheduler_file}
        given = [name for name, value in named.items() if value is not None]
        if len(given) > 1:
            raise OptionError(f"Expected one of --workers, --scheduler and --scheduler-file, found {len(given)}.")
        for name, number in (("--workers", self.workers), ("--threads", self.threads)):
            if number is not None and number < 1:
                raise OptionError(f"{name} must be at least 1, found {number}.")
        if self.scheduler is not None and not self.scheduler.startswith(_SCHEMES):
            raise OptionError(f"Expected a scheduler's address such as tcp://10.0.0.5:8786, found {self.scheduler!r}.")
        return self

    @property
    def is_local(self) -> bool:
        """Whether workers are started on this machine."""
        return self.scheduler is None and self.scheduler_file is None


def import_distributed() -> Any:  # noqa: ANN401 (the package is not typed)
    """Import Dask's distributed, which mapping one scene does without.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        import distributed  # noqa: PLC0415 (an extra)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"Work on many scenes runs on Dask, and {error.name} is not installed: pip install 'strandline[scale]'."
        ) from error
    return distributed


def compute_workers(*, cores: int, memory: float) -> int:
    """How many worker processes a machine can feed: one a core, as far as each has memory for a full scene.

    Args:
        cores: That may be used.
        memory: Bytes that may be used.
    """
    return max(1, min(cores, int(memory * SHARE_OF_MEMORY // BYTES_A_SCENE)))


def compute_threads(options: ClusterOptions) -> int:
    """Threads that one worker computes and decodes with, so that two workers do not fight for a core.

    Args:
        options: Where the work runs.
    """
    if options.threads is not None:
        return options.threads
    return max(1, count_cores() // _resolve_workers(options)) if options.is_local else 1


@contextmanager
def open_client(options: ClusterOptions) -> Iterator[Client]:
    """Start workers on this machine, or join the cluster that is meant; leaving the block ends what was started.

    Args:
        options: Where to work.

    Yields:
        A client with at least one worker that runs this version of Strandline.

    Raises:
        ClusterError: No scheduler answers at the address, no worker came within ``WORKERS_WAIT_S``, or the workers
            have another version.
        MissingExtraError: Dask is not installed.
    """
    distributed = import_distributed()
    from dask import config  # noqa: PLC0415 (an extra)

    # What Dask logs when it loses a worker or its scheduler is a page of traceback; it becomes an error of ours.
    with distributed.utils.silence_logging_cmgr(logging.CRITICAL):
        if options.is_local:
            with config.set(_LOCAL_CONFIG), _start_workers(distributed, options) as client:
                yield client
        else:
            with _join_cluster(distributed, _resolve_address(options)) as client:
                yield client


@contextmanager
def _start_workers(distributed: Any, options: ClusterOptions) -> Iterator[Client]:  # noqa: ANN401
    workers = _resolve_workers(options)
    memory = int(_read_memory() * SHARE_OF_MEMORY / workers)
    with (
        distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=memory,
            dashboard_address="127.0.0.1:8787" if _is_free(8787) else "127.0.0.1:0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@contextmanager
def _join_cluster(distributed: Any, address: str) -> Iterator[Client]:  # noqa: ANN401
    try:
        client = distributed.Client(address, name="strandline")
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise ClusterError(
            f"No Dask scheduler answers at {address} ({reason}). Start it, or check the address."
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=WORKERS_WAIT_S)
        except TimeoutError as error:
            raise ClusterError(
                f"The scheduler at {address} had no workers for {WORKERS_WAIT_S:.0f} s: start some "
                f"(dask worker {address} --nthreads 1), or wait until the queue lets them start."
            ) from error
        _require_same_version(client, address)
        yield client


def _require_same_version(client: Client, address: str) -> None:
    """A worker with another version makes other maps, or none; one worker is asked for all."""
    worker = next(iter(client.scheduler_info()["workers"]))
    try:
        version = client.run(_read_version, workers=[worker])[worker]
    except ModuleNotFoundError as error:
        raise ClusterError(
            f"The workers of {address} have no module {error.name}: install strandline {__version__} where they run."
        ) from error
    if version != __version__:
        raise ClusterError(
            f"Expected workers with strandline {__version__} at {address}, found {version}: install it there."
        )


def _read_version() -> str:
    return __version__


def require_shared_folder(client: Client, folder: Path) -> None:
    """Refuse a cluster whose workers cannot see the folder for results, before hours are spent.

    Args:
        client: From ``open_client``.
        folder: Absolute, existing.

    Raises:
        ClusterError: A worker does not see it.
    """
    seen: Mapping[str, bool] = client.run(_is_folder, str(folder))
    blind = [worker for worker, sees in seen.items() if not sees]
    if blind:
        raise ClusterError(
            f"{len(blind)} of {len(seen)} workers do not see the folder {folder} (for one {blind[0]}): choose an --out "
            "that all machines share under the same path."
        )


def _is_folder(path: str) -> bool:
    return Path(path).is_dir()


def _resolve_address(options: ClusterOptions) -> str:
    if options.scheduler is not None or options.scheduler_file is None:
        return options.scheduler or ""
    path, deadline = options.scheduler_file, time.monotonic() + WORKERS_WAIT_S
    while not path.is_file() and time.monotonic() < deadline:
        time.sleep(0.2)
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["address"])
    except FileNotFoundError as error:
        raise ClusterError(
            f"No scheduler wrote {path} within {WORKERS_WAIT_S:.0f} s: start dask scheduler --scheduler-file {path}."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ClusterError(f"Expected a scheduler's file with an address in {path}, found something else.") from error


def _resolve_workers(options: ClusterOptions) -> int:
    return options.workers or compute_workers(cores=count_cores(), memory=_read_memory())


def _read_memory() -> float:
    """Bytes that this process may use, by what the machine has and what a container or batch system allows."""
    import_distributed()
    from distributed.system import MEMORY_LIMIT  # noqa: PLC0415 (an extra)

    return float(MEMORY_LIMIT)


def _is_free(port: int) -> bool:
    """Whether the dashboard can have its usual port; Dask would warn at length where it cannot."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
