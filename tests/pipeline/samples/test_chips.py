"""A store gives back what was put in, to the rounding of products, and whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import TrainingError
from pipeline.samples.chips import Chip, ChipStore

SIZE, BANDS, CAPACITY = 16, 3, 4


def make_chip(seed: int) -> Chip:
    rng = np.random.default_rng(seed)
    return Chip(
        reflectance=rng.uniform(-0.1, 1.2, (BANDS, SIZE, SIZE)).astype(np.float32),
        fraction=rng.random((SIZE, SIZE), dtype=np.float32),
        valid=rng.random((SIZE, SIZE)) < 0.8,
    )


def open_store(folder: Path) -> ChipStore:
    return ChipStore(folder, capacity=CAPACITY, size=SIZE, bands=BANDS)


def test_a_chip_comes_back_as_it_was(tmp_path: Path) -> None:
    store, chip = open_store(tmp_path), make_chip(1)
    assert not store.holds(2)
    store.write(2, chip)
    for reader in (store, open_store(tmp_path)):
        found = reader.read(2)
        assert reader.holds(2)
        np.testing.assert_allclose(found.reflectance, chip.reflectance, atol=0.51e-4)
        np.testing.assert_allclose(found.fraction, chip.fraction, atol=0.51 / 255)
        np.testing.assert_array_equal(found.valid, chip.valid)
    assert [open_store(tmp_path).holds(index) for index in range(CAPACITY)] == [False, False, True, False]


@given(row=st.integers(0, SIZE - 1), col=st.integers(0, SIZE - 1), size=st.integers(1, SIZE))
def test_a_part_is_a_part_of_the_whole(tmp_path_factory: pytest.TempPathFactory, row: int, col: int, size: int) -> None:
    store = open_store(tmp_path_factory.mktemp("store"))
    store.write(0, make_chip(7))
    whole, part = store.read(0), store.read(0, corner=(row, col), size=size)
    np.testing.assert_array_equal(part.reflectance, whole.reflectance[:, row : row + size, col : col + size])
    np.testing.assert_array_equal(part.fraction, whole.fraction[row : row + size, col : col + size])


def test_the_shore_is_where_pixels_are_partly_water(tmp_path: Path) -> None:
    chip = make_chip(3)
    chip.fraction[:] = 0
    chip.fraction[4, 5], chip.fraction[6:] = 0.5, 1
    store = open_store(tmp_path)
    store.write(0, chip)
    assert store.find_shore(0).tolist() == [4 * SIZE + 5]


def test_a_store_of_another_shape_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path)
    with pytest.raises(TrainingError, match="Expected a chip store of shape"):
        ChipStore(tmp_path, capacity=CAPACITY, size=SIZE, bands=BANDS + 1)
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []
