"""Files of SWED as they are named and as they are read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.tiles.products.small_products import write_raster
from tiles.errors import SampleError
from tiles.samples.swed_files import CHIP_SIZE, list_swed, read_exclusions, read_swed_image, read_swed_label

NAME = "S2A_MSIL2A_20241014T101021_N0511_R022_T33TVM_20241014T142251"


def save(path: Path, values: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values)
    return path


def test_chips_are_listed_in_order_with_their_halves(tmp_path: Path) -> None:
    for name in ("images/a_image_10_2.npy", "images/a_IMAGE_9_2.NPY", "labels/a_chip_9_2.npy", "labels/b_chip_0_0.npy"):
        (tmp_path / "train" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "train" / name).touch()
    for name in ("images/readme.npy", "images/c_image_1_1.tif", "images/d_image_1.npy"):
        (tmp_path / "train" / name).touch()
    chips = list_swed(tmp_path, "train")
    assert [(chip.name, chip.image is None, chip.label is None) for chip in chips] == [
        ("a_9_2", False, False),
        ("a_10_2", False, True),
        ("b_0_0", True, False),
    ]
    assert (chips[0].row, chips[0].col, chips[0].tile, CHIP_SIZE) == (9, 2, None, 256)
    with pytest.raises(SampleError, match=r"test/images and test/labels with \.tif or \.tiff files"):
        list_swed(tmp_path, "test")


def test_a_chip_knows_the_tile_of_its_product(tmp_path: Path) -> None:
    (tmp_path / "test" / "images").mkdir(parents=True)
    (tmp_path / "test" / "images" / f"{NAME}_image_3_17.tiff").touch()
    (chip,) = list_swed(tmp_path, "test")
    assert (chip.product, chip.row, chip.col, chip.tile) == (NAME, 3, 17, "33TVM")


def test_a_list_of_exclusions_is_read_line_by_line(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text(
        '# a_image_9_9\n\n"train\\images\\a_image_1_2.npy",why, not\nlabels/b_chip_3_4\n c_label_5_6.TIF \n'
    )
    assert read_exclusions(path) == {("a", 1, 2), ("b", 3, 4), ("c", 5, 6)}
    path.write_text("# nothing\n")
    assert read_exclusions(path) == frozenset()
    path.write_text("nothing\n")
    with pytest.raises(SampleError, match="found 'nothing'"):
        read_exclusions(path)
    with pytest.raises(SampleError, match="found none at"):
        read_exclusions(tmp_path / "absent")


def test_a_picture_has_its_twelve_bands_last_in_numpys_files_and_first_in_rasters(tmp_path: Path) -> None:
    values = np.arange(12 * 3 * 4).reshape(3, 4, 12)
    image = read_swed_image(save(tmp_path / "a.npy", values))
    assert image.shape == (12, 3, 4)
    assert image[5, 2, 1] == values[2, 1, 5]
    assert read_swed_image(save(tmp_path / "b.npy", np.zeros((12, 3, 4)))).shape == (12, 3, 4)
    path = write_raster(
        tmp_path / "a.tif", np.zeros((12, 12, 12), np.uint16) + np.arange(12, dtype=np.uint16)[:, None, None]
    )
    assert read_swed_image(path)[:, 0, 0].tolist() == list(range(12))
    for wrong in ((3, 4, 11), (12, 3), (1, 12, 3, 4)):
        with pytest.raises(SampleError, match=r"Expected \(256, 256, 12\)"):
            read_swed_image(save(tmp_path / "wrong.npy", np.zeros(wrong)))


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.float32])
def test_a_mask_is_one_layer_of_three_values(tmp_path: Path, dtype: type) -> None:
    for shape in ((1, 2, 2), (2, 2)):
        label = read_swed_label(save(tmp_path / "a.npy", np.array([1, 0, -1, 1], dtype).reshape(shape)))
        assert (label.dtype, label.tolist()) == (np.int16, [[1, 0], [-1, 1]])


def test_a_mask_of_unsigned_numbers_has_its_minus_one_at_the_top(tmp_path: Path) -> None:
    assert read_swed_label(save(tmp_path / "a.npy", np.array([[0, 65535]], np.uint16))).tolist() == [[0, -1]]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (np.zeros((2, 2, 2)), r"Expected a mask \(1, 256, 256\), found the shape \(2, 2, 2\)"),
        (np.zeros(4), "found the shape"),
        (np.array([[2, 3, 4], [5, 6, 7]]), "found 2, 3, 4, 5, 6 in"),
        (np.array([[-2, 0]]), "found -2 in"),
    ],
)
def test_another_mask_is_refused(tmp_path: Path, values: np.ndarray, words: str) -> None:
    with pytest.raises(SampleError, match=words):
        read_swed_label(save(tmp_path / "a.npy", values))


@pytest.mark.parametrize("name", ["a.npy", "a.tif", "absent.npy"])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path, name: str) -> None:
    if name != "absent.npy":
        (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(SampleError, match="truncated or of another kind") as caught:
        read_swed_image(tmp_path / name)
    assert "\n" not in str(caught.value)
