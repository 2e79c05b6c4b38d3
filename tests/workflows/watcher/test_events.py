"""Events of a watcher's processes on their way to it: whole, in lines that no other process can break into."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.workflows.polling import wait_for
from workflows.watcher.events import PIPE_VARIABLE, receive_events, send_event


def make_event(size: int) -> dict[str, str]:
    """An event that takes that many bytes in the pipe."""
    event = {"event": "note", "area": "bay", "level": "info", "more": "", "text": ""}
    return event | {"text": "x" * (size - len(json.dumps(event)) - 1)}


@pytest.mark.parametrize(("size", "whole"), [(200, True), (4000, True), (4001, False), (9000, False)])
def test_a_line_has_4000_bytes_at_most(monkeypatch: pytest.MonkeyPatch, size: int, *, whole: bool) -> None:
    heard: list[Mapping[str, Any]] = []
    event = make_event(size)
    with receive_events(heard.append) as pipe:
        monkeypatch.setenv(PIPE_VARIABLE, str(pipe))
        send_event(event)
        send_event({"event": "last"})
        wait_for(lambda: len(heard) == 2)
    short = {"event": "note", "area": "bay", "level": "info", "text": "x" * 800 + " ..."}
    assert heard == [event if whole else short, {"event": "last"}]


def test_nobody_has_to_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(PIPE_VARIABLE, raising=False)
    send_event({"event": "note"})
    with receive_events(lambda _: None) as pipe:
        monkeypatch.setenv(PIPE_VARIABLE, str(pipe))
    send_event({"event": "note"})  # the pipe is gone
    assert not pipe.exists()
