"""Tell a program of the user's: the event as JSON on its standard input."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress

from pipeline.watch.notify.delivery import DeliveryError, find_reason
from pipeline.watch.notify.settings import CommandChannel

__all__ = ["run_command"]

_LONGEST_LINE = 200
"""Characters of the program's last line that are repeated."""


def run_command(channel: CommandChannel, body: str) -> None:
    """Run a program, and give it an event.

    Args:
        channel: The program; it and whatever it starts end with its time.
        body: JSON.

    Raises:
        DeliveryError: It does not start, does not end in time, or ends with another code than 0.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 (the user's own program; no shell looks at it)
            channel.argv,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise DeliveryError(f"{channel.name}: {channel.argv[0]} does not start ({find_reason(error)}).") from None
    try:
        _, errors = process.communicate(body.encode() + b"\n", timeout=channel.timeout_s)
    except subprocess.TimeoutExpired:
        _kill(process)
        raise DeliveryError(f"{channel.name}: {channel.argv[0]} did not end within {channel.timeout_s:g} s.") from None
    except BaseException:
        _kill(process)
        raise
    if process.returncode != 0:
        lines = errors.decode(errors="replace").strip().splitlines()
        last = f" ({lines[-1][:_LONGEST_LINE]})" if lines else ""
        raise DeliveryError(f"{channel.name}: {channel.argv[0]} ended with code {process.returncode}{last}.")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the program and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
