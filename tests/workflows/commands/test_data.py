"""``strandline data check`` on a small SWED: what it says, its exit code, its JSON and its list."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from tests.tiles.samples.swed_folder import TRAIN, make_chip, write_npy, write_swed
from tests.tiles.samples.test_folder import GRIDS, make_image, make_mask, write
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


def write_scene(root: Path, mask: NDArray[np.uint8]) -> None:
    crs, transform, shape = GRIDS["small"]
    write(root / "images" / "a.tif", make_image(shape), crs, transform, nodata=0)
    write(root / "masks" / "a.tif", mask[None], crs, transform)


def test_a_folder_of_scenes_says_its_labels_by_value(run: Run, tmp_path: Path) -> None:
    mask = make_mask(GRIDS["small"][2])[0]
    write_scene(tmp_path, mask)
    ran = run("data", "check", tmp_path)
    assert ran.code == 0, ran.err
    assert "1 labelled scenes at 1 places" in ran.out
    assert re.search(r"% land \(0: .*% water \(1: .*% left out \(255: 3\.5%\)", ran.out)
    record = json.loads(run("data", "check", f"{tmp_path}:land=0,1:water=255", "--json").out)
    counts = {int(value): int(count) for value, count in zip(*np.unique(mask, return_counts=True), strict=True)}
    assert record["labels"][0]["land"] == {"0": counts[0], "1": counts[1]}
    assert record["labels"][0]["water"] == {"255": counts[255]}


def test_a_folder_of_masks_that_lose_a_class_is_one_line(run: Run, tmp_path: Path) -> None:
    write_scene(tmp_path, (make_mask(GRIDS["small"][2])[0] == 1).astype(np.uint8) * 255)
    ran = run("data", "check", tmp_path)
    assert (ran.code, ran.err.count("\n")) == (2, 1)
    assert "found 255: 51.5%, 0: 48.5%" in ran.err


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
