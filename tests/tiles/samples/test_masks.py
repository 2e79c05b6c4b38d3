"""Masks as people make them: 0 and 255, from 1 on, tagged, floating, coloured; understood or refused, never halved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import ColorInterp

from tiles.errors import OptionError, SampleError
from tiles.products.stack import StackOptions
from tiles.samples.folder import FolderSamples
from tiles.samples.mask_values import LEFT_OUT_SHARE, LabelShares, MaskValues
from tiles.samples.mixture import Mixture
from tiles.samples.sample import list_label_shares
from tiles.samples.swed_files import read_swed_label

SIZE = 40
UTM = Affine(10, 0, 500_000, 0, -10, 5_000_000)
OPTIONS = StackOptions(offset=0, scale=1e-4)
WATER = np.zeros((SIZE, SIZE), np.uint8)
WATER[:, 24:] = 1
DOCUMENTED = MaskValues()
Open = Callable[..., FolderSamples]


def write(path: Path, values: NDArray[Any], *, nodata: float | None = None, far: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"count": len(values), "height": values.shape[1], "width": values.shape[2], "dtype": values.dtype}
    where = UTM @ Affine.translation(far, 0)
    with rasterio.open(
        path, "w", driver="GTiff", crs="EPSG:32630", transform=where, nodata=nodata, **profile
    ) as dataset:
        dataset.write(values)
        if len(values) == 2:
            dataset.descriptions = ("B03", "B08")


@pytest.fixture
def open_masks(tmp_path: Path) -> Open:
    """A folder with an image a mask, each at a place of its own."""

    def make(*masks: NDArray[Any], nodata: float | None = None, values: MaskValues = DOCUMENTED) -> FolderSamples:
        for number, mask in enumerate(masks):
            write(tmp_path / "images" / f"{number}.tif", np.full((2, SIZE, SIZE), 900, np.uint16), far=9999 * number)
            layers = mask if mask.ndim == 3 else mask[None]
            write(tmp_path / "masks" / f"{number}.tif", layers, nodata=nodata, far=9999 * number)
        return FolderSamples(root=tmp_path, options=OPTIONS, values=values)

    return make


def read_labels(source: FolderSamples) -> NDArray[np.float32]:
    """Share of water, -1 where not valid, of the first tile."""
    sample = next(iter(source.tiles(size=SIZE)))
    return np.where(sample.valid, sample.fraction, np.float32(-1))


@pytest.mark.parametrize(
    ("mask", "nodata", "words"),
    [
        (WATER * 255, None, "no water"),
        (WATER * 200, None, "no water"),
        (WATER + 1, None, "no land"),
        (WATER, 0, "no land"),  # as QGIS rasterises
        (WATER * 255, 0, "no land and no water"),
        (WATER + 1, 0, "no land"),
        (WATER.astype(np.int16) - 1, None, "no water"),
        (np.full_like(WATER, 7), None, "no land and no water"),
        (WATER * np.float32(0.75), None, "no water"),
        (np.arange(SIZE * SIZE, dtype=np.float32).reshape(SIZE, SIZE) / 1599, None, "more than 32 values"),
        (np.arange(SIZE * SIZE).reshape(SIZE, SIZE).astype(np.uint8), None, "more than 32 values"),
    ],
)
def test_masks_that_would_lose_a_class_are_refused(
    open_masks: Open, mask: NDArray[Any], nodata: float | None, words: str
) -> None:
    with pytest.raises(SampleError, match=words) as refused:
        open_masks(mask, nodata=nodata)
    assert "\n" not in str(refused.value)
    assert "in two classes" in str(refused.value) or "folder:DIR:land=0:water=255" in str(refused.value)


@pytest.mark.parametrize(
    ("mask", "nodata", "values"),
    [
        (WATER * 255, None, MaskValues(water=(255,), stated=True)),
        (WATER + 1, 0, MaskValues(land=(1,), water=(2,), stated=True)),
        (WATER, 0, MaskValues(stated=True)),
        (1 - WATER, None, MaskValues(land=(1,), water=(0,), stated=True)),
        (WATER.astype(np.int16) * -9, -9, MaskValues(water=(-9, 4), stated=True)),
        (WATER * np.float32(0.75), None, MaskValues(water=(0.75,), stated=True)),
    ],
)
def test_what_the_user_says_of_values_holds(
    open_masks: Open, mask: NDArray[Any], nodata: float | None, values: MaskValues
) -> None:
    source = open_masks(mask, nodata=nodata, values=values)
    np.testing.assert_array_equal(read_labels(source), WATER)
    (shares,) = source.label_shares
    assert (shares.left_out, shares.doubts) == ({}, ())
    assert source.restrict(frozenset({"0"})).label_shares == source.label_shares


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_numbers_of_any_type_are_read_as_they_are(open_masks: Open, dtype: str) -> None:
    mask = WATER.astype(dtype)
    mask[:2], mask[2:4] = 7, 2
    source = open_masks(mask)
    expected = WATER.astype(np.float32)
    expected[:4] = -1
    np.testing.assert_array_equal(read_labels(source), expected)
    assert source.label_shares[0].left_out == {"7": 2 * SIZE, "2": 2 * SIZE}


def test_a_fraction_is_no_whole_number(open_masks: Open) -> None:
    """0.6 was cut to 0, and became land; NaN became whatever the processor makes of it."""
    mask = WATER.astype(np.float32)
    mask[:3], mask[3] = 0.6, np.nan
    source = open_masks(mask)
    assert (read_labels(source)[:4] == -1).all()
    assert source.label_shares[0].left_out == {"0.6": 3 * SIZE, "nodata": SIZE}


def test_what_is_left_out_is_said_by_value(open_masks: Open) -> None:
    mask = WATER.copy()
    mask[:1] = 255
    (shares,) = open_masks(mask, WATER * 0).label_shares
    total = 2 * SIZE * SIZE
    assert shares.land == {"0": 39 * 24 + SIZE * SIZE}
    assert shares.left_out == {"255": SIZE}
    assert f"left out (255: {SIZE / total:.1%})" in shares.sentence
    assert shares.left_out_share == SIZE / total < LEFT_OUT_SHARE
    assert shares.doubts == ()


def test_a_large_share_that_is_left_out_is_a_doubt_and_a_class_alone_too(open_masks: Open) -> None:
    mask = WATER.copy()
    mask[:5] = 2  # counted from 1, with 0 for what nobody labelled: it can be meant so
    (shares,) = open_masks(mask).label_shares
    assert "left out (2: 12.5%)" in shares.doubts[0]
    assert "folder:DIR:land=VALUE:water=VALUE" in shares.doubts[0]
    alone = LabelShares(source="folder a", land={"0": 10}, water={}, left_out={})
    assert "There is no water." in alone.doubts[0]


def test_masks_of_one_class_each_are_judged_together(open_masks: Open) -> None:
    source = open_masks(WATER * 0, WATER * 0 + 1)
    assert [set(np.unique(sample.fraction)) for sample in source.tiles(size=SIZE)] == [{0.0}, {1.0}]
    assert source.label_shares[0].doubts == ()


def test_beyond_a_smaller_mask_is_counted(open_masks: Open) -> None:
    (shares,) = open_masks(WATER[:, :30]).label_shares
    assert shares.left_out == {"beyond the mask": SIZE * 10}


def test_what_an_internal_mask_hides_is_not_land(open_masks: Open, tmp_path: Path) -> None:
    open_masks(WATER)
    hidden = np.full((SIZE, SIZE), 255, np.uint8)
    hidden[:6] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(tmp_path / "masks" / "0.tif", "r+") as dataset:
        dataset.write_mask(hidden)
    source = FolderSamples(root=tmp_path, options=StackOptions(offset=0, scale=1e-4, nodata=9))
    assert (read_labels(source)[:6] == -1).all()
    assert source.label_shares[0].left_out == {"nodata": 6 * SIZE}


def test_a_palette_holds_its_indices(open_masks: Open, tmp_path: Path) -> None:
    open_masks(WATER)
    with rasterio.open(tmp_path / "masks" / "0.tif", "r+") as dataset:
        dataset.colorinterp = [ColorInterp.palette]
        dataset.write_colormap(1, {0: (90, 60, 20, 255), 1: (0, 0, 255, 255)})
    np.testing.assert_array_equal(read_labels(FolderSamples(root=tmp_path, options=OPTIONS)), WATER)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_a_mask_of_several_bands_is_refused(open_masks: Open, count: int) -> None:
    with pytest.raises(SampleError, match=rf"one band .*found {count} bands in .*0\.tif.*gdal_translate -b 1"):
        open_masks(np.stack([WATER * 255] * count))


def test_a_mask_of_complex_numbers_is_refused(open_masks: Open) -> None:
    with pytest.raises(SampleError, match="plain numbers, found complex64"):
        open_masks(WATER.astype(np.complex64))


def test_two_masks_of_a_name_are_refused_and_pictures_are_named(open_masks: Open, tmp_path: Path) -> None:
    open_masks(WATER)
    write(tmp_path / "masks" / "0.tiff", WATER[None])
    with pytest.raises(SampleError, match=r"one mask a name .*0\.tif and 0\.tiff"):
        FolderSamples(root=tmp_path, options=StackOptions(offset=0, scale=1e-4, nodata=8))
    for name in ("0.tif", "0.tiff"):
        (tmp_path / "masks" / name).unlink()
    (tmp_path / "masks" / "0_label.tif").touch()
    with pytest.raises(SampleError, match=r"found neither \(0_label\.tif in masks has the name of no image\)"):
        FolderSamples(root=tmp_path, options=StackOptions(offset=0, scale=1e-4, nodata=8))
    (tmp_path / "masks" / "0.png").touch()
    with pytest.raises(SampleError, match=r"found neither \(0\.png is a picture"):
        FolderSamples(root=tmp_path, options=StackOptions(offset=0, scale=1e-4, nodata=8))


@pytest.mark.parametrize(
    ("text", "folder", "values"),
    [
        ("/data/mine", "/data/mine", MaskValues()),
        ("C:/mine:water=255", "C:/mine", MaskValues(water=(255,), stated=True)),
        ("a:land=1:water=2,3", "a", MaskValues(land=(1,), water=(2, 3), stated=True)),
        ("a:water=0.5:land=-1", "a", MaskValues(land=(-1,), water=(0.5,), stated=True)),
        ("a=b:sea=1", "a=b:sea=1", MaskValues()),
    ],
)
def test_values_stand_after_the_folder(text: str, folder: str, values: MaskValues) -> None:
    assert MaskValues.parse(text) == (folder, values)


@pytest.mark.parametrize(
    "text", ["a:water=", "a:water=blue", "a:water=0", "a:land=1", "a:water=2:water=3", "a:water=nan"]
)
def test_values_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(OptionError, match="Expected"):
        MaskValues.parse(text)


def test_stated_values_that_are_not_there_are_refused(open_masks: Open) -> None:
    with pytest.raises(SampleError, match=r"land=8 or water=9 in the masks of .*found 0: 60\.0%, 1: 40\.0%"):
        open_masks(WATER, values=MaskValues(land=(8,), water=(9,), stated=True))


def test_a_mixture_knows_the_shares_of_its_sources(open_masks: Open) -> None:
    source = open_masks(WATER)
    assert list_label_shares(Mixture(parts=((source, 1.0),))) == source.label_shares


@pytest.mark.parametrize("odd", [0.4, np.nan, 255, -2, 1e9])
def test_labels_of_swed_are_not_rounded(odd: float, tmp_path: Path) -> None:
    label = WATER.astype(np.float32)
    label[0, 0] = odd
    np.save(tmp_path / "a.npy", label)
    with pytest.raises(SampleError, match="Expected labels 0, 1 and -1, found"):
        read_swed_label(tmp_path / "a.npy")
    np.save(tmp_path / "b.npy", WATER.astype(bool))
    np.testing.assert_array_equal(read_swed_label(tmp_path / "b.npy"), WATER)
    np.save(tmp_path / "c.npy", WATER.astype(str))
    with pytest.raises(SampleError, match="labels as numbers"):
        read_swed_label(tmp_path / "c.npy")
