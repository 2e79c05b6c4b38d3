"""What Prefect is told of each area, which areas are due, and what is cleared away of a watcher before."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

pytest.importorskip("prefect")

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.objects import StateType

from pipeline.watch.areas.file import WatchSettings
from pipeline.watch.areas.schedule import Schedule
from pipeline.watch.ledger.ledger import Ledger
from tests.pipeline.watch.ledger.ledger_places import NOON, Clock, open_at
from workflows.watcher.deployments import (
    Leftovers,
    build_deployment,
    build_schedule,
    clear_leftovers,
    list_due,
)
from workflows.watcher.flow import FLOW_NAME

FILE, OTHER_FILE = "/coasts/areas.yaml", "/elsewhere/areas.yaml"
SECOND = timedelta(seconds=1)
AT_WORK = {StateType.PENDING, StateType.RUNNING, StateType.CANCELLING}


@dataclass(slots=True)
class Run:
    """A run of a deployment, as far as it is looked at."""

    deployment: UUID
    type: StateType
    expected_start_time: datetime | None = None
    message: str | None = None
    id: UUID = field(default_factory=uuid4)


class Server:
    """Stands for the client of a server, with deployments and runs in memory; pages are as long as it is asked."""

    def __init__(self) -> None:
        self.deployments: list[SimpleNamespace] = []
        self.runs: list[Run] = []

    def add(self, name: str, *, file: str | None = FILE) -> UUID:
        parameters = None if file is None else {"areas_file": file, "area": name}
        self.deployments.append(SimpleNamespace(name=name, id=uuid4(), parameters=parameters))
        return self.deployments[-1].id

    def add_run(self, deployment: UUID, type_: StateType, start: datetime | None = None) -> Run:
        self.runs.append(Run(deployment, type_, start))
        return self.runs[-1]

    @property
    def names(self) -> list[str]:
        return [deployment.name for deployment in self.deployments]

    async def read_deployments(self, *, flow_filter: Any, sort: Any, limit: int, offset: int) -> list[Any]:  # noqa: ANN401
        assert flow_filter.name.any_ == [FLOW_NAME]
        assert sort == "NAME_ASC"
        return sorted(self.deployments, key=lambda one: one.name)[offset : offset + limit]

    async def read_flow_runs(
        self,
        *,
        flow_run_filter: Any,  # noqa: ANN401
        deployment_filter: Any,  # noqa: ANN401
        sort: Any,  # noqa: ANN401
        limit: int,
    ) -> list[Run]:
        assert sort == "EXPECTED_START_TIME_ASC"
        states, deployments = flow_run_filter.state.type.any_, deployment_filter.id.any_
        return [run for run in self.runs if run.type in states and run.deployment in deployments][:limit]

    async def delete_deployment(self, deployment: UUID) -> None:
        self.deployments = [one for one in self.deployments if one.id != deployment]

    async def delete_flow_run(self, run: UUID) -> None:
        self.runs = [one for one in self.runs if one.id != run]

    async def set_flow_run_state(self, run: UUID, state: Any, *, force: bool) -> None:  # noqa: ANN401
        assert force  # else the server refuses to end what it takes to be under way
        (found,) = (one for one in self.runs if one.id == run)
        found.type, found.message = state.type, state.message


@pytest.fixture
def server() -> Server:
    return Server()


def _clear(server: Server, *areas: str, own: bool = True) -> Leftovers:
    return asyncio.run(clear_leftovers(cast(PrefectClient, server), areas, areas_file=FILE, own=own))


def _make_settings(folder: Path, *names: str, **area: str) -> WatchSettings:
    areas = [
        {"name": name, "aoi": "8.5,53.8,8.6,53.9", "destination": str(folder / name), **area} for name in names or "a"
    ]
    ledger = str(folder / "ledger.db")
    return WatchSettings.model_validate({"areas": areas, "ledger": ledger, "work": str(folder / "work")})


def _open(settings: WatchSettings) -> Ledger:
    return open_at(settings.ledger, Clock())


def test_an_interval_counts_from_1970_in_utc_whatever_the_zone() -> None:
    built = build_schedule(Schedule("90m", "Europe/Berlin"))
    assert (built.interval, built.cron, built.timezone) == (timedelta(minutes=90), None, "UTC")
    assert built.anchor_date == datetime(1970, 1, 1, tzinfo=UTC)


def test_a_line_of_cron_counts_in_its_zone() -> None:
    built = build_schedule(Schedule("30 5 * * 1", "Europe/Berlin"))
    assert (built.interval, built.cron, built.timezone) == (None, "30 5 * * 1", "Europe/Berlin")


def test_a_deployment_names_the_area_and_its_file_and_runs(tmp_path: Path) -> None:
    (area,) = _make_settings(tmp_path, "wadden", schedule="0 6 * * *", time_zone="Europe/Berlin").areas
    made = asyncio.run(build_deployment(area, FILE))
    assert (made.name, made.flow_name, made.paused) == ("wadden", FLOW_NAME, False)
    assert made.parameters == {"areas_file": FILE, "area": "wadden"}
    assert made.description == "Maps the coast of wadden: 0 6 * * *."
    assert made.entrypoint == "workflows.watcher.flow.strandline_round"
    (schedule,) = made.schedules or []
    assert (schedule.schedule.cron, schedule.schedule.timezone) == ("0 6 * * *", "Europe/Berlin")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("ended", "next_run", "due"),
    [
        (None, NOON + SECOND, True),
        (NOON - SECOND, None, True),
        (NOON - SECOND, NOON - SECOND, True),
        (NOON - SECOND, NOON, True),
        (NOON - SECOND, NOON + SECOND, False),
    ],
)
def test_an_area_is_due_that_was_cut_off_or_whose_turn_has_come(
    ended: datetime | None, next_run: datetime | None, due: bool, tmp_path: Path
) -> None:
    settings = _make_settings(tmp_path, "wadden")
    _open(settings).note_round("wadden", began=NOON - 2 * SECOND, ended=ended, next_run=next_run)
    assert list_due(settings, now=NOON) == (["wadden"] if due else [])


def test_areas_are_due_each_by_its_own_last_round(tmp_path: Path) -> None:
    settings = _make_settings(tmp_path, "wadden", "nazare", "sylt")
    ledger = _open(settings)
    ledger.note_round("nazare", began=NOON, ended=NOON, next_run=NOON + SECOND)
    ledger.note_round("gone", began=NOON, ended=NOON, next_run=NOON)
    assert list_due(settings, now=NOON) == ["wadden", "sylt"]  # of the two nothing is known


def test_all_are_due_where_the_ledger_is_away(tmp_path: Path) -> None:
    settings = _make_settings(tmp_path, "wadden", "nazare")
    _open(settings).note_round("nazare", began=NOON, ended=NOON, next_run=NOON + SECOND)
    Path(settings.ledger).write_text("no database at all " * 99)
    assert list_due(settings, now=NOON) == ["wadden", "nazare"]


def test_on_a_server_without_leftovers_nothing_is_found(server: Server) -> None:
    server.add("wadden")
    assert _clear(server, "wadden") == Leftovers(missed=0, crashed=0, removed=())
    assert server.names == ["wadden"]


def test_areas_that_left_the_file_are_removed_by_name(server: Server) -> None:
    for name in ("wadden", "zadar", "nazare"):
        server.add(name)
    assert _clear(server, "wadden").removed == ("nazare", "zadar")
    assert server.names == ["wadden"]


@pytest.mark.parametrize(("own", "left"), [(True, []), (False, ["theirs", "unknown"])])
def test_on_a_server_of_others_what_is_of_another_file_stays(own: bool, left: list[str], server: Server) -> None:
    server.add("ours")
    for name, file in (("theirs", OTHER_FILE), ("unknown", None)):
        server.add_run(server.add(name, file=file), StateType.SCHEDULED, datetime.now(UTC) - timedelta(hours=1))
    found = _clear(server, own=own)
    assert server.names == left
    assert (len(server.runs), found.missed) == (len(left), 2 - len(left))


def test_turns_that_waited_are_dropped_and_those_in_the_past_counted(server: Server) -> None:
    deployment, hour = server.add("wadden"), timedelta(hours=1)
    for start in (datetime.now(UTC) - hour, datetime.now(UTC) - 2 * hour, datetime.now(UTC) + hour, None):
        server.add_run(deployment, StateType.SCHEDULED, start)
    assert _clear(server, "wadden") == Leftovers(missed=2)
    assert server.runs == []


def test_a_turn_that_comes_at_this_very_moment_was_not_missed(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    class _Noon(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # noqa: ANN401
            return NOON.astimezone(tz)

    monkeypatch.setattr("workflows.watcher.deployments.datetime", _Noon)
    deployment = server.add("wadden")
    for start in (NOON - SECOND, NOON, NOON + SECOND):
        server.add_run(deployment, StateType.SCHEDULED, start)
    assert _clear(server, "wadden").missed == 1


@pytest.mark.parametrize("type_", sorted(AT_WORK))
def test_what_was_under_way_on_our_own_server_has_crashed(type_: StateType, server: Server) -> None:
    run = server.add_run(server.add("wadden"), type_)
    assert _clear(server, "wadden") == Leftovers(crashed=1)
    assert run.type == StateType.CRASHED
    assert "killed while this round was under way" in str(run.message)


def test_what_is_under_way_on_a_server_of_others_goes_on(server: Server) -> None:
    run = server.add_run(server.add("wadden"), StateType.RUNNING)
    assert _clear(server, "wadden", own=False) == Leftovers()
    assert run.type == StateType.RUNNING


def test_rounds_that_ended_stay_as_they_are(server: Server) -> None:
    deployment = server.add("wadden")
    runs = [server.add_run(deployment, type_) for type_ in (StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED)]
    assert _clear(server, "wadden") == Leftovers()
    assert server.runs == runs
    assert [run.type for run in runs] == [StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED]


def test_more_than_a_page_is_cleared_as_well(server: Server) -> None:
    first = server.add("area 000")
    for number in range(1, 451):
        server.add(f"area {number:03d}")
    for _ in range(450):
        server.add_run(first, StateType.SCHEDULED, datetime.now(UTC) - timedelta(hours=1))
        server.add_run(first, StateType.RUNNING)
    found = _clear(server, "area 000", "area 450")
    assert (found.missed, found.crashed, len(found.removed)) == (450, 450, 449)
    assert server.names == ["area 000", "area 450"]
    assert {run.type for run in server.runs} == {StateType.CRASHED}


def test_what_is_found_is_summed_over_all_areas(server: Server) -> None:
    for name in ("wadden", "nazare"):
        deployment = server.add(name)
        server.add_run(deployment, StateType.SCHEDULED, datetime.now(UTC) - timedelta(hours=1))
        server.add_run(deployment, StateType.RUNNING)
    assert _clear(server, "wadden") == Leftovers(missed=2, crashed=2, removed=("nazare",))
