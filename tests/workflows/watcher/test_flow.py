"""What a round tells Prefect: its line, its state, and what is tried again."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from workflows.watcher import flow
from workflows.watcher.flow import is_overtaken

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("failed", "standing", "tail"),
    [
        (0, 3, ""),
        (2, None, ""),
        (2, 0, ""),
        (1, 1, " Failed: S0."),
        (5, 5, " Failed: S0, S1, S2, S3, S4."),
        (6, 6, " Failed: S0, S1, S2, S3, S4 and 1 more."),
        (1, 9, " Failed: S0, S1, S2, S3, S4 and 4 more."),
    ],
)
def test_a_round_names_five_scenes_that_failed(failed: int, standing: int | None, tail: str) -> None:
    outcome: Any = SimpleNamespace(failed=failed, line=lambda: "bay: 3 mapped.")
    names = [SimpleNamespace(product=f"S{number}") for number in range(standing or 0)]
    status: Any = None if standing is None else SimpleNamespace(failures=names)
    assert flow._describe(outcome, status) == f"bay: 3 mapped.{tail}"


def test_a_search_is_tried_three_times_more_from_five_seconds_on() -> None:
    assert (flow.SEARCH_TRIES_AGAIN, flow.SEARCH_WAIT_S) == (3, 5.0)


@pytest.mark.parametrize(
    ("began", "following", "overtaken"),
    [(1, 1, True), (0, 1, False), (-1, 1, False), (1, 0, False), (1, -1, False), (None, 1, False), (1, None, False)],
)
@pytest.mark.parametrize("ended", [True, False])
def test_a_turn_is_overtaken_by_a_later_round_that_ended(
    began: int | None, following: int | None, overtaken: bool, ended: bool
) -> None:
    now = NOON + timedelta(hours=3)
    status: Any = SimpleNamespace(
        round_began=None if began is None else NOON + timedelta(hours=began),
        round_ended=now if ended else None,
        next_run=None if following is None else now + timedelta(hours=following),
    )
    assert is_overtaken(status, NOON, now=now) == (overtaken and ended)


@pytest.mark.parametrize(
    ("level", "logged"), [("warning", logging.WARNING), ("error", logging.ERROR), ("info", 20), (None, 20), ("odd", 20)]
)
def test_events_are_logged_and_sent_without_secrets(
    monkeypatch: pytest.MonkeyPatch, level: str | None, logged: int
) -> None:
    lines: list[Any] = []
    sent: list[Any] = []
    monkeypatch.setattr(flow, "get_run_logger", lambda: SimpleNamespace(log=lambda *line: lines.append(line)))
    monkeypatch.setattr(flow, "send_event", sent.append)
    event = {"event": "mapped", "text": "key secret", "count": 3} | ({"level": level} if level else {})
    flow._make_report(lambda text: text.replace("secret", "***"))(event)
    assert lines == [(logged, "%s", "key ***")]
    assert sent == [event | {"text": "key ***"}]


@pytest.mark.parametrize(("scheduled", "due"), [(True, NOON), (False, None)])
def test_a_turn_is_known_where_the_schedule_gave_it(
    monkeypatch: pytest.MonkeyPatch, scheduled: bool, due: datetime | None
) -> None:
    run = SimpleNamespace(auto_scheduled=scheduled, expected_start_time=NOON)
    contexts: Any = iter([SimpleNamespace(flow_run=run), SimpleNamespace(flow_run=None), None])
    monkeypatch.setattr(flow, "FlowRunContext", SimpleNamespace(get=lambda: next(contexts)))
    assert [flow._find_turn() for _ in range(3)] == [due, None, None]


@pytest.mark.parametrize("deployment", ["bay", None])
@pytest.mark.parametrize("fails", [True, False])
def test_turns_that_were_missed_are_dropped_if_they_can_be(
    monkeypatch: pytest.MonkeyPatch, deployment: str | None, fails: bool
) -> None:
    dropped: list[Any] = []
    warned: list[Any] = []

    def drop(which: object, *, before: datetime) -> None:
        dropped.append((which, before))
        if fails:
            raise OSError("away")

    context = SimpleNamespace(flow_run=SimpleNamespace(deployment_id=deployment))
    monkeypatch.setattr(flow, "FlowRunContext", SimpleNamespace(get=lambda: context))
    monkeypatch.setattr(flow, "drop_missed_turns", drop)
    monkeypatch.setattr(flow, "get_run_logger", lambda: SimpleNamespace(warning=lambda *line: warned.append(line)))
    flow._drop_missed_turns(NOON)
    assert dropped == ([] if deployment is None else [("bay", NOON)])
    assert len(warned) == (fails and deployment is not None)
    monkeypatch.setattr(flow, "FlowRunContext", SimpleNamespace(get=lambda: None))
    flow._drop_missed_turns(NOON)
