"""The process of a watcher that starts its rounds when they are due: ``python -m workflows.watcher.runner FILE``.

It is a process of its own so that what rounds say can be caught, and so that the watcher stays small.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from httpx import HTTPError
from prefect.client.orchestration import PrefectClient, get_client
from prefect.runner import Runner
from prefect.settings import get_current_settings

from pipeline.watch.areas.file import WatchSettings, read_areas
from strandline import StrandlineError
from workflows.watcher.child import RUNNER_VARIABLE
from workflows.watcher.deployments import Leftovers, build_deployment, clear_leftovers, list_due
from workflows.watcher.events import send_event

__all__ = ["main"]

_LOOK_S = 1.0


class _Runner(Runner):
    """A runner whose end by SIGTERM is a clean one."""

    def __init__(self, *, limit: int, pause_on_shutdown: bool) -> None:
        super().__init__(name="strandline", limit=limit, pause_on_shutdown=pause_on_shutdown)
        self._asked = asyncio.Event()
        self._home = asyncio.get_running_loop()

    def handle_sigterm(self, *_args: Any, **_options: Any) -> None:  # noqa: ANN401 (as the base class has it)
        """Only say so: a signal comes in the middle of anything."""
        self._home.call_soon_threadsafe(self._asked.set)

    async def run(self) -> None:
        """Run rounds until a SIGTERM comes; rounds that are under way then are stopped."""
        running = asyncio.create_task(self.start())
        asked = asyncio.create_task(self._asked.wait())
        await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            await self.astop()
        # A round that was about to start when the others were stopped has to be stopped as well.
        while not (await asyncio.wait({running}, timeout=_LOOK_S))[0]:
            await self.cancel_all()
        asked.cancel()
        await running


async def _run(areas_file: str, *, limit: int, own: bool) -> None:
    settings = read_areas(areas_file)
    # On a server of others, schedules of areas that nobody runs would only pile up runs that are late.
    runner = _Runner(limit=limit, pause_on_shutdown=not own)
    async with get_client() as client:
        names = [area.name for area in settings.areas]
        _log_leftovers(await clear_leftovers(client, names, areas_file=areas_file, own=own))
        await _register(runner, client, settings, areas_file)
    send_event({"event": "ready", "level": "info", "text": ""})
    await runner.run()


async def _register(runner: Runner, client: PrefectClient, settings: WatchSettings, areas_file: str) -> None:
    due = list_due(settings, now=datetime.now(UTC))
    for area in settings.areas:
        known = await runner.aadd_deployment(await build_deployment(area, areas_file))
        if area.name in due:
            await client.create_flow_run_from_deployment(known, name=area.name)


def _log_leftovers(left: Leftovers) -> None:
    if left.crashed:
        _note(f"{left.crashed} round(s) were under way when the watcher before was killed; they are done again.")
    if left.missed:
        _note(f"{left.missed} turn(s) were missed while no watcher ran; an area that is due runs once.")
    for area in left.removed:
        _note(f"{area} is in the file no longer; its schedule was removed.")


def _note(text: str) -> None:
    send_event({"event": "note", "level": "info", "text": text})


def main() -> None:
    """Run rounds until a SIGTERM comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("areas_file", type=Path)
    parser.add_argument("--limit", type=int, default=2, help="rounds at a time")
    parser.add_argument("--own", action="store_true", help="the server serves nobody else")
    options = parser.parse_args()
    os.environ[RUNNER_VARIABLE] = str(os.getpid())
    try:
        asyncio.run(_run(str(options.areas_file.absolute()), limit=options.limit, own=options.own))
    except StrandlineError as error:
        sys.exit(str(error))
    except HTTPError as error:
        url = get_current_settings().api.url
        sys.exit(f"The Prefect server at {url} does not answer as it should ({str(error) or type(error).__name__})")


if __name__ == "__main__":
    main()
