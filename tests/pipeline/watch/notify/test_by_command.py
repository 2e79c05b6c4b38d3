"""A program of the user's gets an event, and says why where it does not take it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.watch.notify.by_command import run_command
from pipeline.watch.notify.delivery import DeliveryError
from tests.pipeline.watch.notify.notify_receivers import read_channel


def make_channel(*argv: str, timeout_s: float = 60) -> Any:  # noqa: ANN401
    return read_channel({"kind": "command", "name": "bell", "argv": argv, "timeout_s": timeout_s})


def test_the_event_is_one_line_and_what_the_program_prints_is_its_own_affair(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "event"
    script = f"cat > '{out}'; echo loud; echo louder >&2"
    run_command(make_channel("sh", "-c", script), '{"é": 1}')
    assert out.read_text(encoding="utf-8") == '{"é": 1}\n'
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 1", "bell: sh ended with code 1."),
        ("exit 3", "bell: sh ended with code 3."),
        ("echo first >&2; echo 'last ' >&2; echo >&2; exit 2", "bell: sh ended with code 2 (last)."),
        ("kill -9 $$", "bell: sh ended with code -9."),
        (f"echo {'x' * 201} >&2; exit 1", f"bell: sh ended with code 1 ({'x' * 200})."),
        (f"echo {'x' * 200} >&2; exit 1", f"bell: sh ended with code 1 ({'x' * 200})."),
    ],
)
def test_a_program_that_fails_is_named_with_its_last_line(script: str, message: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        run_command(make_channel("sh", "-c", script), "{}")
    assert str(caught.value) == message


def test_a_program_that_does_not_start_or_end_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeliveryError, match=r"^bell: no-such-program does not start \(No such file or directory\)\.$"):
        run_command(make_channel("no-such-program", "with", "arguments"), "{}")
    with pytest.raises(DeliveryError, match=rf"^bell: {tmp_path} does not start \(Permission denied\)\.$"):
        run_command(make_channel(str(tmp_path)), "{}")
    waits = make_channel(sys.executable, "-c", "import signal; signal.pause()", timeout_s=0.25)
    with pytest.raises(DeliveryError, match=rf"^bell: {sys.executable} did not end within 0\.25 s\.$"):
        run_command(waits, "{}")


def test_a_program_that_does_not_listen_is_not_at_fault() -> None:
    run_command(make_channel("true"), "x" * 1_000_000)


def test_a_program_ends_with_who_waits_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl+C while it runs: nothing of it stays behind."""
    import subprocess

    started: list[subprocess.Popen[bytes]] = []

    def interrupt(process: subprocess.Popen[bytes], *_: object, **__: object) -> None:
        started.append(process)
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess.Popen, "communicate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_command(make_channel("sh", "-c", "read never"), "{}")
    (process,) = started
    assert process.returncode == -9
    assert process.stdin is not None
    assert process.stderr is not None
    assert process.stdin.closed
    assert process.stderr.closed
