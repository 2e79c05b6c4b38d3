"""The part of the plugin that finds the command and runs it, without QGIS."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from workflows.qgis import command as command_module
from workflows.qgis.command import CommandError, ask_version, find_command, run_command


def write_program(path: Path, body: str) -> str:
    """A command that does what it is told in Python."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{sys.executable}\nimport json, os, sys, time\n{body}\n")
    path.chmod(0o755)
    return str(path)


def run(command: str, *arguments: str, stop_at: str = "") -> tuple[str | None, list[dict[str, Any]]]:
    """Run a command, as a user who stops it where an event says a word; what it told."""
    told: list[dict[str, Any]] = []

    def is_stopped() -> bool:
        return bool(stop_at) and any(stop_at in str(event) for event in told)

    return run_command(command, arguments, tell=lambda event: told.append(dict(event)), is_stopped=is_stopped), told


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user whose computer has no Strandline that could be found."""
    home = tmp_path / "home of nobody"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return home


def test_a_command_on_the_path_is_found_first(nothing_installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_program(nothing_installed / ".local" / "bin" / "strandline", "")
    on_path = write_program(nothing_installed / "my bin" / "strandline", "")
    monkeypatch.setenv("PATH", f"{Path(on_path).parent}:/usr/bin")
    assert find_command() == on_path


@pytest.mark.parametrize(
    "place", [".local/bin", ".local/share/uv/tools/strandline/bin", "miniforge3/envs/strandline/bin", ".venv/bin"]
)
def test_a_command_is_found_where_installers_put_it(nothing_installed: Path, place: str) -> None:
    program = write_program(nothing_installed / place / "strandline", "")
    assert find_command() == program


def test_a_user_may_name_the_program_or_its_environment(nothing_installed: Path, tmp_path: Path) -> None:
    program = write_program(tmp_path / "an environment" / "bin" / "strandline", "")
    for said in (program, str(tmp_path / "an environment"), str(tmp_path / "an environment" / "bin")):
        assert find_command(said) == program
    assert find_command(program) == program
    assert not list(nothing_installed.iterdir())


def test_what_is_not_there_is_said_with_what_to_do(nothing_installed: Path) -> None:
    with pytest.raises(CommandError, match=r"not found on this computer\. Install Strandline .* or choose"):
        find_command()
    with pytest.raises(CommandError, match="holds no command of Strandline: choose"):
        find_command(str(nothing_installed))


def test_a_command_tells_its_version_and_another_program_is_refused(tmp_path: Path) -> None:
    assert ask_version(write_program(tmp_path / "ours", "print('strandline 1.2.3')")) == "1.2.3"
    with pytest.raises(CommandError, match="does not answer as Strandline does"):
        ask_version(write_program(tmp_path / "other", "print('hello')"))
    with pytest.raises(CommandError, match="broken"):
        ask_version(write_program(tmp_path / "wrong", "sys.exit('broken')"))
    with pytest.raises(CommandError, match="does not run"):
        ask_version(str(tmp_path))


def test_events_and_lines_are_told_and_the_folder_is_returned(tmp_path: Path) -> None:
    body = """
print("Note: no clouds", file=sys.stderr, flush=True)
for event in ({"event": "progress", "stage": "mapping", "percent": 5}, {"event": "finished", "folder": "/K\\u00fcste"}):
    print(json.dumps(event), flush=True)
sys.exit(9 if "alert" in sys.argv else 0)
"""
    program = write_program(tmp_path / "a b" / "strandline", body)
    for arguments in ((), ("alert",)):
        folder, told = run(program, *arguments)
        assert folder == "/Küste"
        assert told[:2] == [{"event": "line", "text": "Note: no clouds"}, {**told[1], "percent": 5}]


def test_a_command_that_fails_says_why_in_its_own_words(tmp_path: Path) -> None:
    program = write_program(tmp_path / "strandline", "sys.exit('strandline: There is no scene at x.')")
    with pytest.raises(CommandError, match=r"^There is no scene at x\.$"):
        run(program)
    with pytest.raises(CommandError, match="exit code 3 and said nothing"):
        run(write_program(tmp_path / "mute", "sys.exit(3)"))
    with pytest.raises(CommandError, match="does not start"):
        run(str(tmp_path / "absent"))


def test_a_stopped_command_may_clear_up_first(tmp_path: Path) -> None:
    body = f"""
import select, signal
def clear_up(*_):
    if os.environ["STRANDLINE_STOP"] == "stdin" and select.select([0], [], [], 0.5)[0]:
        sys.exit("told twice")
    open({str(tmp_path / "cleared")!r}, "w").close()
    sys.exit(130)
signal.signal(signal.SIGTERM, clear_up)
print("begun", flush=True)
time.sleep(60)
"""
    began = time.monotonic()
    folder, _ = run(write_program(tmp_path / "strandline", body), stop_at="begun")
    assert (folder, (tmp_path / "cleared").exists()) == (None, True)
    assert time.monotonic() - began < 30


def test_a_stopped_command_that_goes_on_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_module, "_PATIENCE_S", 0.2)
    body = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(os.getpid(), "begun", flush=True)
time.sleep(60)
"""
    folder, told = run(write_program(tmp_path / "strandline", body), stop_at="begun")
    assert folder is None
    with pytest.raises(ProcessLookupError):
        os.kill(int(told[0]["text"].split()[0]), 0)


def test_a_command_has_its_own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONHOME", "PYTHONPATH", "PROJ_LIB", "GDAL_DATA"):
        monkeypatch.setenv(name, "/of/qgis")
    body = 'print(json.dumps({"event": "finished", "folder": "x", "environment": dict(os.environ)}))'
    _, told = run(write_program(tmp_path / "strandline", body))
    environment = told[-1]["environment"]
    assert "/of/qgis" not in environment.values()
    assert (environment["STRANDLINE_STOP"], environment["PYTHONUTF8"]) == ("stdin", "1")
