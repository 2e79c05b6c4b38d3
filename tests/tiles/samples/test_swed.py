"""SWED as it is published: read right, split by ground, every pixel once."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.coords import BoundingBox

from tests.tiles.samples.swed_folder import LAND_DN, TEST, TRAIN, WATER_DN, make_chip, write_npy, write_swed
from tiles.errors import SampleError
from tiles.samples.ground import locate_tile, merge_overlapping
from tiles.samples.sample import SampleSource, split_places
from tiles.samples.swed import Swed
from tiles.samples.swed_files import read_exclusions


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_swed(tmp_path_factory.mktemp("swed"))


@pytest.mark.parametrize("split", ["train", "test"])
def test_both_splits_give_reflectance_and_water(root: Path, split: str) -> None:
    source = Swed(root=root, split=split)  # type: ignore[arg-type]
    assert isinstance(source, SampleSource)
    samples = list(source.tiles(size=256))
    assert len(samples) == (8 if split == "train" else 2)
    for sample in samples:
        assert sample.valid.all()
        assert sample.present.all()
        water = sample.fraction > 0.5
        assert sample.reflectance[2][water].mean() == pytest.approx(WATER_DN * 1e-4, abs=2e-4)
        assert sample.reflectance[2][~water].mean() == pytest.approx(LAND_DN * 1e-4, abs=2e-4)


def test_the_picture_is_not_transposed(root: Path) -> None:
    image, label = make_chip(0)
    sample = next(Swed(root=root).tiles(size=256))
    np.testing.assert_allclose(sample.reflectance, image * np.float32(1e-4), atol=1e-6)
    np.testing.assert_array_equal(sample.fraction, label)


def test_scenes_that_overlap_are_one_place(root: Path) -> None:
    source = Swed(root=root)
    assert source.places == ("30UXC", "36SXA", "53KQB")
    learned, held = split_places(source.places, held_out=0.4)
    one, two = source.restrict(learned), source.restrict(held)
    products = [{chip.product for chip in part.chips} for part in (one, two)]
    assert products[0] | products[1] == set(TRAIN)
    assert not products[0] & products[1]
    assert not {sample.place for sample in one.tiles(size=256)} & {sample.place for sample in two.tiles(size=256)}
    with pytest.raises(SampleError, match="None of the 1 places"):
        source.restrict(frozenset({"01KCV"}))


def test_minus_one_is_land_or_left_out_and_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    image, label = make_chip(3)
    label[:5] = -1
    write_npy(tmp_path, TRAIN[0], 0, 0, (image, label))
    with caplog.at_level(logging.INFO, logger="tiles.samples.swed"):
        (land,) = Swed(root=tmp_path).tiles(size=256)
    assert land.valid.all()
    assert not land.fraction[:5].any()
    assert "1280 pixels labelled -1 are taken as land" in caplog.text
    (ignored,) = Swed(root=tmp_path, negative_one="ignore").tiles(size=256)
    assert not ignored.valid[:5].any()
    assert ignored.valid[5:].all()


def test_what_is_zero_in_all_bands_is_no_data_and_dark_water_is(tmp_path: Path) -> None:
    image, label = make_chip(3)
    image[:, :10] = 0
    image[11, 20:30] = 0  # clipped in one band
    write_npy(tmp_path, TRAIN[0], 0, 0, (image, label))
    empty = np.zeros_like(image), label
    write_npy(tmp_path, TRAIN[0], 0, 1, empty)
    (sample,) = Swed(root=tmp_path).tiles(size=256)
    assert not sample.valid[:10].any()
    assert np.isnan(sample.reflectance[:, :10]).all()
    assert sample.valid[10:].all()
    assert (sample.reflectance[11, 20:30] == 0).all()
    source = Swed(root=tmp_path)
    assert all(source.draw(np.random.default_rng(seed), size=32).valid.any() for seed in range(20))


def test_only_empty_chips_are_an_error(tmp_path: Path) -> None:
    write_npy(tmp_path, TRAIN[0], 0, 0, (np.zeros((12, 256, 256), np.uint16), np.zeros((256, 256), np.int16)))
    with pytest.raises(SampleError, match=r"Every chip of .* is empty"):
        Swed(root=tmp_path).draw(np.random.default_rng(0), size=64)


def test_excluded_chips_are_left_out(root: Path, tmp_path: Path) -> None:
    listed = tmp_path / "exclude.txt"
    listed.write_text(f"# water labelled land\n{TRAIN[0]}_image_0_3.npy\ntrain\\labels\\{TRAIN[1]}_chip_17_41, shore\n")
    names = {chip.name for chip in Swed(root=root, exclude=listed).chips}
    assert len(names) == 6
    assert not names & {f"{TRAIN[0]}_0_3", f"{TRAIN[1]}_17_41"}
    listed.write_text("what is this\n")
    with pytest.raises(SampleError, match="Expected names of chips"):
        read_exclusions(listed)
    with pytest.raises(SampleError, match="found none at"):
        Swed(root=root, exclude=tmp_path / "gone").places  # noqa: B018


def test_half_a_pair_is_left_out_and_another_folder_is_an_error(tmp_path: Path) -> None:
    write_swed(tmp_path, products=TRAIN[:1])
    (tmp_path / "train" / "labels" / f"{TRAIN[0]}_chip_0_3.npy").unlink()
    assert [chip.name for chip in Swed(root=tmp_path).chips] == [f"{TRAIN[0]}_17_41"]
    with pytest.raises(SampleError, match="Expected SWED as published, train/images"):
        Swed(root=tmp_path / "train").places  # noqa: B018
    with pytest.raises(SampleError, match="Expected the split train or test"):
        Swed(root=tmp_path, split="val")  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(256, 256, 11), (12, 256)])
def test_a_picture_of_another_shape_says_so(tmp_path: Path, shape: tuple[int, ...]) -> None:
    write_swed(tmp_path, products=TRAIN[:1])
    for path in (tmp_path / "train" / "images").iterdir():
        np.save(path, np.zeros(shape, np.uint16))
    with pytest.raises(SampleError, match=r"Expected \(256, 256, 12\)"):
        list(Swed(root=tmp_path).tiles(size=256))


def test_a_truncated_file_says_so(tmp_path: Path) -> None:
    write_swed(tmp_path, products=TRAIN[:1])
    path = tmp_path / "train" / "images" / f"{TRAIN[0]}_image_0_3.npy"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(SampleError, match=r"image_0_3.npy: it is truncated"):
        list(Swed(root=tmp_path).tiles(size=256))


@given(seed=st.integers(0, 2**32 - 1), size=st.sampled_from([16, 64, 256, 300]))
@settings(max_examples=15)
def test_draws_depend_on_chance_alone(root: Path, seed: int, size: int) -> None:
    source = Swed(root=root)
    copy = pickle.loads(pickle.dumps(source))  # noqa: S301 (our own)
    one = source.draw(np.random.default_rng(seed), size=size)
    copy.draw(np.random.default_rng(0), size=64)
    two = copy.draw(np.random.default_rng(seed), size=size)
    np.testing.assert_array_equal(one.reflectance, two.reflectance)
    np.testing.assert_array_equal(one.valid, two.valid)
    assert one.valid.any()
    assert one.place == two.place


@pytest.mark.parametrize("size", [100, 256, 300])
def test_tiles_see_each_pixel_once(root: Path, size: int) -> None:
    source = Swed(root=root, split="test")
    assert source.places == ("33VWL",)
    samples = list(source.tiles(size=size))
    assert sum(int(sample.valid.sum()) for sample in samples) == 2 * 256 * 256
    assert sum(float(sample.fraction[sample.valid].sum()) for sample in samples) == sum(
        int(make_chip(seed)[1].sum()) for seed in (99, 100)
    )
    assert TEST.split("_")[5][1:] == "33VWL"


def test_tiles_lie_where_products_say() -> None:
    box = locate_tile("33TVM")
    assert box is not None
    assert box.left < 14.5 < box.right  # Ljubljana
    assert box.bottom < 46.05 < box.top
    assert locate_tile("99ABC") is None
    assert locate_tile("scene") is None


@given(
    st.lists(st.tuples(st.integers(-180, 180), st.integers(-80, 70), st.integers(1, 9), st.integers(1, 9)), max_size=12)
)
def test_names_that_share_ground_share_a_place(found: list[tuple[int, int, int, int]]) -> None:
    boxes = {
        f"s{i:02d}": BoundingBox(west, south, (west + width + 180) % 360 - 180, south + height)
        for i, (west, south, width, height) in enumerate(found)
    }
    place = merge_overlapping(boxes)
    assert set(place) == set(boxes)
    cells = {
        name: {((west + dx) % 360, south + dy) for dx in range(width) for dy in range(height)}
        for name, (west, south, width, height) in zip(boxes, found, strict=True)
    }
    for one in boxes:
        assert place[place[one]] == place[one]
        for two in boxes:
            if cells[one] & cells[two]:
                assert place[one] == place[two]
            # and those whose place is shared are joined by a chain: its first has some neighbour, if it is not alone
        peers = [name for name in boxes if place[name] == place[one]]
        assert len(peers) == 1 or any(cells[one] & cells[name] for name in peers if name != one)
