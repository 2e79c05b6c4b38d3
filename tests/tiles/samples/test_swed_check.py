"""Every kind of fault is found, and a folder that is right has none."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.tiles.samples.swed_folder import TEST, TRAIN, make_chip, write_npy, write_swed, write_tif
from tiles.errors import SampleError
from tiles.samples.swed import Swed
from tiles.samples.swed_check import FAULTS, check_swed, find_chip_faults


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_swed(tmp_path_factory.mktemp("swed"), products=TRAIN[:2])


@pytest.fixture
def root(whole: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return shutil.copytree(whole, tmp_path / "swed")


def find(root: Path, part: str, name: str) -> Path:
    return root / "train" / part / f"{TRAIN[0]}_{name}_0_3.npy"


def test_a_folder_as_published_is_right(whole: Path) -> None:
    told: list[tuple[int, int]] = []
    report = check_swed(whole, progress=lambda *counts: told.append(counts))
    assert report.is_usable
    assert not any(report.faults.values())
    assert not report.offsets
    assert report.chips == {"train": 4, "test": 2}
    assert report.scenes == {"train": 2, "test": 1}
    assert report.pixels["water"] + report.pixels["land"] == 6 * 256 * 256
    assert told == [(i, 6) for i in range(1, 7)]


@pytest.mark.parametrize(
    ("fault", "usable"),
    [
        ("no_label", False),
        ("no_image", False),
        ("unreadable", False),
        ("shape", False),
        ("empty", True),
        ("negative_label", True),
        ("values", True),
        ("water_as_land", True),
        ("land_as_water", True),
    ],
)
def test_each_fault_is_found_on_its_chip_alone(root: Path, fault: str, usable: bool) -> None:
    image, label = make_chip(0)
    if fault == "no_label":
        find(root, "labels", "chip").unlink()
    elif fault == "no_image":
        find(root, "images", "image").unlink()
    elif fault == "unreadable":
        path = find(root, "images", "image")
        path.write_bytes(path.read_bytes()[:5000])
    elif fault == "shape":
        write_npy(root, TRAIN[0], 0, 3, (image[:, :200], label[:200]))
    elif fault == "empty":
        write_npy(root, TRAIN[0], 0, 3, (image * 0, label))
    elif fault == "negative_label":
        write_npy(root, TRAIN[0], 0, 3, (image, np.where(np.arange(256) < 4, -1, label).astype(np.int16)))
    elif fault == "values":
        image[1, :100] = 40_000
        write_npy(root, TRAIN[0], 0, 3, (image, label))
    elif fault == "water_as_land":
        image[7][label == 1] = 60
        write_npy(root, TRAIN[0], 0, 3, (image, label * 0))
    elif fault == "land_as_water":
        image[7][label == 0], image[3][label == 0] = 3500, 400
        write_npy(root, TRAIN[0], 0, 3, (image, label * 0 + 1))
    report = check_swed(root)
    assert {name: chips for name, chips in report.faults.items() if chips} == {fault: [f"train/{TRAIN[0]}_0_3"]}
    assert report.is_usable is usable
    assert report.to_dict()["faults"][fault]["what"] == FAULTS[fault].words


def test_another_label_is_a_broken_file(root: Path) -> None:
    np.save(find(root, "labels", "chip"), np.full((1, 256, 256), 7, np.int16))
    assert check_swed(root).faults["unreadable"] == [f"train/{TRAIN[0]}_0_3"]


def test_an_offset_that_is_in_is_told(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for col, offset in ((0, 0), (1, 1000)):
        image, label = make_chip(col)
        dark = 40 + rng.integers(0, 60, image.shape).astype(np.uint16)
        product = TEST.replace("20210130", f"2021013{col}")
        write_tif(tmp_path, product, 0, col, (np.where(label, dark, image).astype(np.uint16) + offset, label))
    assert check_swed(tmp_path).offsets == [f"test/{TEST.replace('20210130', '20210131')}"]


def test_the_suspects_are_a_list_that_swed_leaves_out(root: Path, tmp_path: Path) -> None:
    image, label = make_chip(0)
    image[7][label == 1] = 60
    write_npy(root, TRAIN[0], 0, 3, (image, label * 0))
    report = check_swed(root)
    listed = tmp_path / "suspects.txt"
    listed.write_text("\n".join(report.suspects))
    names = {chip.name for chip in Swed(root=root, exclude=listed).chips}
    assert names == {f"{TRAIN[0]}_17_41", f"{TRAIN[1]}_0_3", f"{TRAIN[1]}_17_41"}


def test_a_shore_and_a_pond_are_not_suspect() -> None:
    image, label = make_chip(5)
    image[7][label == 1] = 60
    pond = label.copy()
    pond[:40, 200:240] = 0  # under a fortieth of the chip
    assert find_chip_faults(image, label) == find_chip_faults(image, pond) == []


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match="Expected SWED as published"):
        check_swed(tmp_path)
