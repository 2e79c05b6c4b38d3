"""``strandline data check`` on a small SWED: what it says, its exit code, its JSON and its list."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.tiles.samples.swed_folder import TRAIN, make_chip, write_npy, write_swed
from tests.tiles.samples.test_folder import GRIDS, make_image, make_mask, write
from tests.workflows.conftest import Run


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
