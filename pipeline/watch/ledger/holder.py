"""Who has a scene in hand, and whether that process is still alive.

Of a process on this very host the system knows whether it lives, so no clock is asked. A process in another container
or on another host cannot be seen from here: for it a lease decides.
"""

from __future__ import annotations

import os
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

__all__ = ["Holder", "Life", "read_holder_life"]

Life = Literal["alive", "dead", "unknown"]

_PROC = Path("/proc")
_START_FIELD = 19
"""Of ``/proc/PID/stat``, counted from the state, which follows the name in brackets. Source: proc(5), field 22."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that holds scenes, and the word by which the ledger knows it.

    Attributes:
        host: Names a space of process ids: host, boot and container.
        pid: Process id in it.
        started: When the process started, in ticks since boot; empty where the system does not say.
        token: Random: tells two holders of one process apart.
    """

    host: str
    pid: int
    started: str
    token: str

    @classmethod
    def of_this_process(cls) -> Holder:
        """A new holder in this process."""
        pid = os.getpid()
        state_and_start = _read_stat(pid)
        started = state_and_start[1] if state_and_start else ""
        return cls(host=_name_host(), pid=pid, started=started, token=secrets.token_hex(4))

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}:{self.started}:{self.token}"


def read_holder_life(holder: str) -> Life:
    """Whether the process of a holder is alive, as far as can be known from here.

    Args:
        holder: As the ledger keeps it.

    Returns:
        ``unknown`` for a process of another host, or where the system does not say when a process started.
    """
    parts = holder.rsplit(":", 3)
    if len(parts) != 4 or parts[0] != _name_host() or not parts[1].isdigit() or not parts[2]:
        return "unknown"
    pid, started = int(parts[1]), parts[2]
    state_and_start = _read_stat(pid)
    if state_and_start is None:
        return "unknown" if _exists(pid) else "dead"
    # A number may have been given to another process since; and a killed process whose parent has not asked for it
    # yet (Z) does no more work.
    state, start = state_and_start
    return "alive" if start == started and state not in "ZX" else "dead"


def _exists(pid: int) -> bool:
    """Whether there is such a process, be its details hidden or not."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True


def _read_stat(pid: int) -> tuple[str, str] | None:
    """State and start of a process; ``None`` where the system does not say."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return fields[0], fields[_START_FIELD]
    except (OSError, IndexError, UnicodeDecodeError):
        return None


@cache
def _name_host() -> str:
    """Name the space of process ids: two containers of one host, or one name twice in a network, are not the same."""
    boot, space = "", ""
    with suppress(OSError):
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()[:8]
    with suppress(OSError):
        space = (_PROC / "self/ns/pid").readlink().name.strip("pid:[]")
    return "/".join(part.replace(":", "-") for part in (socket.gethostname(), boot, space) if part)
