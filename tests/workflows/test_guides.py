"""Every ``console`` block of *Your first map* and of the guides does what the page says, command by command."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.workflows.conftest import Run

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = ("install", "start", "guide_analyst", "guide_operator", "guide_mapper")
SOMETHING_MOVED = 9


@dataclass(frozen=True, slots=True)
class Step:
    """What is typed at a prompt, and what is shown below it."""

    command: str
    shown: str


def list_steps(page: str) -> Iterator[Step]:
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
    for block in re.findall(r"^```console\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, shown = part.partition("\n")
            here = re.search(r"<<'(\w+)'", command)
            if here:  # the text of a file, not what is shown
                text_of_file, _, shown = shown.partition(f"{here[1]}\n")
                command = f"{command}\n{text_of_file}{here[1]}\n"
            yield Step(command, shown)


def expand(word: str) -> list[str]:
    """What a shell makes of ``*``."""
    return (sorted(map(str, Path().glob(word))) or [word]) if "*" in word else [word]


def take(step: Step, run: Run) -> tuple[int, str]:
    """Type it: our commands in this process, the shell's in a shell."""
    if not step.command.startswith("strandline "):
        ran = subprocess.run(["bash", "-c", step.command], check=False, capture_output=True, text=True)
        return ran.returncode, ran.stdout + ran.stderr
    typed, _, target = step.command.partition(" > ")
    words = [name for word in shlex.split(typed)[1:] for name in expand(word)]
    done = run(*words)
    if target:
        Path(target.strip()).write_text(done.out, encoding="utf-8")
        return done.code, done.err
    return done.code, done.out + done.err


def as_pattern(shown: str) -> str:
    lines = [re.escape(line.rstrip()).replace("…", ".*") for line in shown.splitlines()]
    return r"\s*".join(lines)


@pytest.mark.parametrize("page", PAGES)
def test_each_command_does_what_the_page_says(
    page: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    steps = list(list_steps(page))
    assert steps
    for step in steps:
        code, said = take(step, run)
        assert code == (SOMETHING_MOVED if "--alert-m" in step.command else 0), f"{step.command}: {said}"
        text = "\n".join(line.rstrip() for line in said.splitlines())
        assert re.fullmatch(as_pattern(step.shown) + r"\s*", text, flags=re.DOTALL), f"{step.command}:\n{text}"
