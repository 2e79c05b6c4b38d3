"""Tell a program of the user's: the event as JSON on its standard input."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress

from pipeline.watch.notify.settings import CommandChannel, NotToldError

__all__ = ["tell_command"]

_LONGEST = 200


def tell_command(channel: CommandChannel, body: str) -> None:
    """Send an event.

    Args:
        channel: The program; it and whatever it starts end with its time.
        body: JSON.

    Raises:
        NotToldError: It does not start, does not end in time, or ends with another code than 0.
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
        reason = getattr(error, "strerror", None) or error
        raise NotToldError(f"{channel.name}: {channel.argv[0]} does not start ({reason}).") from None
    try:
        _, said = process.communicate(body.encode() + b"\n", timeout=channel.timeout_s)
    except subprocess.TimeoutExpired:
        _end(process)
        raise NotToldError(f"{channel.name}: {channel.argv[0]} did not end within {channel.timeout_s:g} s.") from None
    except BaseException:
        _end(process)
        raise
    if process.returncode != 0:
        lines = said.decode(errors="replace").strip().splitlines()
        last = f" ({lines[-1][:_LONGEST]})" if lines else ""
        raise NotToldError(f"{channel.name}: {channel.argv[0]} ended with code {process.returncode}{last}.")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the program and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stderr):
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
