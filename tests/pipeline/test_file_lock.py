"""A lock keeps others out, and nothing is left of it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import BusyError
from pipeline.file_lock import hold_lock, is_locked

ROOT = Path(__file__).resolve().parents[2]
HOLD = """
import sys
from pathlib import Path
from pipeline.file_lock import hold_lock
with hold_lock(Path(sys.argv[1]), busy=""):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_lock_is_held_once_and_known_to_be(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_locked(path)
    with hold_lock(path, busy=""):
        assert is_locked(path)
        with pytest.raises(BusyError, match="somebody is at it"), hold_lock(path, busy="somebody is at it"):
            pass
    assert not is_locked(path)


def test_a_lock_that_is_to_leave_no_file_leaves_none(tmp_path: Path) -> None:
    with hold_lock(tmp_path / "lock", busy="", remove=True):
        pass
    assert not list(tmp_path.iterdir())


def test_what_a_killed_process_held_is_free(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        assert is_locked(path)
        other.send_signal(signal.SIGKILL)
        other.wait()
    with hold_lock(path, busy="still held"):
        pass
