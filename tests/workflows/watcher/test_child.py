"""A process of the watcher: its log, its last words, and its end."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflows.polling import wait_for
from workflows.watcher import child
from workflows.watcher.child import Child

Start = Callable[..., Child]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start a process that runs some Python, and wait for its end."""

    def run(code: str, *, wait: bool = True, **choices: object) -> Child:
        ended = threading.Event()
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": os.environ.get("PYTHONPATH", str(Path.cwd()))}
        made = Child(
            ["-c", code],
            environment=environment,
            log=tmp_path / "deep" / "log" / "round.log",
            ended=ended.set,
            **choices,  # type: ignore[arg-type]
        )
        if wait:
            assert ended.wait(60)
        return made

    return run


def test_what_it_says_is_logged_without_secrets_and_its_last_words_are_three(start: Start) -> None:
    code = (
        "import sys; [print(f'line {n} secret', file=sys.stderr) for n in range(5)]; print('---'); print(); sys.exit(3)"
    )
    made = start(code, hide=lambda text: text.replace("secret", "***"))
    assert made.code == 3
    assert made.last_words == "line 2 *** / line 3 *** / line 4 ***"
    assert made.log.read_text().splitlines() == [*(f"line {n} ***" for n in range(5)), "---", ""]


def test_last_words_are_short(start: Start) -> None:
    assert start("pass").last_words == "it said nothing"
    assert start("print('x' * 299, 'yz', sep='')").last_words == "x" * 299 + "y"


def test_forty_lines_are_remembered_and_a_line_without_an_end_is_cut(start: Start) -> None:
    made = start("print('x' * 16384 + 'y'); [print('-', n) for n in range(39)]")
    assert len(made._last) == 40
    assert made._last[0] == "y"
    assert made.log.read_text().splitlines()[0] == "x" * 16384


def test_the_log_turns_over_and_keeps_five_files(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (child._LOG_BYTES, child._LOG_FILES) == (5_000_000, 5)
    monkeypatch.setattr(child, "_LOG_BYTES", 100)
    made = start("[print('x' * 60, n) for n in range(20)]")
    assert sorted(path.name for path in made.log.parent.iterdir()) == [
        "round.log",
        *(f"round.log.{number}" for number in range(1, 5)),
    ]


def test_it_runs_alone_with_nothing_to_read_until_it_is_stopped(start: Start) -> None:
    made = start(
        "import os, sys, time; print(os.getsid(0), sys.stdin.read() == '', flush=True); time.sleep(600)", wait=False
    )
    wait_for(lambda: bool(made.last_words != "it said nothing"))
    assert made.last_words == f"{made.pid} True"
    assert made.code is None
    made.stop(grace_s=20)
    assert made.code == -15
    made.stop(grace_s=0)  # nothing to be done any more


def test_what_does_not_end_is_killed_with_all_that_it_started(start: Start) -> None:
    sleep = "import time; time.sleep(600)"
    code = (
        "import signal, subprocess, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"print(subprocess.Popen([sys.executable, '-c', '{sleep}']).pid, flush=True); {sleep}"
    )
    made = start(code, wait=False)
    wait_for(lambda: made.last_words != "it said nothing")
    made.stop(grace_s=0.2)
    assert made.code == -9
    grandchild = Path(f"/proc/{made.last_words}/stat")
    wait_for(lambda: not grandchild.exists() or grandchild.read_text().rsplit(")", 1)[1].split()[0] == "Z")
