"""The Prefect server of a watcher: one that is there already, or one of its own that lives as long as the watcher."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from pathlib import Path

from pipeline.errors import BusyError, MissingExtraError, output_errors
from pipeline.secrets import hide_secrets
from strandline import StrandlineError
from workflows.watcher.child import Child

__all__ = ["Server", "ServerError", "lock_work", "open_server"]

_PORT = 4200
_PORTS = 3
_TAKEN = "already in use"
_READY_S = 600.0
"""A busy machine of two cores took more than two minutes; a server that cannot start ends by itself, at once."""

_POLL_S = 0.1
_STOP_S = 10.0
_HEIR_S = 20.0
"""Seconds for which a new watcher waits for the server of a killed one to end."""

_QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
    "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "DO_NOT_TRACK": "1",
}
"""Nothing is sent to anybody."""

_BOUNDED = {
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": str(30 * 86400),
    "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P7D",
    # It marks each run that is late, twelve times a minute, and SQLite has one writer.
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "60",
}
"""A database that does not grow for ever: runs of 30 days, events of 7."""


class ServerError(StrandlineError, OSError):
    """The server of a watcher, or what runs its rounds, did not start, or died."""

    exit_code = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A Prefect server that answers.

    Attributes:
        api_url: Of its interface for programs.
        environment: Of processes that are to speak to it.
        child: The process; ``None``: it is not ours.
    """

    api_url: str
    environment: Mapping[str, str]
    child: Child | None = None

    @property
    def ui_url(self) -> str:
        """Of its pages for people."""
        return self.api_url.removesuffix("/api")


@contextmanager
def lock_work(work: Path) -> Iterator[int]:
    """Keep a second watcher out of a work folder. The lock goes when this process and its server are gone.

    Args:
        work: The folder; made where it is not there.

    Returns:
        Descriptor of the lock, for children that hold it as well.

    Raises:
        BusyError: Another watcher is at work in it.
        OutputError: The folder cannot be written.
    """
    path = work / "watch.lock"
    with output_errors(path):
        work.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o666)
    try:
        _take(descriptor, path)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def open_server(
    work: Path, *, hide: Callable[[str], str] = hide_secrets, ended: Callable[[], None] | None = None
) -> Iterator[Server]:
    """Give the Prefect server that this machine is set to speak to; where it is set to none, run one meanwhile.

    The one of our own listens on this machine alone, unless ``PREFECT_SERVER_API_HOST`` says otherwise, keeps its
    database in ``work/prefect``, writes ``work/logs/prefect.log``, and ends with the block, or with this process.

    Args:
        work: Folder of the watcher.
        hide: Takes the secrets out of a line of the log.
        ended: Called, from another thread, when the server of our own has ended.

    Raises:
        BusyError: Another watcher is at work in this folder.
        MissingExtraError: Prefect is not installed.
        OutputError: The folder cannot be written.
        ServerError: The server does not start.
    """
    if find_spec("prefect") is None:
        raise MissingExtraError("A watcher needs prefect, which is not installed: pip install 'strandline[schedule]'.")
    with lock_work(work) as lock:
        known = _find_configured()
        if known is not None:
            yield Server(api_url=known, environment={**os.environ, **_choose(_QUIET)})
            return
        with _run_own(work, lock=lock, hide=hide, ended=ended) as server:
            yield server


@contextmanager
def _run_own(
    work: Path, *, lock: int, hide: Callable[[str], str], ended: Callable[[], None] | None
) -> Iterator[Server]:
    """A server of our own; a port that somebody took just before it is no reason to give up."""
    for tries_left in reversed(range(_PORTS)):
        host, port = _choose_address()
        server = _start(work, host=host, port=port, lock=lock, hide=hide, ended=ended)
        assert server.child is not None  # noqa: S101 (it was just started)
        try:
            _await_health(server.child, _reach(host), port)
        except ServerError:
            server.child.stop(_STOP_S)
            if not tries_left or "PREFECT_SERVER_API_PORT" in os.environ or _TAKEN not in server.child.last_words:
                raise
            continue
        except BaseException:
            server.child.stop(_STOP_S)
            raise
        try:
            yield server
        finally:
            server.child.stop(_STOP_S)
        return


def _find_configured() -> str | None:
    """The server that the environment or a profile of Prefect names."""
    from prefect.settings import get_current_settings

    return get_current_settings().api.url


def _take(descriptor: int, path: Path) -> None:
    deadline = time.monotonic() + _HEIR_S
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace")
        # Where the watcher itself is dead, its server is about to end.
        if time.monotonic() > deadline or (holder.isdigit() and Path(f"/proc/{holder}").exists()):
            raise BusyError(
                f"Another watcher (process {holder or 'unknown'}) is at work in {path.parent}: stop it, or give this "
                "one another work folder."
            )
        time.sleep(_POLL_S)


def _choose_address() -> tuple[str, int]:
    """Host and port: as Prefect is set, else this machine alone and 4200, or any port that is free."""
    host = os.environ.get("PREFECT_SERVER_API_HOST", "127.0.0.1")
    wished = os.environ.get("PREFECT_SERVER_API_PORT")
    if wished is not None:
        return host, int(wished)
    for port in (_PORT, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((_reach(host), port))
                return host, int(probe.getsockname()[1])
    raise ServerError(f"Expected a free port on {host} for the Prefect server, found none.")


def _reach(host: str) -> str:
    """Where a server that listens on a host is reached from here."""
    return "127.0.0.1" if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 (nothing is bound to it)


def _choose(defaults: Mapping[str, str]) -> dict[str, str]:
    """What the user has set himself stands."""
    return {name: os.environ.get(name, value) for name, value in defaults.items()}


def _start(
    work: Path, *, host: str, port: int, lock: int, hide: Callable[[str], str], ended: Callable[[], None] | None
) -> Server:
    home = work / "prefect"
    with output_errors(home):
        home.mkdir(parents=True, exist_ok=True)
    api_url = f"http://{_reach(host)}:{port}/api"
    direct = ",".join(filter(None, [os.environ.get("NO_PROXY", os.environ.get("no_proxy")), _reach(host)]))
    # It copies its pages before it shows them, by itself to where it is installed, which may be read-only.
    pages = {"PREFECT_UI_STATIC_DIRECTORY": str((home / "pages").absolute())}
    environment = {
        **os.environ,
        **_choose(_QUIET | _BOUNDED | pages),
        "PREFECT_HOME": str(home.absolute()),
        "PREFECT_API_URL": api_url,
        "NO_PROXY": direct,
        "no_proxy": direct,
        "NO_COLOR": "1",
    }
    child = Child(
        ["-m", "prefect", "server", "start", "--host", host, "--port", str(port)],
        # The pages ask where they came from, by whatever name this machine was reached.
        environment={"PREFECT_UI_API_URL": "/api", **environment},
        log=work / "logs" / "prefect.log",
        hide=hide,
        ended=ended,
        keep_open=[lock],
    )
    return Server(api_url=api_url, environment=environment, child=child)


def _await_health(child: Child, host: str, port: int) -> None:
    deadline = time.monotonic() + _READY_S
    while not _is_healthy(host, port):
        if child.code is not None:
            raise ServerError(
                f"The Prefect server ended as it started (exit code {child.code}): {child.last_words} See {child.log}."
            )
        if time.monotonic() > deadline:
            raise ServerError(f"The Prefect server did not answer within {_READY_S:.0f} s. See {child.log}.")
        time.sleep(_POLL_S)


def _is_healthy(host: str, port: int) -> bool:
    connection = HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", "/api/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
