"""``strandline change`` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.pipeline.change.change_scenes import write_date
from tests.workflows.conftest import Run
from workflows.runs.change import EXIT_ALERT


@pytest.fixture(scope="module")
def dates(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    out = tmp_path_factory.mktemp("maps")

    def shore(shift: float) -> object:
        return lambda x, y: np.asarray(x - 403.7 + 20 * np.sin(y / 150) - shift)

    return write_date(out, "first", shore(0)), write_date(out, "second", shore(-18), date=30)  # type: ignore[arg-type]


def test_change_tells_what_moved_and_a_second_time_that_it_is_done(
    run: Run, dates: tuple[Path, Path], tmp_path: Path
) -> None:
    ran = run("change", *dates, "--out", tmp_path / "change")
    assert ran.code == 0, ran.err
    assert "Mean shift -1" in ran.err
    assert ran.out == ""
    again = run("change", *dates, "--out", tmp_path / "change")
    assert again.code == 0
    assert "Already done" in again.err


def test_an_alert_has_a_line_and_an_exit_code(run: Run, dates: tuple[Path, Path], tmp_path: Path) -> None:
    ran = run("change", *dates, "--out", tmp_path / "change", "--alert-m", 10, "-q")
    assert ran.code == EXIT_ALERT
    assert ran.err == ""
    assert ran.out.startswith("ALERT lost 1 at 50.")
    quiet = run("change", *dates, "--out", tmp_path / "other", "--alert-m", 50, "--alert-area-m2", 1e7)
    assert quiet.code == 0


def test_a_program_is_told_of_alerts_and_where_the_comparison_is(
    run: Run, dates: tuple[Path, Path], tmp_path: Path
) -> None:
    ran = run("change", *dates, "--out", tmp_path / "change", "--alert-m", 10, "-q", "--progress", "json")
    assert ran.code == EXIT_ALERT
    told = [json.loads(line) for line in ran.out.splitlines()]
    assert [event["text"][:9] for event in told if event["event"] == "alert"] == ["lost 1 at"]
    assert told[-1] == {"event": "finished", "folder": str(tmp_path / "change")}


def test_what_is_wrong_is_one_line(run: Run, dates: tuple[Path, Path], tmp_path: Path) -> None:
    absent = run("change", dates[0], tmp_path / "absent", "--out", tmp_path / "change")
    assert (absent.code, absent.err.count("\n")) == (2, 1)
    wrong = run("change", *dates, "--out", tmp_path / "change", "--factor", -1)
    assert wrong.code == 2
    assert "factor" in wrong.err
    assert not (tmp_path / "change").exists()
