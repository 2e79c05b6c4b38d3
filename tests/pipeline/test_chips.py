from __future__ import annotations

import time
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import TrainingError
from pipeline.chips import Chip, ChipStore, start_filler

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


def test_what_is_read_is_what_was_written_to_the_products_own_precision(tmp_path: Path) -> None:
    chip = make_chip(1)
    open_store(tmp_path).write(0, chip)
    read = open_store(tmp_path).read(np.random.default_rng(0), size=SIZE)
    assert read is not None
    np.testing.assert_allclose(read.reflectance, chip.reflectance, atol=0.51e-4)
    np.testing.assert_allclose(read.fraction, chip.fraction, atol=0.51 / 255)
    np.testing.assert_array_equal(read.valid, chip.valid)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 11))
def test_the_oldest_chips_make_room(tmp_path_factory: pytest.TempPathFactory, count: int) -> None:
    store = open_store(tmp_path_factory.mktemp("store"))
    for serial in range(count):
        store.write(serial, make_chip(serial))
    assert store.filled == min(count, CAPACITY)
    assert store.next_serial == count
    kept = {tuple(np.rint(make_chip(s).fraction[0] * 255)) for s in range(max(0, count - CAPACITY), count)}
    rng = np.random.default_rng(count)
    reads = [store.read(rng, size=SIZE) for _ in range(40)]
    assert {tuple(np.rint(chip.fraction[0] * 255)) for chip in reads if chip is not None} <= kept


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(2, SIZE), st.integers(0, SIZE - 1), st.integers(0, SIZE - 1))
def test_parts_are_laid_around_the_shore(
    tmp_path_factory: pytest.TempPathFactory, seed: int, size: int, row: int, col: int
) -> None:
    store = open_store(tmp_path_factory.mktemp("store"))
    fraction = np.zeros((SIZE, SIZE), np.float32)
    fraction[row, col] = 0.5
    empty = np.zeros((BANDS, SIZE, SIZE), np.float32)
    store.write(0, Chip(reflectance=empty, fraction=fraction, valid=np.ones((SIZE, SIZE), np.bool_)))
    part = store.read(np.random.default_rng(seed), size=size, shore_chance=1.0)
    assert part is not None
    assert part.fraction.shape == (size, size)
    assert part.fraction.max() > 0.4


def test_hard_chips_come_up_more_often_until_they_are_replaced(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for serial in range(CAPACITY):
        store.write(serial, make_chip(serial))

    def count() -> np.ndarray:
        rng = np.random.default_rng(3)
        reads = [store.read(rng, size=SIZE) for _ in range(400)]
        return np.bincount([chip.serial % CAPACITY for chip in reads if chip is not None], minlength=CAPACITY)

    for serial in range(CAPACITY):
        chip = Chip(**{f.name: getattr(make_chip(serial), f.name) for f in fields(Chip)} | {"serial": serial})
        for _ in range(9):
            store.judge(chip, 0.5 if serial == 2 else 0.0)
    easy = np.delete(count(), 2)
    assert count()[2] > 4 * easy.max()
    assert easy.min() > 10  # they are not forgotten
    store.write(CAPACITY + 2, make_chip(9))
    assert count()[2] < 300  # not yet known: neither hard nor easy


def test_a_chip_that_is_being_replaced_is_not_read(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.write(0, make_chip(0))
    store.write(1, make_chip(1))
    store._serial[1] = -1  # as while it is written
    rng = np.random.default_rng(0)
    for _ in range(20):
        chip = store.read(rng, size=SIZE)
        assert chip is not None
        np.testing.assert_allclose(chip.fraction, make_chip(0).fraction, atol=0.51 / 255)


def test_a_store_of_another_shape_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path)
    with pytest.raises(TrainingError, match="chip store of shape"):
        ChipStore(tmp_path, capacity=CAPACITY, size=SIZE + 1, bands=BANDS)


def test_the_filler_makes_what_is_wanted_from_the_seeds_in_turn(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.want(3)
    filler = start_filler(tmp_path, (CAPACITY, SIZE, BANDS), make_chip, first_seed=70)
    try:
        deadline = time.monotonic() + 60
        while store.filled < 3 and time.monotonic() < deadline and filler.is_alive():
            filler.join(0.05)
    finally:
        filler.terminate()
        filler.join()
    assert store.filled == store.next_serial == 3
    for serial in range(3):
        expected = np.rint(make_chip(70 + serial).fraction * 255)
        np.testing.assert_array_equal(store._fraction[serial], expected)
