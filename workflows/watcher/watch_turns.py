"""Turns of an area that piled up while the machine was busy: one round does for all of them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType

__all__ = ["drop_missed_turns"]

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
