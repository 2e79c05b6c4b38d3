"""Find the ``strandline`` command, and run it in its own environment. Nothing here needs QGIS.

Source: Python, "subprocess", on ``CREATE_NO_WINDOW``; uv, "Storage" (where ``uv tool install`` puts commands).
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

SUCCESS = (0, 9)
"""Exit codes of a command that did its work; 9: a comparison that found an alert."""

_NOT_FOUND = (
    "The command of Strandline was not found on this computer. Install Strandline (docs/qgis.md), or choose its "
    "program, or the folder of its environment, under 'Strandline command'."
)
_NO_WINDOW: int = getattr(subprocess, "CREATE_NO_WINDOW", 0)
_PATIENCE_S = 30

# QGIS sets these for its own Python, GDAL and PROJ; another Python, with its own, would take the wrong ones.
_OF_QGIS = (
    "GDAL_DATA",
    "GDAL_DRIVER_PATH",
    "LD_LIBRARY_PATH",
    "PROJ_DATA",
    "PROJ_LIB",
    "PYTHONEXECUTABLE",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "__PYVENV_LAUNCHER__",
)


class CommandError(Exception):
    """The command is not there, or could not do what was asked; one line for the user."""


def find_command(said: str = "") -> str:
    """Find the command: what the user said, what is on the path, or where installers put it.

    Args:
        said: A program, or the folder of an environment; empty: look for it.

    Returns:
        The program.

    Raises:
        CommandError: There is none.
    """
    if said:
        path = Path(said).expanduser()
        for program in (path, *_list_programs(path)):
            if program.is_file():
                return str(program)
        raise CommandError(
            f"{said} holds no command of Strandline: choose its program, or the folder of its environment."
        )
    on_path = shutil.which("strandline")
    usual = (str(program) for folder in _list_usual_places() for program in _list_programs(folder) if program.is_file())
    command = on_path or next(usual, None)
    if command is None:
        raise CommandError(_NOT_FOUND)
    return command


def _list_programs(environment: Path) -> Iterator[Path]:
    """Where the program of an environment may be."""
    name = "strandline.exe" if os.name == "nt" else "strandline"
    for folder in ("bin", "Scripts", "."):
        yield environment / folder / name


def _list_usual_places() -> Iterator[Path]:
    """Folders in which installers make environments, or put commands."""
    home = Path.home()
    yield home / ".local"  # uv tool install, pipx, pip install --user
    for variable in ("APPDATA", "LOCALAPPDATA"):  # Windows
        if variable in os.environ:
            yield Path(os.environ[variable]) / "uv" / "tools" / "strandline"
            yield Path(os.environ[variable]) / "pipx" / "venvs" / "strandline"
    yield home / ".local" / "share" / "uv" / "tools" / "strandline"
    yield from (Path("/opt/homebrew"), Path("/usr/local"))  # not on the path of a program that macOS' Finder starts
    for conda in ("miniforge3", "mambaforge", "miniconda3", "anaconda3"):
        yield home / conda / "envs" / "strandline"
    yield from (home / "strandline", home / "strandline" / ".venv", home / ".venv")


def ask_version(command: str) -> str:
    """Ask a command which Strandline it is.

    Args:
        command: Its program.

    Returns:
        As ``0.4.0``.

    Raises:
        CommandError: It does not run, or is something else.
    """
    try:
        done = subprocess.run(
            [command, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=_build_environment(),
            timeout=_PATIENCE_S,
            check=False,
            creationflags=_NO_WINDOW,
        )
        words = done.stdout.decode("utf-8", "replace").split()
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandError(f"{command} does not run: {error}. Choose another under 'Strandline command'.") from error
    if done.returncode != 0 or words[:1] != ["strandline"] or len(words) != 2:
        why = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it gives no version"])[-1]
        raise CommandError(f"{command} does not answer as Strandline does: {why}. Install it anew, or choose another.")
    return words[1]


def run_command(
    command: str, arguments: Sequence[str], *, tell: Callable[[Mapping[str, Any]], None], is_stopped: Callable[[], bool]
) -> str | None:
    """Run the command to its end, or until the user stops it; a stopped one leaves nothing half-made.

    Args:
        command: Its program.
        arguments: Of the command line; ``--progress json`` is added.
        tell: Told each event of the command (docs/clusters.md), and each line that it says as the event ``line``.
        is_stopped: Asked several times a second.

    Returns:
        The folder of the result; ``None`` where the user stopped it.

    Raises:
        CommandError: It failed; the message is the command's own.
    """
    try:
        process = subprocess.Popen(
            [command, *arguments, "--progress", "json"],
            stdin=subprocess.PIPE,  # while it is open, the command goes on
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**_build_environment(), "STRANDLINE_STOP": "stdin"},
            creationflags=_NO_WINDOW,
        )
    except OSError as error:
        raise CommandError(f"{command} does not start: {error}.") from error
    folder, last = None, ""
    for event in _follow(process, is_stopped):
        tell(event)
        folder = event["folder"] if event["event"] == "finished" else folder
        last = event["text"] if event["event"] == "line" else last
    if is_stopped():
        return None
    if process.returncode not in SUCCESS or folder is None:
        prefix = "strandline: "
        why = last[len(prefix) :] if last.startswith(prefix) else last
        raise CommandError(why or f"Strandline ended with exit code {process.returncode} and said nothing.")
    return str(folder)


def _follow(process: subprocess.Popen[bytes], is_stopped: Callable[[], bool]) -> Iterator[dict[str, Any]]:
    """What the command says, as it says it, until it has ended."""
    lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    threading.Thread(target=_read_lines, args=(process, lines), daemon=True).start()
    while True:
        if is_stopped():
            _stop(process)
            return
        try:
            line = lines.get(timeout=0.2)
        except queue.Empty:
            continue
        if line is None:
            process.wait()
            _close(process)
            return
        if line.strip():
            yield _read_event(line.decode("utf-8", "replace").strip())


def _read_lines(process: subprocess.Popen[bytes], lines: queue.SimpleQueue[bytes | None]) -> None:
    assert process.stdout is not None  # noqa: S101 (it is a pipe)
    with process.stdout as said:
        for line in said:
            lines.put(line)
    lines.put(None)


def _read_event(line: str) -> dict[str, Any]:
    """An event of the command, or what else it says as one."""
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    return event if isinstance(event, dict) and "event" in event else {"event": "line", "text": line}


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Let the command clear up after itself; one that does not within half a minute is ended."""
    # One word is enough: a second would interrupt the clearing up.
    if os.name == "nt":  # where terminating ends it at once, half-made files and all
        _close(process)
    else:
        process.terminate()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _close(process)


def _close(process: subprocess.Popen[bytes]) -> None:
    """Close the command's standard input, which tells it to stop."""
    assert process.stdin is not None  # noqa: S101 (it is a pipe)
    try:
        process.stdin.close()
    except OSError:  # it has ended already
        return


def _build_environment() -> dict[str, str]:
    """This process's environment without what is QGIS's alone."""
    kept = {name: value for name, value in os.environ.items() if name not in _OF_QGIS}
    if sys.platform == "darwin":
        kept = {name: value for name, value in kept.items() if not name.startswith("DYLD_")}
    return {**kept, "NO_COLOR": "1", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
