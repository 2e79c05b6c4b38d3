"""The process that starts rounds: what it registers, says and answers, and how a SIGTERM ends it."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("prefect")

import httpx
from prefect.runner import Runner

from pipeline.errors import AreasError
from pipeline.watch.areas.file import read_areas
from pipeline.watch.ledger.ledger import open_ledger
from pipeline.watch.ledger.values import utc_now
from workflows.watcher import runner
from workflows.watcher.child import RUNNER_VARIABLE
from workflows.watcher.deployments import Leftovers

AREAS = '{"areas": [{"name": "north", "aoi": "8.5,53.8,8.6,53.9"}, {"name": "south", "aoi": "8.5,52.8,8.6,52.9"}]}'


@pytest.fixture
def areas_file(tmp_path: Path) -> Path:
    path = tmp_path / "areas.yaml"
    path.write_text(AREAS)
    return path


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    events: list[Mapping[str, Any]] = []
    monkeypatch.setattr(runner, "send_event", events.append)
    return events


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(RUNNER_VARIABLE, "as it was")  # so that it is again as it was when the test is over


class Stage:
    """Stands for a server and for Prefect's runner: it notes what they are asked."""

    def __init__(self) -> None:
        self.left = Leftovers()
        self.cleared: list[tuple[list[str], str, bool]] = []
        self.made: list[tuple[int, bool]] = []
        self.deployments: list[Any] = []
        self.begun: list[tuple[object, str]] = []
        self.runs = 0

    @asynccontextmanager
    async def get_client(self) -> Any:  # noqa: ANN401
        yield self

    async def create_flow_run_from_deployment(self, deployment: object, *, name: str) -> None:
        self.begun.append((deployment, name))

    async def clear_leftovers(self, _client: object, areas: list[str], *, areas_file: str, own: bool) -> Leftovers:
        self.cleared.append((areas, areas_file, own))
        return self.left

    def make_runner(self, *, limit: int, pause_on_shutdown: bool) -> Stage:
        self.made.append((limit, pause_on_shutdown))
        return self

    async def aadd_deployment(self, deployment: Any) -> str:  # noqa: ANN401
        self.deployments.append(deployment)
        return f"id of {deployment.name}"

    async def run(self) -> None:
        self.runs += 1


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    stage = Stage()
    monkeypatch.setattr(runner, "get_client", stage.get_client)
    monkeypatch.setattr(runner, "clear_leftovers", stage.clear_leftovers)
    monkeypatch.setattr(runner, "_Runner", stage.make_runner)
    return stage


def _call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["runner", *map(str, arguments)])
    runner.main()


def test_each_area_is_registered_and_begun_at_once_if_it_is_due(
    areas_file: Path, stage: Stage, told: list[Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    now, hour = utc_now(), timedelta(hours=1)
    ledger = open_ledger(read_areas(areas_file).ledger)
    ledger.note_round("north", began=now - hour, ended=now - hour, next_run=now + hour)
    _call(monkeypatch, areas_file)
    assert [(one.name, one.parameters["areas_file"]) for one in stage.deployments] == [
        ("north", str(areas_file)),
        ("south", str(areas_file)),
    ]
    assert stage.begun == [("id of south", "south")]
    assert told == [{"event": "ready", "level": "info", "text": ""}]
    assert stage.runs == 1


@pytest.mark.parametrize(
    ("options", "made", "own"), [((), (2, True), False), (("--limit", "5", "--own"), (5, False), True)]
)
def test_schedules_pause_at_the_end_only_on_a_server_of_others(
    options: tuple[str, ...],
    made: tuple[int, bool],
    own: bool,
    areas_file: Path,
    stage: Stage,
    told: list[Mapping[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(areas_file.parent)
    _call(monkeypatch, areas_file.name, *options)
    assert stage.made == [made]
    assert stage.cleared == [(["north", "south"], str(areas_file), own)]
    assert len(told) == 1


def test_rounds_are_told_which_process_is_their_runner(
    areas_file: Path, stage: Stage, told: list[Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _call(monkeypatch, areas_file)
    assert os.environ[RUNNER_VARIABLE] == str(os.getpid())
    assert (stage.runs, len(told)) == (1, 1)


def test_what_was_left_is_said_before_it_is_ready(
    areas_file: Path, stage: Stage, told: list[Mapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.left = Leftovers(missed=3, crashed=1, removed=("east", "west"))
    _call(monkeypatch, areas_file)
    assert [(event["event"], event["level"]) for event in told] == [("note", "info")] * 4 + [("ready", "info")]
    assert [event["text"] for event in told[:4]] == [
        "1 round(s) were under way when the watcher before was killed; they are done again.",
        "3 turn(s) were missed while no watcher ran; an area that is due runs once.",
        "east is in the file no longer; its schedule was removed.",
        "west is in the file no longer; its schedule was removed.",
    ]


def test_a_file_that_makes_no_sense_ends_it_with_a_line(
    areas_file: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    areas_file.write_text("areas: []")
    with pytest.raises(SystemExit) as ended:
        _call(monkeypatch, areas_file)
    with pytest.raises(AreasError) as error:
        read_areas(areas_file)
    assert ended.value.code == str(error.value)
    assert stage.made == []


@pytest.mark.parametrize(("text", "said"), [("no route", "no route"), ("", "ConnectError")])
def test_a_server_that_does_not_answer_is_said_with_its_address(
    text: str, said: str, areas_file: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail() -> None:
        raise httpx.ConnectError(text)

    url = SimpleNamespace(api=SimpleNamespace(url="http://127.0.0.1:9/api"))
    monkeypatch.setattr(runner, "get_current_settings", lambda: url)
    monkeypatch.setattr(stage, "run", fail)
    monkeypatch.setattr(runner, "send_event", lambda _event: None)
    with pytest.raises(SystemExit) as ended:
        _call(monkeypatch, areas_file)
    assert ended.value.code == f"The Prefect server at http://127.0.0.1:9/api does not answer as it should ({said})"


class Rounds:
    """Stands for Prefect's part of a runner: it goes on until it is stopped, or until rounds are cancelled."""

    def __init__(self, *, stops_at_once: bool = True) -> None:
        self.stops_at_once = stops_at_once
        self.calls: list[str] = []
        self.over = asyncio.Event()

    async def start(self) -> None:
        await self.over.wait()

    async def astop(self) -> None:
        self.calls.append("stop")
        if self.stops_at_once:
            self.over.set()

    async def cancel_all(self) -> None:
        self.calls.append("cancel")
        if self.calls.count("cancel") == 2:
            self.over.set()


@pytest.fixture
def end(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Run a runner in which Prefect's part is ours; gives what was called."""
    monkeypatch.setattr(runner, "_LOOK_S", 0.01)

    def end(rounds_of: Callable[[], Rounds], act: Callable[[Any, Rounds], Awaitable[None]]) -> list[str]:
        async def play() -> list[str]:
            ours, rounds = runner._Runner(limit=1, pause_on_shutdown=False), rounds_of()
            for name in ("start", "astop", "cancel_all"):
                monkeypatch.setattr(ours, name, getattr(rounds, name))
            running = asyncio.create_task(ours.run())
            await act(ours, rounds)
            await asyncio.wait_for(running, 5)
            return rounds.calls

        return asyncio.run(play())

    return end


async def _terminate(ours: Any, _rounds: Rounds) -> None:  # noqa: ANN401
    ours.handle_sigterm(15, None)


def test_a_sigterm_stops_it_cleanly(end: Callable[..., list[str]]) -> None:
    assert end(Rounds, _terminate) == ["stop"]


def test_rounds_that_began_while_others_were_stopped_are_cancelled_until_none_is_left(
    end: Callable[..., list[str]],
) -> None:
    assert end(lambda: Rounds(stops_at_once=False), _terminate) == ["stop", "cancel", "cancel"]


def test_a_runner_that_ends_by_itself_is_not_stopped(end: Callable[..., list[str]]) -> None:
    async def finish(_ours: object, rounds: Rounds) -> None:
        rounds.over.set()

    assert end(Rounds, finish) == []


def test_what_made_a_runner_fail_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_self: Runner) -> None:
        raise httpx.ConnectError("no route")

    async def play() -> None:
        await runner._Runner(limit=1, pause_on_shutdown=False).run()

    monkeypatch.setattr(Runner, "start", fail)
    with pytest.raises(httpx.ConnectError, match="no route"):
        asyncio.run(play())


@pytest.mark.parametrize("pause", [True, False])
def test_a_runner_takes_as_many_rounds_at_a_time_as_it_is_told(pause: bool) -> None:
    async def make() -> Runner:
        return runner._Runner(limit=3, pause_on_shutdown=pause)

    made = asyncio.run(make())
    assert (made.name, made.limit, made.pause_on_shutdown) == ("strandline", 3, pause)
