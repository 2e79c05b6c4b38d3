"""A known shift of a whole image comes back to a tenth of a pixel; a shore that moved is none, nor is other light."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from pipeline.output.texture import TEXTURE_SCALE
from pipeline.register.chips import ChipPair, DatedImage
from pipeline.register.measure_shift import compute_offset, measure_shift
from pipeline.register.registration import Registration, compute_translation, move_grid
from tests.pipeline.register.textured_dates import Date, make_grid, write_image
from tiles.chips import CHIP_PX


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> DatedImage:
    return write_image(tmp_path_factory.mktemp("first") / "date", Date())


@pytest.mark.parametrize(("east", "north"), [(3.0, 0.0), (-7.0, 3.0), (0.0, -7.0), (15.0, -15.0), (2.1, -13.7)])
def test_a_known_shift_comes_back_within_a_tenth_of_a_pixel(
    first: DatedImage, tmp_path: Path, east: float, north: float
) -> None:
    second = write_image(tmp_path, Date(east_m=east, north_m=north, light=0.8))
    found = measure_shift(first, second, assumed_m=2.0)
    assert found.offset_m == pytest.approx((east, north), abs=1.0)
    assert found.is_clear
    assert found.chips > 10
    assert 1.0 <= found.sigma_m < 1.2
    assert found.left_m == found.sigma_m
    moved = move_grid(second.grid, found)
    assert moved.transform.c == pytest.approx(first.grid.transform.c - east, abs=1.0)
    assert moved.transform.f == pytest.approx(first.grid.transform.f - north, abs=1.0)


def test_dates_that_lie_right_are_left_alone(first: DatedImage, tmp_path: Path) -> None:
    second = write_image(tmp_path, Date(light=1.2))
    found = measure_shift(first, second, assumed_m=2.0)
    assert found.offset_m == pytest.approx((0, 0), abs=0.3)
    assert not found.is_clear
    assert move_grid(second.grid, found) == second.grid
    assert found.to_dict()["taken_out"] is False


@pytest.mark.parametrize("retreat", [20.0, -20.0, 60.0])
def test_a_beach_that_moves_everywhere_is_no_shift_of_the_image(
    first: DatedImage, tmp_path: Path, retreat: float
) -> None:
    second = write_image(tmp_path, Date(shore_m=1_000 + retreat, light=0.9))
    found = measure_shift(first, second, assumed_m=2.0)
    assert found.offset_m == pytest.approx((0, 0), abs=0.5)
    assert not found.is_clear


def test_the_beach_moves_and_the_image_is_off(first: DatedImage, tmp_path: Path) -> None:
    found = measure_shift(first, write_image(tmp_path, Date(shore_m=1_020, east_m=-7, light=0.9)), assumed_m=2.0)
    assert found.offset_m == pytest.approx((-7, 0), abs=1.0)


def test_a_part_of_the_tile_is_registered_on_the_squares_that_both_have(first: DatedImage, tmp_path: Path) -> None:
    second = write_image(tmp_path, Date(east_m=7, north_m=3), make_grid(400, col=37, row=21))
    assert measure_shift(first, second, assumed_m=2.0).offset_m == pytest.approx((7, 3), abs=1.0)


def test_another_zone_is_warped_and_moved_along_its_own_axes(first: DatedImage, tmp_path: Path) -> None:
    second = write_image(tmp_path, Date(east_m=12, north_m=-7), make_grid(620, col=-80, row=-80, epsg=32631))
    found = measure_shift(first, second, assumed_m=2.0)
    assert found.offset_m == pytest.approx((12, -7), abs=1.0)
    east, north = compute_translation(found, second.grid)
    assert np.hypot(east, north) == pytest.approx(np.hypot(*found.offset_m), rel=0.01)
    assert abs(np.degrees(np.arctan2(north, east)) - np.degrees(np.arctan2(7, -12))) < 8  # north of two zones
    assert abs(north - 7) > 0.3


def test_too_little_land_is_no_measurement_and_says_so(first: DatedImage, tmp_path: Path) -> None:
    sea = write_image(tmp_path, Date(shore_m=4_200.0))
    found = measure_shift(first, sea, assumed_m=2.0)
    assert (found.offset_m, found.sigma_m, found.left_m, found.is_clear) == (None, 2.0, 2.0, False)
    assert found.reason.startswith("0 squares of stable land agree, of 0; 5")
    assert compute_translation(found, sea.grid) == (0, 0)


def test_ground_of_another_face_is_no_measurement(first: DatedImage, tmp_path: Path) -> None:
    found = measure_shift(first, write_image(tmp_path, Date(face=7)), assumed_m=3.0)
    assert (found.offset, found.sigma_m) == (None, 3.0)


def test_cloud_does_not_count(first: DatedImage, tmp_path: Path) -> None:
    second = write_image(tmp_path, Date(east_m=7))
    with rasterio.open(second.water, "r+") as dataset:
        classes = dataset.read(1)
        classes[:, 300:] = 2
        dataset.write(classes, 1)
    with rasterio.open(second.texture, "r+") as dataset:
        values = dataset.read(1)
        values[:, 300:] = np.roll(values, 3, axis=0)[:, 300:]
        dataset.write(values, 1)
    assert measure_shift(first, second, assumed_m=2.0).offset_m == pytest.approx((7, 0), abs=1.0)


def test_of_images_that_lie_right_one_in_twenty_seems_clearly_off() -> None:
    errors = np.random.default_rng(4).normal(0, 1.3, (20_000, 2))
    found = [Registration(offset=(0, 0), offset_m=(east, north), sigma_m=1.3) for east, north in errors.tolist()]
    assert np.mean([one.is_clear for one in found]) == pytest.approx(0.05, abs=0.006)


def test_ground_without_a_face_says_nothing() -> None:
    flat = np.full((CHIP_PX, CHIP_PX), 60.0)
    faint = flat + np.random.default_rng(1).integers(0, 4, flat.shape)
    stable = np.ones(flat.shape, dtype=bool)
    for one, other in ((flat, flat), (faint, flat), (faint, faint)):
        assert compute_offset(ChipPair(reference=one, moving=other, stable=stable)) is None


@pytest.mark.parametrize(("name", "row", "col"), [("genoa", 1, 2), ("marseille", 2, 1), ("valencia", 1, 1)])
def test_thirds_of_a_pixel_on_real_ground(shared: Path, name: str, row: int, col: int) -> None:
    with rasterio.open(shared / "scenes" / "ports" / f"{name}.tif") as dataset:
        bands = dataset.read().astype(float)
    brightness, ndwi = bands[:4].mean(axis=0), (bands[1] - bands[3]) / (bands[1] + bands[3] + 1)
    offsets = []
    for at in np.ndindex(bands.shape[1] // 3 // CHIP_PX, bands.shape[2] // 3 // CHIP_PX):
        top, left = (3 * CHIP_PX * value for value in at)
        first, wet = (average_thirds(image, top, left) for image in (brightness, (ndwi > 0).astype(float)))
        second = average_thirds(brightness, top + row, left + col)
        if first.shape == second.shape == (CHIP_PX, CHIP_PX) and (wet == 0).mean() > 0.5:
            scale = 10_000 * TEXTURE_SCALE
            pair = ChipPair(reference=np.round(first / scale), moving=np.round(second / scale), stable=wet == 0)
            offsets.append(compute_offset(pair))
    known = np.array([offset for offset in offsets if offset])
    assert len(known) >= 2
    assert np.median(known, axis=0) == pytest.approx((-row / 3, -col / 3), abs=0.1)


def average_thirds(image: np.ndarray, top: int, left: int) -> np.ndarray:
    part = image[top : top + 3 * CHIP_PX, left : left + 3 * CHIP_PX]
    rows, cols = (size // 3 for size in part.shape)
    return np.asarray(part[: 3 * rows, : 3 * cols].reshape(rows, 3, cols, 3).mean(axis=(1, 3)))
