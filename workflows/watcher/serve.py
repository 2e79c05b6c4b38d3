"""A watcher as ``strandline watch`` runs it: a server, a runner of rounds, a line an event, until it is told to end.

The process itself does little, and imports none of what rounds need: it starts the other two, listens, and stops them.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any

from pipeline.watch.areas.file import WatchSettings
from pipeline.watch.values import Report
from workflows.watcher.child import Child
from workflows.watcher.events import PIPE_VARIABLE, receive_events
from workflows.watcher.server import Server, ServerError, open_server

__all__ = ["serve"]

_STOP_S = 75.0
"""Seconds for the rounds to give their scenes back: Prefect gives each 30, one after the other."""

_Event = Mapping[str, Any]

_SIGNAL: _Event = {"event": "signal"}
_ENDED: _Event = {"event": "ended"}


class _AskedEarlyError(BaseException):
    """A signal came while the server was about to start."""


class _Inbox(SimpleQueue[_Event]):
    """What happens, from threads and handlers of signals, both of which may put into it at any time."""

    listening = False
    asked = False


def serve(areas_file: Path, settings: WatchSettings, *, report: Report, limit: int = 2) -> None:
    """Watch the areas of a file until SIGINT (Ctrl-C) or SIGTERM comes; a second one ends it at once.

    Rounds that are under way are told to end, and give their scenes back.

    Args:
        areas_file: The file; rounds read it again, each its own time.
        settings: What it says.
        report: Told what happens, by the thread that calls this.
        limit: Rounds at a time; mapping is one at a time on a machine anyhow.

    Raises:
        BusyError: Another watcher is at work in the work folder.
        MissingExtraError: Prefect is not installed.
        OutputError: The work folder cannot be written.
        ServerError: The server or the runner does not start, or died.
    """
    try:
        with _catch_signals() as inbox:
            _serve(areas_file, settings, inbox, report=report, limit=limit)
    except _AskedEarlyError:
        pass
    report({"event": "stopped", "level": "info", "text": "Stopped."})


def _serve(areas_file: Path, settings: WatchSettings, inbox: _Inbox, *, report: Report, limit: int) -> None:
    work = Path(settings.work)

    def ended() -> None:
        inbox.put(_ENDED)

    with (
        receive_events(inbox.put) as pipe,
        open_server(work, hide=settings.hide, ended=ended) as server,
    ):
        arguments = ["-m", "workflows.watcher.runner", str(areas_file.absolute()), "--limit", str(limit)]
        runner = Child(
            arguments if server.child is None else [*arguments, "--own"],
            environment={**server.environment, PIPE_VARIABLE: str(pipe)},
            log=work / "logs" / "rounds.log",
            hide=settings.hide,
            ended=ended,
        )
        try:
            inbox.listening = True
            _Watch(areas=len(settings.areas), server=server, runner=runner, inbox=inbox, report=report).run()
        finally:
            runner.kill()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Watch:
    """A watcher whose processes run.

    Attributes:
        areas: How many are watched.
        server: Of Prefect.
        runner: Starts the rounds.
        inbox: What happens.
        report: Told of it.
    """

    areas: int
    server: Server
    runner: Child
    inbox: _Inbox
    report: Report

    def run(self) -> None:
        """Pass on what happens until a signal comes, then let the rounds end."""
        while (event := self.inbox.get()) is not _SIGNAL:
            self._take(event)
        self.report({"event": "stopping", "level": "info", "text": "Stopping; rounds give their scenes back."})
        self.runner.ask_to_end()
        deadline = time.monotonic() + _STOP_S
        with suppress(Empty):
            while self.runner.code is None:
                event = self.inbox.get(timeout=max(0.0, deadline - time.monotonic()))
                if event is _SIGNAL:
                    break
                if event is not _ENDED:
                    self._take(event)

    def _take(self, event: _Event) -> None:
        if event is _ENDED:
            self._explain_end()
        elif event["event"] == "ready":
            logs = self.runner.log.parent
            text = f"Watching {self.areas} area(s); {self.server.ui_url} shows them, {logs} has the logs."
            ready = {"event": "watching", "areas": self.areas, "ui": self.server.ui_url, "logs": str(logs)}
            self.report({**ready, "level": "info", "text": text})
        else:
            self.report(event)

    def _explain_end(self) -> None:
        for name, child in (("Prefect server", self.server.child), ("runner of rounds", self.runner)):
            if child is not None and child.code is not None:
                raise ServerError(
                    f"The {name} ended (exit code {child.code}): {child.last_words}. "
                    f"See {child.log}, and start the watcher again."
                )


@contextmanager
def _catch_signals() -> Iterator[_Inbox]:
    """Put signals into an inbox; before anybody listens to it, the first one ends the block."""
    inbox = _Inbox()

    def handle(_number: int, _frame: FrameType | None) -> None:
        if inbox.listening or inbox.asked:
            inbox.put(_SIGNAL)
            return
        inbox.asked = True
        raise _AskedEarlyError

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield inbox
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
