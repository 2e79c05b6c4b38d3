"""What Prefect is to know of a watcher: a deployment an area with its schedule, and which rounds are due at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowFilter,
    FlowFilterName,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.sorting import DeploymentSort, FlowRunSort
from prefect.deployments.runner import RunnerDeployment
from prefect.schedules import Cron, Interval
from prefect.schedules import Schedule as PrefectSchedule
from prefect.states import Crashed
from prefect.types.entrypoint import EntrypointType

from pipeline.watch.areas.file import WatchSettings
from pipeline.watch.areas.schedule import Schedule
from pipeline.watch.areas.settings import AreaSettings
from pipeline.watch.ledger.ledger import open_ledger
from pipeline.watch.ledger.values import LedgerError, Round
from workflows.watcher.flow import FLOW_NAME, strandline_round

__all__ = ["Leftovers", "build_deployment", "build_schedule", "clear_leftovers", "list_due"]

_PAGE = 200
_BY_NAME = DeploymentSort.NAME_ASC
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CUT_OFF = "The watcher was killed while this round was under way; its scenes go to the next round."
_WAITING = (StateType.SCHEDULED,)
_AT_WORK = (StateType.PENDING, StateType.RUNNING, StateType.CANCELLING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftovers:
    """What was left by a watcher before.

    Attributes:
        missed: Runs that had waited for their turn; what is due runs once, whatever number of turns was missed.
        crashed: Runs that were under way when it was killed.
        removed: Areas that are in the file no longer.
    """

    missed: int = 0
    crashed: int = 0
    removed: tuple[str, ...] = ()


def build_schedule(schedule: Schedule) -> PrefectSchedule:
    """Say in Prefect's words when an area's turn comes.

    Intervals count from 1970 in both. Lines of cron give the same moments but on days on which a clock is changed: an
    hour that comes twice runs once, and what lies in the hour that is left out may run up to an hour earlier.

    Args:
        schedule: Of an area.
    """
    if schedule.interval is not None:
        return Interval(schedule.interval, anchor_date=_EPOCH, timezone="UTC")
    return Cron(schedule.text, timezone=schedule.time_zone)


async def build_deployment(area: AreaSettings, areas_file: str) -> RunnerDeployment:
    """Make the deployment of an area.

    Args:
        area: The area.
        areas_file: The watcher's file; secrets stay in the environment.
    """
    deployment: RunnerDeployment = await strandline_round.ato_deployment(
        name=area.name,
        schedule=build_schedule(area.timetable),
        paused=False,
        parameters={"areas_file": areas_file, "area": area.name},
        description=f"Maps the coast of {area.name}: {area.schedule}.",
        tags=["strandline"],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return deployment


def list_due(settings: WatchSettings, *, now: datetime) -> list[str]:
    """Areas whose turn has come: no round was ever, the last was cut off, or the next was due before now.

    Args:
        settings: Of the watcher.
        now: With a time zone.

    Returns:
        Their names. Where the ledger is away, all: each round then says so.
    """
    try:
        rounds: Mapping[str, Round] = open_ledger(settings.reveal_ledger_url()).read_rounds()
    except LedgerError:
        rounds = {}
    return [area.name for area in settings.areas if _is_due(rounds.get(area.name), now)]


def _is_due(last: Round | None, now: datetime) -> bool:
    return last is None or last.ended is None or last.next_run is None or last.next_run <= now


async def clear_leftovers(client: PrefectClient, areas: Collection[str], *, areas_file: str, own: bool) -> Leftovers:
    """Clear away what a watcher of this file left when it ended.

    Args:
        client: Of the server.
        areas: Names of the areas that are watched now.
        areas_file: The watcher's file. On a server of others, what is of another file stays as it is.
        own: The server is the watcher's own: what is under way there has no process any more. On a server of others
            it may run on another machine, and is left alone.

    Returns:
        What was found.
    """
    missed, crashed, removed = 0, 0, []
    for deployment in await _list_deployments(client):
        if not own and (deployment.parameters or {}).get("areas_file") != areas_file:
            continue
        if own:
            crashed += await _crash(client, deployment.id)
        missed += await _drop_waiting(client, deployment.id)
        if deployment.name not in areas:
            await client.delete_deployment(deployment.id)
            removed.append(deployment.name)
    return Leftovers(missed=missed, crashed=crashed, removed=tuple(removed))


async def _list_deployments(client: PrefectClient) -> list[DeploymentResponse]:
    flows = FlowFilter(name=FlowFilterName(any_=[FLOW_NAME]))
    deployments: list[DeploymentResponse] = []
    while page := await client.read_deployments(flow_filter=flows, sort=_BY_NAME, limit=_PAGE, offset=len(deployments)):
        deployments += page
    return deployments


async def _list_runs(client: PrefectClient, deployment: UUID, states: Collection[StateType]) -> list[FlowRun]:
    """The first page; what is done to its runs takes them out of it."""
    of_states = FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states)))
    return await client.read_flow_runs(
        flow_run_filter=FlowRunFilter(state=of_states),
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=_PAGE,
    )


async def _crash(client: PrefectClient, deployment: UUID) -> int:
    count = 0
    state: State[None] = Crashed(message=_CUT_OFF)
    while runs := await _list_runs(client, deployment, _AT_WORK):
        for run in runs:
            await client.set_flow_run_state(run.id, state, force=True)
        count += len(runs)
    return count


async def _drop_waiting(client: PrefectClient, deployment: UUID) -> int:
    """Drop runs that wait; the schedule makes those of the future again. Returns how many had been due."""
    missed, now = 0, datetime.now(UTC)
    while runs := await _list_runs(client, deployment, _WAITING):
        for run in runs:
            missed += run.expected_start_time is not None and run.expected_start_time < now
            await client.delete_flow_run(run.id)
    return missed
