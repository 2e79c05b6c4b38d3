"""An extra is named with the command that brings it to this very installation."""

from __future__ import annotations

import importlib.util
import json
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from pipeline.installation import name_install_commands, resolve_install_command

GIT = {"url": "https://example.org/strandline.git", "vcs_info": {"vcs": "git", "requested_revision": "v1"}}
WHEEL = {"url": "file:///w/strandline-0.1.0-py3-none-any.whl", "archive_info": {}}


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment without a word about who made it."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "my env" / "python"))
    return tmp_path


def _take_from(origin: dict[str, object] | None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Distribution:
        def read_text(self, _name: str) -> str | None:
            return None if origin is None else json.dumps(origin)

    monkeypatch.setattr(metadata, "distribution", lambda _name: Distribution())


@pytest.mark.parametrize(
    ("origin", "what"),
    [
        (None, "strandline[scale]"),
        (GIT, "strandline[scale] @ git+https://example.org/strandline.git@v1"),
        (WHEEL, "strandline[scale] @ file:///w/strandline-0.1.0-py3-none-any.whl"),
        ({"url": "file:///a%20b/house", "dir_info": {}}, "/a b/house[scale]"),
    ],
)
def test_it_comes_from_where_the_rest_came_from(
    origin: dict[str, object] | None, what: str, prefix: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _take_from(origin, monkeypatch)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: object())
    words = shlex.split(resolve_install_command("scale"))
    assert words == [str(prefix / "my env" / "python"), "-m", "pip", "install", what]


def test_an_editable_checkout_stays_one(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _take_from({"url": "file:///house", "dir_info": {"editable": True}}, monkeypatch)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    words = shlex.split(resolve_install_command("train"))
    assert words[:4] == ["uv", "pip", "install", "--python"]
    assert words[5:] == ["--editable", "/house[train]"]


def test_a_tool_of_uv_keeps_what_it_had(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _take_from(GIT, monkeypatch)
    monkeypatch.setattr(metadata, "version", lambda _name: "2.14.0+cpu")
    (prefix / "uv-receipt.toml").write_text(
        '[tool]\nrequirements = [{ name = "strandline", extras = ["openvino"] }, { name = "ipython" }]\n'
    )
    line = 'uv tool install --torch-backend cpu --with ipython "strandline[openvino,scale] @ '
    assert resolve_install_command("scale").startswith(line)


def test_a_tool_of_pipx(prefix: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _take_from(WHEEL, monkeypatch)
    (prefix / "pipx_metadata.json").write_text("{}")
    assert resolve_install_command("tides").startswith('pipx runpip strandline install "strandline[tides] @ file:')


def test_messages_of_any_room_say_it() -> None:
    expected = f"needs it: {resolve_install_command('gpu')}, or take another."
    assert name_install_commands("needs it: pip install 'strandline[gpu]', or take another.") == expected
    assert name_install_commands("needs it: pip install strandline[gpu], or take another.") == expected
    assert name_install_commands("nothing of the kind") == "nothing of the kind"


def test_the_command_names_the_interpreter_that_runs() -> None:
    code = "from pipeline.installation import resolve_install_command as r; print(r('scale'))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert sys.executable in said
    assert "[scale]" in said
