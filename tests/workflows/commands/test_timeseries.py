"""``strandline timeseries`` as a user types it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import typer

from strandline import StrandlineError
from tests.pipeline.mosaic.mapped_dates import write_dates
from workflows.commands.timeseries import timeseries

app = typer.Typer()
app.command()(timeseries)


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    fields = [lambda _x, y, moved=8.0 * date: y - 600.0 + moved for date in range(4)]
    return write_dates(tmp_path_factory.mktemp("maps"), fields, every_days=365.25)


def run(*arguments: object) -> None:
    app([str(argument) for argument in arguments], standalone_mode=False)


def test_a_run_says_what_came_of_it_and_a_second_that_it_is_made(
    maps: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(maps, "--out", tmp_path / "out", "--spacing", 200, "--reference", maps / "scene00" / "coastline.gpkg")
    said = capsys.readouterr().err
    assert re.search(r"4 dates on \d+ transects, (\d+) with a rate \(\1 retreat, 0 advance, 0 too slow to tell\)", said)
    assert "median -8.00 m/year, not corrected for the tide" in said
    run(maps, "--out", tmp_path / "out", "--spacing", 200, "--reference", maps / "scene00" / "coastline.gpkg")
    assert "Already made" in capsys.readouterr().err


def test_quiet_is_quiet(maps: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(maps, "--out", tmp_path / "out", "--spacing", 400, "-q")
    assert capsys.readouterr().err == ""
    assert (tmp_path / "out" / "timeseries.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--spacing", "0"], "spacing_m: "),
        (["--least-dates", "2"], "least_dates: "),
        (["--beach-slope", "0.1"], "A beach slope corrects for tides"),
        (["--transects", "nowhere.gpkg"], "nowhere.gpkg"),
        (["--tides", "nowhere.csv"], "nowhere.csv"),
        (["--tide-model", "FES2022"], "--tide-folder"),
    ],
)
def test_what_is_wrong_is_one_line(maps: Path, tmp_path: Path, arguments: list[str], words: str) -> None:
    with pytest.raises(StrandlineError) as raised:
        run(maps, "--out", tmp_path / "out", *arguments)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 2
    assert not (tmp_path / "out").exists()


def test_the_command_itself_imports_nothing_heavy() -> None:
    heavy = {"numpy", "geopandas", "scipy", "matplotlib"}
    module = sys.modules["workflows.commands.timeseries"]
    assert not heavy & set(vars(module))
