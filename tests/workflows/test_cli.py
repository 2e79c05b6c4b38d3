"""What goes wrong is told in the words that were typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.workflows.conftest import Run


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["--spacing", "0"], "strandline: --spacing: Input should be greater than 0, found 0.0."),
        (["--spacing=0"], "strandline: --spacing: Input should be greater than 0, found 0.0."),
        (["--least-dates", "2"], "strandline: --least-dates: Input should be greater than or equal to 3, found 2."),
    ],
)
def test_a_choice_goes_by_the_name_under_which_it_is_typed(
    run: Run, tmp_path: Path, typed: list[str], said: str
) -> None:
    ran = run("timeseries", tmp_path, "--out", tmp_path / "out", *typed)
    assert (ran.code, ran.err) == (2, f"{said}\n")
