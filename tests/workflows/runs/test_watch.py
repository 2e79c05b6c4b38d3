"""What a watcher says of its events: on the console, and in a log that does not grow for ever."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from rich.console import Console

from pipeline.watch.areas.file import WatchSettings
from workflows.runs import watch


def make_settings(work: Path) -> WatchSettings:
    return cast("WatchSettings", SimpleNamespace(work=str(work), hide=lambda text: text.replace("secret", "...")))


def test_a_log_keeps_five_files_and_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "_LOG_BYTES", 200)
    with watch._open_reports(make_settings(tmp_path), Console(file=io.StringIO()), quiet=True) as report:
        for number in range(40):
            report({"event": "note", "text": f"{number} secret " + "x" * 100})
    logs = sorted((tmp_path / "logs").iterdir())
    assert [path.name for path in logs] == ["watch.log", *(f"watch.log.{number}" for number in range(1, 5))]
    assert "39 ..." in logs[0].read_text()
    assert all("secret" not in path.read_text() for path in logs)


@pytest.mark.parametrize(("quiet", "shown"), [(True, ["worse"]), (False, ["plain", "worse"])])
def test_a_quiet_console_hears_of_trouble_alone(tmp_path: Path, *, quiet: bool, shown: list[str]) -> None:
    heard = io.StringIO()
    with watch._open_reports(make_settings(tmp_path), Console(file=heard), quiet=quiet) as report:
        report({"event": "note", "text": "plain"})
        report({"event": "failed", "text": "worse", "level": "warning"})
    assert [line.split(" ", 1)[1] for line in heard.getvalue().splitlines()] == shown
    assert [line.split(" ")[2] for line in (tmp_path / "logs" / "watch.log").read_text().splitlines()] == [
        "INFO",
        "WARNING",
    ]
