"""A real Dask cluster on loopback: ``dask scheduler`` and ``dask worker`` as processes that can be killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 120.0


def wait_until(condition: Callable[[], object]) -> None:
    """Poll a condition, for as long as a busy machine may need."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        os.sched_yield()


class DaskProcesses:
    """A scheduler and some workers of one thread each."""

    def __init__(self, folder: Path, *, workers: int = 1, resources: str | None = None) -> None:
        self.file = folder / "scheduler.json"
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__ADMIN__TICK__LIMIT": "1h"}
        self._settings = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment, "cwd": folder}
        self.scheduler = self._start("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0")
        options = ["--nthreads", "1", "--memory-limit", "0", *(["--resources", resources] if resources else [])]
        self.nannies = [self._start("distributed.cli.dask_worker", *options) for _ in range(workers)]
        wait_until(lambda: self.file.exists() and self.file.read_text().rstrip().endswith("}"))
        self.address: str = json.loads(self.file.read_text())["address"]

    def _start(self, module: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", module, "--scheduler-file", str(self.file), "--no-dashboard", *options]
        return subprocess.Popen(command, **self._settings)  # type: ignore[call-overload, no-any-return]

    def workers(self) -> list[int]:
        """The processes that work: the nannies' children."""
        found = []
        for nanny in self.nannies:
            with suppress(psutil.NoSuchProcess):
                children = psutil.Process(nanny.pid).children()
                found += [child.pid for child in children if "spawn_main" in " ".join(child.cmdline())]
        return found

    def stop(self) -> None:
        """End all of it at once."""
        for process in (*self.nannies, self.scheduler):
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(process.pid).children(recursive=True):
                    child.kill()
            process.kill()
            process.wait()
