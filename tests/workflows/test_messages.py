"""What messages tell a user to do, the command can do."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from workflows.cli import _hold_library_words, _print_library_words, app

ROOT = Path(__file__).parents[2]
OF_OTHERS = {"--version", "--own", "--host", "--port", "--logdir", "--nthreads", "--resources", "--memory-limit"}
OF_OTHERS |= {"--python", "--with", "--editable", "--torch-backend", "--file", "--address", "--email"}
"""Of uv, pip, pyproj, Dask, Prefect and TensorBoard, of any command, of the watcher's child, and of `make plugin`."""


def list_texts() -> Iterator[tuple[str, str]]:
    """Every text in the sources, with its place."""
    for wing in ("tiles", "models", "pipeline", "workflows"):
        for path in (ROOT / wing).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node.value


def list_commands() -> dict[str, Any]:
    group: Any = typer.main.get_command(app)
    return dict(group.commands)


def list_options() -> set[str]:
    """Options of all commands, those below a command of their own too."""
    commands = list(list_commands().values())
    commands += [inner for command in commands for inner in getattr(command, "commands", {}).values()]
    return {
        word for command in commands for option in command.params for word in (*option.opts, *option.secondary_opts)
    }


COMMANDS, OPTIONS = r"\bstrandline ([a-z][a-z-]+)\b", r"(?<![\w-])(--[a-z][a-z0-9-]+)"


@pytest.mark.parametrize(
    ("pattern", "known"),
    [(COMMANDS, {*list_commands(), "is", "install"}), (OPTIONS, {*list_options(), "--help", *OF_OTHERS})],
)
def test_commands_and_options_that_messages_name_exist(pattern: str, known: set[str]) -> None:
    words = ((place, word) for place, text in list_texts() for word in re.findall(pattern, text))
    assert "\n".join(f"{place}: {word}" for place, word in words if word not in known) == ""


def test_what_a_library_prints_is_held_until_it_is_known_what_came_of_it(capfd: pytest.CaptureFixture[str]) -> None:
    with _hold_library_words() as words:
        for line in (b"TIFFAppendToStrip: Write error\n", b"\n", b"once more\n", b"once more\n", b"\xff\n"):
            os.write(2, line)
        print("ours", file=sys.stderr)
    assert words == ["TIFFAppendToStrip: Write error", "once more", "\ufffd"]
    assert capfd.readouterr().err == "ours\n"
    _print_library_words([str(number) for number in range(7)])
    lines = capfd.readouterr().err.splitlines()
    assert (len(lines), lines[0]) == (6, "Note: a library says: 0")
    assert lines[-1] == "Note: libraries say 2 lines more, which --debug shows."
