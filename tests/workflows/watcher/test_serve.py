"""A watcher with its own Prefect server and rounds that are processes, all of them real; one server for the module."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import urlopen

import psutil
import pytest

from pipeline.errors import BusyError
from tests.pipeline.stac_items import make_item, write_items
from tests.workflows.polling import wait_for
from workflows.watcher.server import open_server

pytest.importorskip("prefect")

SECRET = "tide-and-time-wait-for-no-man-42"  # noqa: S105 (what must be found nowhere)
SERVE = """
import json, sys
from pathlib import Path
from pipeline.watch.areas.file import read_areas
from workflows.watcher.serve import serve
path = Path(sys.argv[1])
serve(path, read_areas(path), report=lambda event: print(json.dumps(event), flush=True))
"""
T = TypeVar("T")


def write_areas(folder: Path, *names: str, **more: str) -> Path:
    """The file of a watcher over a catalogue in which there is nothing, and over hosts."""
    folder.mkdir(exist_ok=True)
    (folder / "items.json").write_text('{"type": "FeatureCollection", "features": []}')
    sources = dict.fromkeys(names, "items.json") | more
    areas = [{"name": name, "aoi": "8.55,53.85,8.85,54.05", "source": source} for name, source in sources.items()]
    header = {"Authorization": "Bearer ${STRANDLINE_WEBHOOK_TOKEN}"}
    webhook = {"kind": "webhook", "url": "http://127.0.0.1:9/${STRANDLINE_WEBHOOK_TOKEN}", "headers": header}
    path = folder / "areas.yaml"
    document = {"defaults": {"schedule": "0 0 1 1 *"}, "areas": areas, "notifications": [webhook]}
    path.write_text(json.dumps({**document, "limits": {"keep_free": 0}}))
    return path


@dataclass(slots=True)
class Watcher:
    """A watcher in a process."""

    process: subprocess.Popen[bytes]
    folder: Path

    @classmethod
    def start(cls, path: Path, **environment: str) -> Watcher:
        with (path.parent / "events.jsonl").open("wb") as out, (path.parent / "errors.txt").open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-c", SERVE, str(path)],
                stdout=out,
                stderr=errors,
                env={**os.environ, "PREFECT_RUNNER_POLL_FREQUENCY": "1", **environment},
                start_new_session=True,
            )
        return cls(process, path.parent)

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = (self.folder / "events.jsonl").read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    @property
    def errors(self) -> str:
        return (self.folder / "errors.txt").read_text()

    def wait_for_event(self, name: str, area: str | None = None) -> dict[str, Any]:
        def find() -> dict[str, Any] | None:
            assert self.process.poll() is None, self.errors
            found = (event for event in self.events if event["event"] == name and event.get("area") == area)
            return next(found, None)

        return wait_for(find)

    def stop(self, number: signal.Signals) -> list[psutil.Process]:
        """Send a signal, wait for the end, and list what is left of its processes."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(number)
        self.process.wait(120)
        return [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="module")
def watcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watcher]:
    """A watcher over two areas, with a server of its own."""
    folder = tmp_path_factory.mktemp("watcher")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STRANDLINE_WEBHOOK_TOKEN", SECRET)
        for name in [name for name in os.environ if name.startswith("PREFECT_")]:
            patch.delenv(name)
        watching = Watcher.start(write_areas(folder, "north", "South.2"))
        try:
            yield watching
        finally:
            if watching.process.poll() is None:
                watching.stop(signal.SIGTERM)


@pytest.fixture(scope="module")
def api(watcher: Watcher) -> Iterator[str]:
    """Prefect in this process speaks to the server of the watcher."""
    from prefect.settings import PREFECT_API_URL, temporary_settings

    url = f"{watcher.wait_for_event('watching')['ui']}/api"
    with temporary_settings({PREFECT_API_URL: url}):
        yield url


def ask(question: Callable[[Any], Awaitable[T]]) -> T:
    from prefect.client.orchestration import get_client

    async def run() -> T:
        async with get_client() as client:
            return await question(client)

    return asyncio.run(run())


def read_runs() -> list[Any]:
    from prefect.client.schemas.sorting import FlowRunSort

    return ask(lambda client: client.read_flow_runs(sort=FlowRunSort.EXPECTED_START_TIME_ASC, limit=200))


def run_here(path: Path, area: str) -> Any:  # noqa: ANN401
    """A round in this process, as a flow run of the server."""
    from workflows.watcher.flow import strandline_round

    return strandline_round(str(path), area, return_state=True)


def test_each_area_gets_its_round(watcher: Watcher, api: str) -> None:
    for area in ("north", "South.2"):
        assert "0 failed" in watcher.wait_for_event("round", area)["text"]
    done = wait_for(lambda: [run for run in read_runs() if run.state.is_completed()][1:])
    runs = {run.name: run for run in read_runs() if not run.auto_scheduled}
    assert runs.keys() == {"north", "South.2"}
    assert done
    assert runs["north"].state.message.startswith("north: 0 new")
    assert runs["north"].parameters == {"areas_file": str(watcher.folder / "areas.yaml"), "area": "north"}
    assert api.startswith("http://127.0.0.1:")
    with urlopen(api.removesuffix("/api")) as page:  # noqa: S310 (of the watcher)
        assert page.status == 200
    assert list((watcher.folder / "strandline.work/prefect/pages").iterdir())  # not where it is installed


def test_turns_to_come_are_planned_as_the_schedule_says(watcher: Watcher, api: str) -> None:
    watcher.wait_for_event("round", "north")
    planned = wait_for(lambda: [run for run in read_runs() if run.auto_scheduled and run.state.is_scheduled()])
    assert {run.expected_start_time for run in planned} <= {
        datetime(year, 1, 1, tzinfo=UTC) for year in range(2024, 2200)
    }


def test_a_second_watcher_is_refused(watcher: Watcher) -> None:
    watcher.wait_for_event("watching")
    began = time.monotonic()
    with (
        pytest.raises(BusyError, match=rf"process {watcher.process.pid}\) is at work in"),
        open_server(watcher.folder / "strandline.work"),
    ):
        pass
    assert time.monotonic() - began < 5


def test_a_dead_host_is_asked_again_and_fails_the_round(
    api: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workflows.watcher import flow as watch_flow

    monkeypatch.setattr(watch_flow, "SEARCH_WAIT_S", 0.01)
    monkeypatch.setattr(watch_flow, "SEARCH_TRIES_AGAIN", 1)
    state = run_here(write_areas(tmp_path, dead="http://127.0.0.1:9/stac"), "dead")
    assert state.is_failed()
    assert "Could not search 127.0.0.1:9" in state.message
    found = ask(lambda client: client.read_task_runs(sort="EXPECTED_START_TIME_DESC", limit=200))
    (search,) = [run for run in found if run.name == "search" and run.state.is_failed()]
    assert search.run_count == 2


def test_turns_that_were_missed_are_done_by_one_round(watcher: Watcher, api: str) -> None:
    from prefect.states import Scheduled

    from workflows.watcher.flow import drop_missed_turns

    watcher.wait_for_event("round", "north")
    days = [datetime(2200 + number, 1, 1, tzinfo=UTC) for number in range(3)]  # no runner takes these

    async def pile_up(client: Any) -> tuple[Any, list[Any]]:  # noqa: ANN401
        deployments = {one.name: one.id for one in await client.read_deployments(sort="NAME_ASC", limit=200)}
        states = [Scheduled(scheduled_time=day) for day in days]
        north = deployments["north"]
        return north, [(await client.create_flow_run_from_deployment(north, state=state)).id for state in states]

    north, made = ask(pile_up)
    assert drop_missed_turns(north, before=days[1]) >= 2
    assert {run.id for run in read_runs()} & set(made) == {made[2]}


def test_a_round_under_way_elsewhere_is_no_failure(api: str, tmp_path: Path) -> None:
    from pipeline.watch.locks import hold_area
    from pipeline.watch.values import AreaFolders

    path = write_areas(tmp_path, "north")
    with hold_area(AreaFolders(work=tmp_path / "strandline.work", area="north")) as held:
        assert held
        state = run_here(path, "north")
    assert (state.name, state.is_completed()) == ("Busy", True)


def test_a_round_in_which_a_scene_failed_is_not_green(api: str, tmp_path: Path) -> None:
    path = write_areas(tmp_path, "north")
    gone = {key: {"href": str(tmp_path / f"{key}.tif")} for key in ("B03", "B08")}
    item = make_item("lost", when=f"{datetime.now(UTC):%Y-%m-%d}T00:00:01Z", box=(8.0, 53.0, 9.0, 55.0), assets=gone)
    write_items(tmp_path / "items.json", [item])
    path.write_text(json.dumps(json.loads(path.read_text()) | {"dask": {"workers": 1}, "notifications": []}))
    state = run_here(path, "north")
    assert (state.name, state.is_failed(), state.is_completed()) == ("ScenesFailed", True, False), state.message
    assert "1 failed" in state.message
    assert state.message.endswith("Failed: lost.")
    (run,) = [run for run in read_runs() if run.state_name == "ScenesFailed"]
    assert run.state_type.value == "FAILED"
    again = run_here(path, "north")  # its next try is minutes away
    assert (again.is_completed(), "1 wait" in again.message) == (True, True)


def test_a_file_that_broke_meanwhile_fails_the_round_in_a_line(api: str, tmp_path: Path) -> None:
    path = write_areas(tmp_path, "north")
    path.write_text(path.read_text().replace("schedule", "shedule"))
    state = run_here(path, "north")
    assert state.is_failed()
    assert "shedule" in state.message
    assert "\n" not in state.message


def test_a_server_that_is_there_is_used_and_outlives_the_watcher(watcher: Watcher, api: str, tmp_path: Path) -> None:
    other = Watcher.start(write_areas(tmp_path / "other", "east"), PREFECT_API_URL=api)
    other.wait_for_event("round", "east")
    assert other.stop(signal.SIGINT) == []
    assert (other.process.returncode, other.errors) == (0, "")
    assert not (tmp_path / "other/strandline.work/prefect").exists()
    deployments = {one.name: one for one in ask(lambda client: client.read_deployments(sort="NAME_ASC", limit=200))}
    # Nobody runs the area any more, so no runs shall pile up; what another file watches goes on.
    assert {name: one.paused for name, one in deployments.items()} == {"east": True, "north": False, "South.2": False}
    assert watcher.process.poll() is None


def test_what_a_killed_watcher_left_is_cleared_away(watcher: Watcher, api: str) -> None:
    from prefect.states import Running

    from workflows.watcher.deployments import clear_leftovers

    path = str(watcher.folder / "areas.yaml")

    async def clear(client: Any) -> Any:  # noqa: ANN401
        deployments = {one.name: one for one in await client.read_deployments(sort="NAME_ASC", limit=200)}
        cut_off = await client.create_flow_run_from_deployment(deployments["north"].id, state=Running())
        found = await clear_leftovers(client, ["north"], areas_file=path, own=True)
        left = await client.read_deployments(sort="NAME_ASC", limit=200)
        return found, await client.read_flow_run(cut_off.id), [one.name for one in left]

    found, cut_off, left = ask(clear)
    assert (found.crashed, set(found.removed)) == (1, {"South.2", "east"})
    assert cut_off.state.is_crashed()
    assert "killed" in cut_off.state.message
    assert left == ["north"]
    assert [run for run in read_runs() if run.state.is_scheduled()] == []


def test_an_interrupt_ends_it_and_leaves_nothing(watcher: Watcher, api: str) -> None:
    port = int(api.removesuffix("/api").rpartition(":")[2])
    began = time.monotonic()
    assert watcher.stop(signal.SIGINT) == []
    assert time.monotonic() - began < 90
    assert (watcher.process.returncode, watcher.errors) == (0, "")
    assert [event["event"] for event in watcher.events][-2:] == ["stopping", "stopped"]
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_no_secret_is_kept(watcher: Watcher) -> None:
    wait_for(lambda: watcher.process.poll() is not None)
    files = [path for path in watcher.folder.rglob("*") if path.is_file()]
    assert {"prefect.db", "prefect.log", "rounds.log"} <= {path.name for path in files}
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
