"""``strandline data check`` on a small SWED: what it says, its exit code, its JSON and its list."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from tests.tiles.samples.swed_folder import TRAIN, make_chip, write_npy, write_swed
from tests.workflows.conftest import Run
from tiles.samples.swed_check import SwedReport
from workflows.commands.data import render_report


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_swed(tmp_path / "swed", products=TRAIN[:1])


def test_a_folder_as_published_can_be_trained_on(run: Run, root: Path) -> None:
    ran = run("data", "check", root)
    assert ran.code == 0
    assert "2 chips of 1 scenes in train" in ran.out
    assert "Nothing is missing, broken or suspect." in ran.out
    shares = re.findall(r"([\d.]+)% (\w+)", ran.out)
    assert [word for _, word in shares] == ["water", "land"]
    assert sum(float(share) for share, _ in shares) == pytest.approx(100, abs=0.11)


def test_what_is_missing_fails_and_is_named(run: Run, root: Path, tmp_path: Path) -> None:
    (root / "train" / "labels" / f"{TRAIN[0]}_chip_0_3.npy").unlink()
    image, label = make_chip(1)
    write_npy(root, TRAIN[0], 5, 5, (image * 0, label))
    ran = run("data", "check", root, "--json", "--write-suspects", tmp_path / "list.txt")
    assert ran.code == 1
    found = json.loads(ran.out)
    assert found["usable"] is False
    assert found["faults"]["no_label"]["chips"] == [f"train/{TRAIN[0]}_0_3"]
    assert (tmp_path / "list.txt").read_text().splitlines()[1:] == [f"{TRAIN[0]}_image_5_5"]


def test_another_folder_is_one_line(run: Run, tmp_path: Path) -> None:
    ran = run("data", "check", tmp_path)
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert "Expected SWED as published" in ran.err


def show(report: SwedReport) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=80, color_system=None).print(render_report(report))
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_a_report_is_shown_whole_with_three_chips_a_fault() -> None:
    report = SwedReport(
        root=Path("swed"),
        chips={"train": 12_345, "test": 9},
        scenes={"train": 20, "test": 3},
        pixels=Counter({"water": 1_000, "land": 1_999, "negative": 0}),
        offsets=["S2A_1"],
    )
    report.faults["no_label"] = ["train/d", "train/a", "train/b", "train/c"]
    report.faults["values"] = ["test/a"] * 1_234
    assert show(report) == [
        "12,345 chips of 20 scenes in train",
        "9 chips of 3 scenes in test",
        "2,999 labelled pixels with data: 33.3% water, 66.7% land",
        "",
        "Grade    Chips  What                                                   Such as",
        "missing      4  image without a label                                  train/a",
        "                                                                       train/b",
        "                                                                       train/c",
        "suspect  1,234  over 1% of values are negative, NaN or above a         test/a",
        "                reflectance of 2                                       test/a",
        "                                                                       test/a",
        "suspect         an offset of 1000 seems to be in; SWED has none        S2A_1",
        "",
        "Something is missing or broken: mend it, or exclude it.",
    ]


def test_a_report_without_faults_is_shown_whole() -> None:
    report = SwedReport(
        root=Path("swed"), chips={"train": 1}, scenes={"train": 1}, faults={}, pixels=Counter(), offsets=[]
    )
    assert show(report) == [
        "1 chips of 1 scenes in train",
        "No labelled pixel with data",
        "",
        "Nothing is missing, broken or suspect.",
        "",
        "Can be trained on.",
    ]
