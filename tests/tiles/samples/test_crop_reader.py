"""A crop that was labelled by hand: which pixels count as missing, and what a list may not claim."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from PIL import Image
from rasterio.transform import from_origin

from tiles.bands import L2A_STACK
from tiles.errors import SampleError
from tiles.grid import Window
from tiles.samples.crop_list import LabelledCrop
from tiles.samples.crop_reader import read_crop, read_mask, take_labels
from tiles.samples.patch import UNLABELLED, Patch

_MISSING = np.iinfo(np.int16).min


def make_crop(**changes: object) -> LabelledCrop:
    values: dict[str, Any] = {
        "listed_in": "first", "file": "bay.tif", "window": Window(1, 2, 3, 2), "bands": ("B03", "-", "B08"),
        "scale": 1e-4, "offset": 0.0, "nodata": 0.0, "resolution_m": 10.0, "level": "L2A", "place": "bay",
        "verdict": "accepted", "note": "",
    }  # fmt: skip
    return LabelledCrop(**values | changes)


def write_raster(path: Path, dn: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    count, height, width = dn.shape
    with rasterio.open(
        path, "w", driver="GTiff", crs="EPSG:32630", transform=from_origin(5e5, 6e6, 10, 10), count=count,
        width=width, height=height, dtype=dn.dtype,
    ) as dataset:  # fmt: skip
        dataset.write(dn)


def make_dn(dtype: str = "uint16") -> NDArray[Any]:
    """Three layers of 5 rows and 6 columns, every value its own."""
    return (np.arange(90).reshape(3, 5, 6) + 1000).astype(dtype)


def read(tmp_path: Path, dn: NDArray[Any], **changes: object) -> Patch:
    write_raster(tmp_path / "bay.tif", dn)
    return read_crop(make_crop(**changes), root=tmp_path, mask=np.ones(dn.shape[1:], np.uint8))


def test_a_part_of_the_raster_becomes_reflectance_in_the_order_of_the_stack(tmp_path: Path) -> None:
    dn = make_dn()
    patch = read(tmp_path, dn, scale=2e-4, offset=-0.1)
    green, near = patch.stored[L2A_STACK.index("B03")], patch.stored[L2A_STACK.index("B08")]
    np.testing.assert_array_equal(green, 2 * dn[0, 2:4, 1:4].astype(int) - 1000)
    np.testing.assert_array_equal(near, 2 * dn[2, 2:4, 1:4].astype(int) - 1000)
    assert {index for index in range(12) if (patch.stored[index] != _MISSING).any()} == {2, 7}
    assert (patch.place, patch.source, patch.resolution_m) == ("bay", "labelled crops/first", 10.0)


@pytest.mark.parametrize(("offset", "missing"), [(-0.1, 1), (0.0, 0)])
def test_one_band_of_zeros_is_missing_only_where_an_offset_is_in(offset: float, missing: int, tmp_path: Path) -> None:
    dn = make_dn()
    dn[0, 2, 1] = 0
    assert 6 - read(tmp_path, dn, offset=offset).labelled == missing


def test_all_used_bands_of_zeros_are_missing_whatever_the_other_layer_holds(tmp_path: Path) -> None:
    dn = make_dn()
    dn[[0, 2], 2, 1] = 0
    patch = read(tmp_path, dn)
    assert patch.label[0, 0] == UNLABELLED
    assert patch.labelled == 5


def test_without_a_marker_zeros_are_dark_ground(tmp_path: Path) -> None:
    assert read(tmp_path, np.zeros((3, 5, 6), np.uint16), nodata=None).labelled == 6


def test_a_fraction_that_is_no_number_is_missing(tmp_path: Path) -> None:
    dn = make_dn("float32")
    dn[0, 2, 1] = np.nan
    dn[2, 3, 3] = np.inf
    patch = read(tmp_path, dn, nodata=-9999.0)
    assert np.argwhere(patch.label == UNLABELLED).tolist() == [[0, 0], [1, 2]]


@pytest.mark.parametrize("window", [Window(0, 0, 6, 5), Window(5, 4, 1, 1)])
def test_a_crop_may_reach_to_the_edge(window: Window, tmp_path: Path) -> None:
    assert read(tmp_path, make_dn(), window=window).label.shape == window.shape


@pytest.mark.parametrize("window", [Window(0, 0, 7, 5), Window(0, 0, 6, 6), Window(-1, 0, 3, 3)])
def test_a_crop_beyond_the_raster_is_refused(window: Window, tmp_path: Path) -> None:
    with pytest.raises(SampleError, match=r"Expected a part of .*\(5 x 6\)"):
        read(tmp_path, make_dn(), window=window)


def test_a_mask_of_another_size_is_refused(tmp_path: Path) -> None:
    write_raster(tmp_path / "bay.tif", make_dn())
    with pytest.raises(SampleError, match=r"Expected a mask of \(5, 6\) rows and columns .*found \(6, 5\) in bay\.png"):
        read_crop(make_crop(), root=tmp_path, mask=np.ones((6, 5), np.uint8))


def test_a_list_with_another_number_of_layers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match=r"Expected 3 bands in the list .*found 2"):
        read(tmp_path, make_dn(), bands=("B03", "B08"))


def test_a_raster_that_is_not_there_is_named_with_its_list(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match=r"A crop of the list first cannot be read\. .*bay\.tif"):
        read_crop(make_crop(), root=tmp_path, mask=np.ones((5, 6), np.uint8))


def test_a_folder_of_band_files_is_read_as_the_list_says(tmp_path: Path) -> None:
    dn = make_dn()
    for layer, name in enumerate(("B03", "B04", "B08")):
        write_raster(tmp_path / "bay" / f"{name}.tif", dn[layer : layer + 1])
    crop = make_crop(file="bay", bands=(), scale=2e-4, offset=-0.1)
    patch = read_crop(crop, root=tmp_path, mask=np.ones((5, 6), np.uint8))
    np.testing.assert_array_equal(patch.stored[[2, 3, 7]], 2 * dn[:, 2:4, 1:4].astype(int) - 1000)
    assert patch.labelled == 6


def test_a_mask_is_a_greyscale_picture(tmp_path: Path) -> None:
    values = np.array([[0, 1], [255, 7]], np.uint8)
    Image.fromarray(values).save(tmp_path / "good.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "good.png"), values)
    Image.new("RGB", (2, 2)).save(tmp_path / "colours.png")
    with pytest.raises(SampleError, match="found the mode RGB"):
        read_mask(tmp_path / "colours.png")
    with pytest.raises(SampleError, match=r"Expected a mask .* at .*none\.png"):
        read_mask(tmp_path / "none.png")


def test_labels_are_taken_once(tmp_path: Path) -> None:
    label = np.arange(12, dtype=np.uint8).reshape(3, 4)
    alone = take_labels(label, Window(1, 0, 2, 2))
    assert alone.tolist() == [[255, 1, 2, 255], [255, 5, 6, 255], [255] * 4]
    assert label.tolist() == [[0, 255, 255, 3], [4, 255, 255, 7], [8, 9, 10, 11]]


def test_what_the_raster_declares_invalid_is_missing(tmp_path: Path) -> None:
    write_raster(tmp_path / "bay.tif", make_dn())
    mask = np.full((5, 6), 255, np.uint8)
    mask[2, 1:3] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(tmp_path / "bay.tif", "r+") as dataset:
        dataset.write_mask(mask)
    patch = read_crop(make_crop(), root=tmp_path, mask=np.ones((5, 6), np.uint8))
    np.testing.assert_array_equal(patch.label == UNLABELLED, mask[2:4, 1:4] == 0)
