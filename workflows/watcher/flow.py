"""A round of one area as a flow of Prefect: its steps are tasks, its events are logs, its end is a state.

What the round does is ``pipeline.watch.run_round``, which knows nothing of Prefect. No secret gets here but by the
environment: parameters name the file, and every text passes ``hide`` before Prefect keeps it.
"""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from uuid import UUID

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import State, StateType
from prefect.context import FlowRunContext
from prefect.states import Completed, Failed
from prefect.tasks import exponential_backoff

from pipeline.search.errors import HostError
from pipeline.secrets import hide_secrets
from pipeline.watch.areas.file import WatchSettings, read_areas
from pipeline.watch.status import AreaStatus, read_watch_status
from pipeline.watch.values import RoundReport
from strandline import StrandlineError
from workflows.watcher.child import RUNNER_VARIABLE, die_with_parent
from workflows.watcher.events import send_event
from workflows.watcher.standing import describe_standing, name_artifact

__all__ = ["FLOW_NAME", "SCENES_FAILED", "StepError", "drop_missed_turns", "is_overtaken", "strandline_round"]

FLOW_NAME = "strandline-round"

SCENES_FAILED = "ScenesFailed"
"""Name of the state of a run in which scenes failed: it is none of those that went well."""

SEARCH_TRIES_AGAIN = 3
SEARCH_WAIT_S = 5.0
"""Before the second try; it doubles each time, give or take a half."""

_LEVELS = {"info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_NAMED_SCENES = 5

T = TypeVar("T")
Hide = Callable[[str], str]


class StepError(Exception):
    """What Prefect is told of a step that failed: the message without secrets, and no cause."""


@flow(name=FLOW_NAME, flow_run_name="{area}", persist_result=False)
def strandline_round(areas_file: str, area: str, since: date | None = None) -> State[None]:
    """Search, map, compare, publish and tell for one area.

    Args:
        areas_file: The watcher's file.
        area: Name of the area.
        since: First day of the search, in place of what follows from earlier rounds.

    Returns:
        ``Completed``, with what came of it; named ``Busy`` where another process is at the area, ``Overtaken`` where
        a round that began later has done its work already. Neither is a failure or was stopped by anybody, so that
        nobody is alarmed. ``Failed`` where the round failed as a whole; named ``ScenesFailed`` where some scenes failed
        in it, which later rounds try again.
    """
    if (runner := os.environ.get(RUNNER_VARIABLE)) is not None:
        die_with_parent(int(runner))
    try:
        settings = read_areas(areas_file)
        return _run(settings, area, since)
    except StrandlineError as error:
        text = f"{area}: {hide_secrets(str(error))}"
        _make_report(hide_secrets)({"event": "round failed", "area": area, "text": text, "level": "error"})
        return Failed(message=text)


def _run(settings: WatchSettings, area: str, since: date | None) -> State[None]:
    # Late: it brings the network along, which the runner, who reads this file as well, has no need of.
    from pipeline.watch.run_round import run_round

    report = _make_report(settings.hide)
    turn, now = _find_turn(), datetime.now(UTC)
    if turn is not None and is_overtaken(read_watch_status(settings, area=area).areas[0], turn, now=now):
        return Completed(name="Overtaken", message=f"{area}: a later round has done what was due {turn:%H:%M} UTC.")
    _drop_missed_turns(now)
    try:
        outcome = run_round(settings, area, since=since, step=_make_step(settings.hide), report=report)
    except StrandlineError:
        raise
    except Exception as error:
        # Prefect keeps the message and the traceback of what is raised here, and both may quote a secret.
        get_run_logger().error(settings.hide(traceback.format_exc()))
        raise StepError(settings.hide(f"{type(error).__name__}: {error}")) from None
    if outcome.busy:
        report({"event": "busy", "area": area, "text": outcome.line(), "level": "info"})
        return Completed(name="Busy", message=outcome.line())
    standing = _publish_standing(settings, area)
    if outcome.error is not None:
        return Failed(message=settings.hide(outcome.error))
    message = settings.hide(_describe(outcome, standing))
    return Failed(name=SCENES_FAILED, message=message) if outcome.failed else Completed(message=message)


def _find_turn() -> datetime | None:
    """When this run was due by the schedule; ``None`` where somebody asked for it."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    return run.expected_start_time if run is not None and run.auto_scheduled else None


def is_overtaken(status: AreaStatus, turn: datetime, *, now: datetime) -> bool:
    """Whether a round that began after this turn was due has ended, and the area is not due again by now.

    Args:
        status: Of the area.
        turn: When the turn was due.
        now: With a time zone.
    """
    if status.round_began is None or status.round_ended is None or status.next_run is None:
        return False
    return status.round_began > turn and status.next_run > now


def _drop_missed_turns(now: datetime) -> None:
    """Turns pile up while the machine is busy, and each costs a process: this round does for all until now."""
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    if run is None or run.deployment_id is None:
        return
    try:
        drop_missed_turns(run.deployment_id, before=now)
    except Exception as error:  # they then end one by one, as overtaken
        get_run_logger().warning("Turns that were missed stay on the list: %s", hide_secrets(str(error)))


def _make_report(hide: Hide) -> Callable[[Mapping[str, Any]], None]:
    """Events go to Prefect's log of the run, and to the watcher. Any thread may call it."""
    logger = get_run_logger()

    def report(event: Mapping[str, Any]) -> None:
        told = {key: hide(value) if isinstance(value, str) else value for key, value in event.items()}
        logger.log(_LEVELS.get(str(told.get("level")), logging.INFO), "%s", told.get("text", ""))
        send_event(told)

    return report


def _make_step(hide: Hide) -> Callable[[str, Callable[[], T]], T]:
    """Each step becomes a task run; what it returns and raises passes by Prefect, which would keep it."""

    def step(name: str, work: Callable[[], T], /) -> T:
        returned: list[T] = []
        raised: list[Exception] = []
        searches = name in {"search", "backfill"}

        @task(
            name=name,
            task_run_name=name,
            cache_policy=NO_CACHE,
            persist_result=False,
            retries=SEARCH_TRIES_AGAIN if searches else 0,
            retry_delay_seconds=exponential_backoff(backoff_factor=SEARCH_WAIT_S),
            retry_jitter_factor=0.5,
            retry_condition_fn=lambda *_: isinstance(raised[-1], HostError),
        )
        def run_step() -> None:
            try:
                returned.append(work())
            except Exception as error:
                raised.append(error)
                raise StepError(hide(f"{type(error).__name__}: {error}")) from None

        try:
            run_step()
        except StepError:
            raise raised[-1] from None
        return returned[-1]

    return step


def _publish_standing(settings: WatchSettings, area: str) -> AreaStatus | None:
    """Show how the area stands; a page that cannot be shown is no reason for a round to fail."""
    try:
        status = read_watch_status(settings, area=area).areas[0]
        create_markdown_artifact(
            key=name_artifact(area), markdown=settings.hide(describe_standing(status)), description=f"How {area} stands"
        )
    except Exception as error:
        get_run_logger().warning("The page of %s was not written: %s", area, settings.hide(str(error)))
        return None
    return status


def _describe(outcome: RoundReport, standing: AreaStatus | None) -> str:
    """A line, which names the scenes that stand as failed where some failed in this round.

    A round in which none failed is green, though older failures wait for their turn: those were told, and red, before.
    """
    if not outcome.failed or standing is None or not standing.failures:
        return outcome.line()
    names = [scene.product for scene in standing.failures]
    more = f" and {len(names) - _NAMED_SCENES} more" if len(names) > _NAMED_SCENES else ""
    return f"{outcome.line()} Failed: {', '.join(names[:_NAMED_SCENES])}{more}."


_MOST = 200


def drop_missed_turns(deployment: UUID, *, before: datetime) -> int:
    """Take turns off the list that a round which begins now does too.

    Args:
        deployment: Of the area.
        before: Turns that were due before this.

    Returns:
        How many there were.
    """
    waiting = FlowRunFilter(
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED])),
        expected_start_time=FlowRunFilterExpectedStartTime.model_validate({"before_": before}),
    )
    of_area = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(flow_run_filter=waiting, deployment_filter=of_area, limit=_MOST)
        for run in runs:
            client.delete_flow_run(run.id)
    return len(runs)
