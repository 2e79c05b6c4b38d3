"""A watcher on the bench: its file, its host, its receiver, and rounds by the real command, which may be killed."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.watch_api import StacApi
from benchmarks.watch_check import check_all, read_told
from benchmarks.watch_rig import Coast, Rig, write_areas
from pipeline.watch.areas.file import WatchSettings, read_areas
from tests.pipeline.watch.notify.notify_receivers import Hook, run_hook

__all__ = ["STRANDLINE", "Bench", "open_bench"]

STRANDLINE = (sys.executable, "-m", "workflows.cli")
_LONGEST_ROUND_S = 400


@dataclass(slots=True, kw_only=True)
class Bench:
    """A watcher that is disturbed.

    Attributes:
        home: Its folder.
        rig: Coasts and host.
        hook: Who is told.
        areas: Its file.
        settings: What that says.
        rounds: Exit code and seconds of each round.
    """

    home: Path
    rig: Rig
    hook: Hook
    areas: Path
    settings: WatchSettings
    rounds: list[tuple[int | str, float]] = field(default_factory=list)

    @property
    def api(self) -> StacApi:
        """The host."""
        return self.rig.api

    @property
    def log(self) -> Path:
        """What all rounds said on standard error."""
        return self.home / "rounds.txt"

    def start(self, *options: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a round, in a process group of its own.

        Args:
            options: Besides ``--once``.
            environment: Besides that of this process.
        """
        with self.log.open("a") as log:
            return subprocess.Popen(
                [*STRANDLINE, "watch", str(self.areas), "--once", *options],
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
            )

    def finish(self, process: subprocess.Popen[bytes], *, limit_s: float = _LONGEST_ROUND_S) -> int | None:
        """Wait for the end of a round.

        Args:
            process: That was started.
            limit_s: Seconds after which it is killed.

        Returns:
            Its exit code; ``None`` where it had to be killed.
        """
        began = time.monotonic()
        try:
            code: int | None = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            self.kill(process)
            code = None
        self.rounds.append(("hung" if code is None else code, round(time.monotonic() - began, 1)))
        return code

    def run(self, *options: str, environment: Mapping[str, str] | None = None) -> int | None:
        """Run a round to its end.

        Args:
            options: Besides ``--once``.
            environment: Besides that of this process.
        """
        return self.finish(self.start(*options, environment=environment))

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a round with all its children, at once.

        Args:
            process: That was started.
        """
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def wait_for(self, word: str, *, more: int, process: subprocess.Popen[bytes], limit_s: float = 300) -> bool:
        """Wait until the rounds have said something so often.

        Args:
            word: The end of a line, such as ``: mapped``.
            more: How often from now on.
            process: The round; whose end ends the waiting.
            limit_s: How long.

        Returns:
            Whether it was said.
        """
        before, deadline = self._count(word), time.monotonic() + limit_s
        while time.monotonic() < deadline and process.poll() is None:
            if self._count(word) >= before + more:
                return True
            time.sleep(0.05)
        return False

    def _count(self, word: str) -> int:
        return self.log.read_text().count(word) if self.log.exists() else 0

    def conclude(self, facts: Mapping[str, Any], *, expected: Mapping[str, int]) -> dict[str, Any]:
        """Check all that must hold, and sum up.

        Args:
            facts: Of the fault.
            expected: How many failures and recoveries should have been told, by kind of event.
        """
        findings = check_all(self.settings, self.rig, self.hook, quiet=False)
        told = read_told(self.hook)
        for kind, count in expected.items():
            if told.count().get(kind, 0) != count:
                titles = [event["title"] for event in told.events.values() if event["kind"] == kind]
                findings.append(f"told {told.count().get(kind, 0)} of {kind}, expected {count}: {titles}")
        return {
            **facts,
            "rounds": self.rounds,
            "told": told.count(),
            "told_twice": told.doubled,
            "findings": findings,
        }


@contextmanager
def open_bench(
    home: Path,
    scenes: Path,
    coasts: Sequence[Coast],
    *,
    published: Path | None = None,
    **changes: Any,  # noqa: ANN401
) -> Iterator[Bench]:
    """A watcher, its host and its receiver, from the beginning.

    Args:
        home: Folder of the watcher; what stands there goes.
        scenes: Folder of the simulated scenes.
        coasts: The areas.
        published: Folder of the destinations.
        changes: Of the file, see ``write_areas``.
    """
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    with StacApi(home, scenes) as api, run_hook() as hook:
        rig = Rig(coasts=tuple(coasts), api=api, shown=[])
        url = f"http://127.0.0.1:{hook.port}/"
        areas = write_areas(home / "areas.yaml", rig, hook=url, published=published, **changes)
        yield Bench(home=home, rig=rig, hook=hook, areas=areas, settings=read_areas(areas))
