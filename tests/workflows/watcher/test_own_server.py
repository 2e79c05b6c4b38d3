"""How the watcher's own server is started, waited for, tried again and kept to one machine."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.errors import BusyError
from workflows.watcher import server
from workflows.watcher.server import Server, ServerError, lock_work


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        *server._QUIET,
        *server._BOUNDED,
        "PREFECT_SERVER_API_HOST",
        "PREFECT_SERVER_API_PORT",
        "NO_PROXY",
        "no_proxy",
    ):
        monkeypatch.delenv(name, raising=False)


class Clock:
    """Time that passes while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds == 0.1
        self.now += 1.0


class FakeChild:
    """A process that is only written down."""

    started: list[dict[str, Any]] = []  # noqa: RUF012

    def __init__(self, arguments: list[str], **choices: Any) -> None:  # noqa: ANN401
        self.started.append({"arguments": arguments, **choices})
        self.code, self.log, self.last_words = None, choices["log"], "Address already in use"
        self.stops: list[float] = []

    def stop(self, grace_s: float) -> None:
        self.stops.append(grace_s)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    FakeChild.started = []
    monkeypatch.setattr(server, "Child", FakeChild)
    return FakeChild.started


def start(work: Path, host: str = "0.0.0.0") -> Server:  # noqa: S104
    return server._start(work, host=host, port=4242, lock=7, hide=str, ended=None)


def test_it_sends_nothing_to_anybody_and_does_not_grow_for_ever(
    started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DO_NOT_TRACK", "0")  # what the user has set himself stands
    monkeypatch.setenv("no_proxy", "intern")
    made = start(tmp_path / "deep")
    assert (made.api_url, made.ui_url) == ("http://127.0.0.1:4242/api", "http://127.0.0.1:4242")
    (child,) = started
    assert child["arguments"] == ["-m", "prefect", "server", "start", "--host", "0.0.0.0", "--port", "4242"]  # noqa: S104
    assert (child["log"], child["keep_open"]) == (tmp_path / "deep" / "logs" / "prefect.log", [7])
    wanted = {
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLOUD_ENABLE_ORCHESTRATION_TELEMETRY": "false",
        "PREFECT_TELEMETRY_ENABLE_RESOURCE_METRICS": "false",
        "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
        "DO_NOT_TRACK": "0",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": "2592000",
        "PREFECT_SERVER_EVENTS_RETENTION_PERIOD": "P7D",
        "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "60",
        "PREFECT_UI_STATIC_DIRECTORY": str(tmp_path / "deep" / "prefect" / "pages"),
        "PREFECT_HOME": str(tmp_path / "deep" / "prefect"),
        "PREFECT_API_URL": made.api_url,
        "NO_PROXY": "intern,127.0.0.1",
        "no_proxy": "intern,127.0.0.1",
        "NO_COLOR": "1",
    }
    assert {name: made.environment[name] for name in wanted} == wanted
    assert child["environment"] == {"PREFECT_UI_API_URL": "/api", **made.environment}
    assert (tmp_path / "deep" / "prefect").is_dir()
    start(tmp_path / "deep", host="::1")  # a second time, and by another name
    assert started[1]["environment"]["PREFECT_API_URL"] == "http://::1:4242/api"


@pytest.mark.parametrize("taken", [True, False])
def test_the_usual_port_is_taken_if_it_is_free(monkeypatch: pytest.MonkeyPatch, taken: bool) -> None:
    assert server._PORT == 4200
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        number = other.getsockname()[1]
        if taken:
            other.listen()
        else:
            other.close()
        monkeypatch.setattr(server, "_PORT", number)
        host, port = server._choose_address()
    assert host == "127.0.0.1"
    assert (port == number) == (not taken)
    assert port > 0


def test_an_address_that_the_user_names_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_SERVER_API_HOST", "0.0.0.0")  # noqa: S104
    monkeypatch.setenv("PREFECT_SERVER_API_PORT", "5001")
    assert server._choose_address() == ("0.0.0.0", 5001)  # noqa: S104
    monkeypatch.delenv("PREFECT_SERVER_API_PORT")
    monkeypatch.setenv("PREFECT_SERVER_API_HOST", "203.0.113.9")
    with pytest.raises(ServerError, match=r"Expected a free port on 203\.0\.113\.9"):
        server._choose_address()
    assert ServerError.exit_code == 7


def test_it_is_waited_for_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, asked = Clock(), []
    monkeypatch.setattr(server, "time", clock)
    child: Any = SimpleNamespace(code=None, last_words="It said why.", log="the log")
    monkeypatch.setattr(server, "_is_healthy", lambda *place: asked.append(place) or len(asked) > 3)
    server._await_health(child, "127.0.0.1", 4242)
    assert (asked, clock.now) == ([("127.0.0.1", 4242)] * 4, 3.0)
    monkeypatch.setattr(server, "_is_healthy", lambda *_: False)
    with pytest.raises(ServerError, match=r"did not answer within 600 s\. See the log\."):
        server._await_health(child, "127.0.0.1", 4242)
    assert clock.now == 3 + 601
    child.code = 3
    with pytest.raises(ServerError, match=r"ended as it started \(exit code 3\): It said why\. See the log\."):
        server._await_health(child, "127.0.0.1", 4242)


@pytest.mark.parametrize(
    ("failures", "words", "port", "starts"),
    [
        (0, "", None, 1),
        (2, "Address already in use", None, 3),
        (3, "Address already in use", None, 3),
        (1, "no disk", None, 1),
        (1, "Address already in use", "5001", 1),
    ],
)
def test_a_port_that_was_taken_just_before_is_no_reason_to_give_up(
    started: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    failures: int,
    words: str,
    port: str | None,
    starts: int,
) -> None:
    children: list[Any] = []

    def wait(child: Any, *_: object) -> None:  # noqa: ANN401
        children.append(child)
        child.last_words = words
        if len(children) <= failures:
            raise ServerError("no")

    monkeypatch.setattr(server, "_await_health", wait)
    if port:
        monkeypatch.setenv("PREFECT_SERVER_API_PORT", port)
    works = failures < starts
    if works:
        with server._run_own(tmp_path, lock=1, hide=str, ended=None) as own:
            assert own.child is children[-1]
            assert children[-1].stops == []
    else:
        with pytest.raises(ServerError, match="no"), server._run_own(tmp_path, lock=1, hide=str, ended=None):
            pass
    assert len(started) == starts
    assert [child.stops for child in children] == [[10.0]] * starts


def test_whatever_stops_the_waiting_stops_the_server(
    started: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    children: list[Any] = []

    def wait(child: Any, *_: object) -> None:  # noqa: ANN401
        children.append(child)
        raise KeyboardInterrupt

    monkeypatch.setattr(server, "_await_health", wait)
    with pytest.raises(KeyboardInterrupt), server._run_own(tmp_path, lock=1, hide=str, ended=None):
        pass
    assert (len(started), children[0].stops) == (1, [10.0])


@pytest.fixture
def listening() -> Iterator[HTTPServer]:
    class Handler(BaseHTTPRequestHandler):
        status = 200

        def do_GET(self) -> None:
            self.send_response(self.status if self.path == "/api/health" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        yield http
        http.shutdown()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (201, False), (503, False)])
def test_health_is_an_answer_of_200(listening: HTTPServer, status: int, healthy: bool) -> None:
    listening.RequestHandlerClass.status = status  # type: ignore[attr-defined]
    port = listening.server_address[1]
    assert server._is_healthy("127.0.0.1", port) == healthy
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert not server._is_healthy("127.0.0.1", closed.getsockname()[1])


def test_the_heir_of_a_killed_watcher_waits_twenty_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(server, "time", clock)
    with lock_work(tmp_path / "deep") as held:
        assert (tmp_path / "deep" / "watch.lock").read_text() == str(os.getpid())
        with pytest.raises(BusyError, match=rf"process {os.getpid()}\) is at work"), lock_work(tmp_path / "deep"):
            pass
        assert clock.now == 0  # who holds it lives
        os.ftruncate(held, 0)
        with pytest.raises(BusyError, match=r"process unknown\) is at work"), lock_work(tmp_path / "deep"):
            pass
        assert clock.now == 21
    with lock_work(tmp_path / "deep"):
        pass
