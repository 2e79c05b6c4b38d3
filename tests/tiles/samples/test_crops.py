"""Crops labelled by hand: read right, drawn within bounds, every labelled pixel seen once."""

from __future__ import annotations

import csv
import pickle
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from rasterio.transform import from_origin

from tiles.bands import L2A_STACK
from tiles.errors import SampleError
from tiles.samples.crops import LABELS, LabelledCrops
from tiles.samples.patch import UNLABELLED, Patch, compute_shore
from tiles.samples.sample import SampleSource, split_places

Row = dict[str, Any]
Folder = Callable[..., LabelledCrops]


def write_raster(path: Path, dn: NDArray[Any], *, nodata: float | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"count": dn.shape[0], "height": dn.shape[1], "width": dn.shape[2], "dtype": dn.dtype, "nodata": nodata}
    with rasterio.open(
        path, "w", driver="GTiff", crs="EPSG:32630", transform=from_origin(5e5, 6e6, 10, 10), **profile
    ) as dataset:
        dataset.write(dn)


def make_row(**changes: object) -> Row:
    return {
        "file": "bay.tif", "col_off": 0, "row_off": 0, "width": 40, "height": 30, "bands": "B03 - B08",
        "scale": 0.0001, "offset": -0.1, "nodata": 0, "resolution_m": 10, "level": "L2A", "place": "bay",
        "acquired": "", "rule": "", "verdict": "accepted", "note": "",
    } | changes  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A raster of three layers, its mask (land above, water below, two columns left out), and a list."""

    def make(rows: Sequence[Row]) -> LabelledCrops:
        labels = tmp_path / "labels"
        labels.mkdir(exist_ok=True)
        dn = np.full((3, 30, 40), 1500, np.uint16)
        dn[0] += np.arange(40, dtype=np.uint16)
        dn[0, 5, 7] = 0  # one band missing: with an offset in, that is no ground
        write_raster(tmp_path / "scenes" / "bay.tif", dn, nodata=0)
        mask = np.zeros((30, 40), np.uint8)
        mask[18:] = 1
        mask[:, 20:22] = 255
        Image.fromarray(mask).save(labels / "bay.png")
        with (labels / "first.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(make_row()))
            writer.writeheader()
            writer.writerows(rows)
        return LabelledCrops(root=tmp_path / "scenes", labels=labels)

    return make


def test_dn_become_reflectance_and_absent_bands_are_nan(folder: Folder) -> None:
    source = folder([make_row()])
    (sample,) = source.tiles(size=64)
    assert isinstance(source, SampleSource)
    assert [L2A_STACK[i] for i in np.flatnonzero(sample.present)] == ["B03", "B08"]
    np.testing.assert_allclose(sample.reflectance[2, 0, :40], 0.05 + np.arange(40) * 1e-4, atol=1e-6)
    assert np.isnan(sample.reflectance[:, 5, 7]).all()
    assert not sample.valid[5, 7]
    assert not sample.valid[:, 20:22].any()
    assert sample.valid.sum() == 30 * 38 - 1
    assert (sample.place, sample.source) == ("bay", "labelled crops/first")


def test_rejected_crops_are_left_out_and_windows_are_places(folder: Folder) -> None:
    rows = [
        make_row(width=10, place="west"),
        make_row(col_off=10, width=10, verdict="rejected"),
        make_row(col_off=22, width=18, place="east"),
    ]
    source = folder(rows)
    assert source.places == ("east", "west")
    assert sum(int(sample.valid.sum()) for sample in source.tiles(size=8)) == 30 * 28 - 1
    east = source.restrict(frozenset({"east", "elsewhere"}))
    assert east.places == ("east",)
    with pytest.raises(SampleError, match="None of the 1 places"):
        source.restrict(frozenset({"elsewhere"}))


def test_crops_that_overlap_count_a_pixel_once(folder: Folder) -> None:
    source = folder([make_row(width=30), make_row(col_off=10, width=30)])
    assert sum(int(sample.valid.sum()) for sample in source.tiles(size=16)) == 30 * 38 - 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"verdict": "fine"}, "Line 2 .* verdict accepted, mended or rejected, found 'fine'"),
        ({"place": ""}, "Line 2 .* expected a place"),
        ({"bands": "B03 B03 B08"}, "expected bands of L2A, each once"),
        ({"bands": "B03 B08"}, "Expected 3 bands in the list"),
        ({"width": 41}, "Expected a part of .*bay.tif"),
        ({"width": 0}, "at least one pixel"),
        ({"file": "gone.tif"}, "Expected a mask .*gone.png, found none"),
    ],
)
def test_a_list_that_is_wrong_says_where(folder: Folder, changes: Row, message: str) -> None:
    with pytest.raises(SampleError, match=message):
        folder([make_row(**changes)]).patches  # noqa: B018


def test_one_ground_with_two_places_is_refused(folder: Folder) -> None:
    with pytest.raises(SampleError, match="Give them one place"):
        folder([make_row(width=20), make_row(col_off=19, width=20, place="other")]).patches  # noqa: B018


def test_a_mask_of_another_size_is_refused(folder: Folder) -> None:
    source = folder([make_row()])
    Image.fromarray(np.zeros((40, 30), np.uint8)).save(source.labels / "bay.png")
    with pytest.raises(SampleError, match="Expected a mask of"):
        source.patches  # noqa: B018


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SampleError, match="Expected lists"):
        LabelledCrops(root=tmp_path, labels=tmp_path).patches  # noqa: B018


def test_an_empty_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").touch()
    with pytest.raises(SampleError, match="Expected the columns file"):
        LabelledCrops(root=tmp_path, labels=tmp_path).patches  # noqa: B018


labels = st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))


@given(labels=labels, size=st.integers(1, 48), seed=st.integers(0, 99), on_shore=st.booleans())
@settings(max_examples=60)
def test_draws_hold_a_labelled_pixel_and_reach_no_further_out_than_they_must(
    labels: tuple[int, int, int], size: int, seed: int, on_shore: bool
) -> None:
    height, width, chance = labels
    label = np.random.default_rng(chance).choice(np.array([0, 1, 255], np.uint8), (height, width))
    label[0, 0] = 1
    image = np.zeros((12, height, width), np.float32)
    patch = Patch.pack(image, label, place="a", source="b", resolution_m=10)
    sample = patch.draw(np.random.default_rng(seed), size=size, on_shore=on_shore)
    assert sample.valid.shape == (size, size)
    assert sample.valid.any()
    assert np.isfinite(sample.reflectance[0]).sum() == min(size, height) * min(size, width)
    drawn = np.where(sample.valid, sample.fraction, UNLABELLED)
    if on_shore and compute_shore(label).any() and size >= 2 * max(height, width):
        assert compute_shore(drawn).any()


@given(labels=labels, size=st.integers(1, 48))
@settings(max_examples=40)
def test_tiles_see_each_labelled_pixel_once(labels: tuple[int, int, int], size: int) -> None:
    height, width, chance = labels
    rng = np.random.default_rng(chance)
    label = rng.choice(np.array([0, 1, 255], np.uint8), (height, width))
    label[-1, -1] = 1
    image = rng.integers(1, 9000, (12, height, width)).astype(np.float32) / np.float32(10000)
    patch = Patch.pack(image, label, place="a", source="b", resolution_m=10)
    from tiles.samples.patch_choice import PatchChoice

    samples = list(PatchChoice(patches=(patch,), shore_share=0.5).tiles(size=size))
    assert sum(int(sample.valid.sum()) for sample in samples) == np.count_nonzero(label != 255)
    seen = np.concatenate([sample.reflectance[3][sample.valid] for sample in samples])
    np.testing.assert_allclose(np.sort(seen), np.sort(image[3][label != 255]), atol=1e-6)


def test_the_same_chance_gives_the_same_sample_in_another_process(folder: Folder) -> None:
    source = folder([make_row()])
    copy = pickle.loads(pickle.dumps(source))  # noqa: S301 (our own)
    source.draw(np.random.default_rng(1), size=16)  # what was drawn before changes nothing
    one, two = (each.draw(np.random.default_rng([0, 1, 2]), size=16) for each in (source, copy))
    np.testing.assert_array_equal(one.reflectance, two.reflectance)
    np.testing.assert_array_equal(one.valid, two.valid)


def test_shores_come_more_often(folder: Folder) -> None:
    source = folder([make_row(height=12, place="inland"), make_row(row_off=12, height=18)])
    rng = np.random.default_rng(0)
    shore = [compute_shore(s.fraction)[1:, 1:].any() for s in (source.draw(rng, size=8) for _ in range(200))]
    assert np.mean(shore) > 0.5


@pytest.fixture(scope="module")
def real(shared: Path) -> LabelledCrops:
    return LabelledCrops(root=shared / "scenes")


def test_the_real_crops_are_all_read(real: LabelledCrops) -> None:
    for patch in real.patches:
        known = patch.stored[:, patch.label != UNLABELLED].max(axis=1)
        assert (known > -(2**15)).sum() >= 5, patch.source
        median = np.median(patch.stored[2][patch.label != UNLABELLED])
        assert 0 < median < 9000, f"{patch.place}: green of {median} is no reflectance"


@pytest.mark.parametrize("size", [64, 128, 256])
def test_the_real_crops_are_drawn_at_any_size(real: LabelledCrops, size: int) -> None:
    for index in range(10):
        sample = real.draw(np.random.default_rng([7, size, index]), size=size)
        assert sample.reflectance.shape == (12, size, size)
        assert sample.valid.any()


def test_no_ground_is_learned_from_and_held_out(real: LabelledCrops, shared: Path) -> None:
    """Crops that share ground share their place: by georeference, whatever their names say."""

    from tiles.products.headers import read_header
    from tiles.samples.crop_list import read_label_list

    ground = []
    for path in LABELS.glob("*.csv"):
        for crop in read_label_list(path):
            file = shared / "scenes" / crop.file
            if crop.verdict == "rejected" or not file.is_file() or re.search("coast_crops", crop.file):
                continue  # folders and the mosaic without georeference: by name, window and hand
            grid = read_header(str(file)).grid.crop(crop.window)
            ground.append((crop.place, grid.crs.to_string(), grid.bounds))
    learned, held = split_places(real.places, held_out=0.3)
    assert learned | held == set(real.places)
    for place, crs, (left, bottom, right, top) in ground:
        for other, other_crs, (west, south, east, north) in ground:
            if crs == other_crs and left < east and west < right and bottom < north and south < top:
                assert place == other  # neighbours that only touch may differ
