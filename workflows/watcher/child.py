"""A process that a watcher starts, watches and stops; all that it says goes to a log that turns over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from logging import LogRecord, makeLogRecord
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

from pipeline.secrets import hide_secrets

__all__ = ["RUNNER_VARIABLE", "Child", "die_with_parent"]

RUNNER_VARIABLE = "STRANDLINE_WATCH_RUNNER"
"""Variable of the environment that tells a round the process id of the runner, with which it ends."""

_LOG_BYTES = 5_000_000
_LOG_FILES = 5
_LONGEST_LINE = 16_384
_KEPT_LINES = 40
_SHOWN_LINES = 3
_SHOWN_CHARACTERS = 300

_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux

_LAUNCH = """
import os, sys
from workflows.watcher.child import die_with_parent
die_with_parent(int(sys.argv[1]))
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


def die_with_parent(parent: int) -> None:
    """Ask Linux to send this process a SIGTERM once its parent is dead, however it died; other systems do not know it.

    It outlives ``exec``. Source: prctl(2), PR_SET_PDEATHSIG.

    Args:
        parent: Process id of the parent, which may have died just now.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


class Child:
    """A Python process in a session of its own, so that Ctrl-C in the terminal reaches the watcher alone."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        environment: Mapping[str, str],
        log: Path,
        hide: Callable[[str], str] = hide_secrets,
        ended: Callable[[], None] | None = None,
        keep_open: Sequence[int] = (),
    ) -> None:
        """Start it. Call this from a thread that lives as long as the child: Linux counts the thread as the parent.

        Args:
            arguments: Of Python, such as ``-m module``.
            environment: Variables of its environment, all of them.
            log: File for what it says, on both channels; older ones are ``.1`` to ``.4``.
            hide: Takes the secrets out of a line.
            ended: Called once it has ended, from another thread.
            keep_open: Descriptors that it inherits.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        self._hide = hide
        self._ended = ended
        self._last: deque[str] = deque(maxlen=_KEPT_LINES)
        self._process = subprocess.Popen(  # noqa: S603 (our own interpreter)
            [sys.executable, "-c", _LAUNCH, str(os.getpid()), *arguments],
            env={**environment, "PYTHONSAFEPATH": "1"},  # a file of the user's may have the name of a room
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=keep_open,
        )
        assert self._process.stdout is not None  # noqa: S101 (it was asked for)
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,), daemon=True)
        self._reader.start()

    @property
    def code(self) -> int | None:
        """Its exit code; ``None`` while it runs."""
        return self._process.poll()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def last_words(self) -> str:
        """The last lines that it said, in one."""
        self._reader.join(timeout=1)
        said = [line.strip()[:_SHOWN_CHARACTERS] for line in self._last if any(map(str.isalnum, line))]
        return " / ".join(said[-_SHOWN_LINES:]) or "it said nothing"

    def ask_to_end(self) -> None:
        """Send it a SIGTERM."""
        with suppress(ProcessLookupError):
            self._process.terminate()

    def stop(self, grace_s: float) -> None:
        """End it, and all that it started in its session; it is gone when this returns.

        Args:
            grace_s: Seconds for a clean end, then it is killed.
        """
        self.ask_to_end()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_s)
        self.kill()

    def kill(self) -> None:
        """End it, and all that it started in its session, at once."""
        # The group keeps its id as long as one of it lives, also where the first of it is gone.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join(timeout=5)

    def _read(self, pipe: IO[bytes]) -> None:
        handler = _QuietFile(self.log, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES - 1, encoding="utf-8", delay=True)
        # A line without an end is cut, so that memory stays flat.
        while line := pipe.readline(_LONGEST_LINE):
            text = self._hide(line.decode("utf-8", "replace").rstrip())
            self._last.append(text)
            handler.emit(makeLogRecord({"msg": text}))
        handler.close()
        pipe.close()
        # It closes the pipe a moment before it is gone.
        self._process.wait()
        if self._ended is not None:
            self._ended()


class _QuietFile(RotatingFileHandler):
    """A log whose disk is full loses lines, and stops nobody."""

    def handleError(self, record: LogRecord) -> None:  # noqa: N802 (the name that logging gives it)
        """Go on.

        Args:
            record: The line that is lost.
        """
