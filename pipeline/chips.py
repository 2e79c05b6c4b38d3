"""A store of simulated chips on disk that one process fills while another learns from it.

Simulating a chip takes about as long as learning from it a few times, so chips are kept and used again, each time
another part of them, turned and coloured otherwise; the oldest are replaced for as long as the filler runs.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from models.errors import TrainingError

__all__ = ["Chip", "ChipStore", "start_filler"]

_DN = 10_000.0
_EMPTY = -1
_UNKNOWN_DIFFICULTY, _LEAST_DIFFICULTY, _MOST_DIFFICULTY = 0.1, 0.04, 0.3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chip:
    """A square of simulated scene with its truth.

    Attributes:
        reflectance: float32 (band, row, col).
        fraction: float32 (row, col), share of water, 0 to 1.
        valid: bool (row, col), True where the surface is seen.
        serial: Which chip of the store it was cut from; -1 for none.
    """

    reflectance: NDArray[np.float32]
    fraction: NDArray[np.float32]
    valid: NDArray[np.bool_]
    serial: int = -1


class ChipStore:
    """Chips in memory-mapped files: reflectance as int16 (1/10000), as in products, fractions as uint8 (1/255).

    Args:
        folder: Where the files are; made where they are not there.
        capacity: How many chips it holds.
        size: Rows and columns of a chip.
        bands: Bands of a chip.

    Raises:
        TrainingError: The folder holds a store of another shape.
    """

    def __init__(self, folder: Path, *, capacity: int, size: int, bands: int) -> None:
        self.capacity = capacity
        self.size = size
        folder.mkdir(parents=True, exist_ok=True)
        self._dn = _open(folder / "dn.npy", (capacity, bands, size, size), np.int16, 0)
        self._fraction = _open(folder / "fraction.npy", (capacity, size, size), np.uint8, 0)
        self._valid = _open(folder / "valid.npy", (capacity, size, size), np.bool_, 0)
        self._serial = _open(folder / "serial.npy", (capacity,), np.int64, _EMPTY)
        self._wanted = _open(folder / "wanted.npy", (1,), np.int64, 0)
        self._difficulty = np.full(capacity, _UNKNOWN_DIFFICULTY)
        self._judged = np.full(capacity, _EMPTY, np.int64)  # which chip that difficulty was found for

    @property
    def filled(self) -> int:
        """How many chips can be read now."""
        return int((self._serial != _EMPTY).sum())

    @property
    def next_serial(self) -> int:
        """The serial number that the next chip should have: one more than the highest so far."""
        return int(self._serial.max()) + 1

    @property
    def wanted(self) -> int:
        """How many chips should be made in all; the filler rests once they are."""
        return int(self._wanted[0])

    def want(self, count: int) -> None:
        """Let the filler go on until so many chips were made in all."""
        self._wanted[0] = max(self.wanted, count)

    def judge(self, chip: Chip, error: float) -> None:
        """Remember how wrong the network was on a chip, so that hard ones come up more often.

        Args:
            chip: A part that ``read`` gave.
            error: Mean absolute error of its water fraction, 0 to 1.
        """
        slot = chip.serial % self.capacity
        known = self._judged[slot] == chip.serial
        self._difficulty[slot] = 0.6 * self._difficulty[slot] + 0.4 * error if known else error
        self._judged[slot] = chip.serial

    def _draw_slot(self, rng: np.random.Generator) -> int:
        filled = np.flatnonzero(self._serial != _EMPTY)
        fresh = self._judged[filled] != self._serial[filled]
        difficulty = np.where(fresh, _UNKNOWN_DIFFICULTY, self._difficulty[filled])
        chance = _LEAST_DIFFICULTY + np.minimum(difficulty, _MOST_DIFFICULTY)
        return int(rng.choice(filled, p=chance / chance.sum()))

    def write(self, serial: int, chip: Chip) -> None:
        """Keep a chip in place of the oldest.

        Args:
            serial: Its number, counted from 0; also decides its place.
            chip: The chip.
        """
        slot = serial % self.capacity
        self._serial[slot] = _EMPTY  # no reader takes it while it is half written
        self._dn[slot] = np.clip(np.rint(chip.reflectance * _DN), -32768, 32767)
        self._fraction[slot] = np.rint(chip.fraction * 255)
        self._valid[slot] = chip.valid
        self._serial[slot] = serial

    def get(self, serial: int, *, corner: tuple[int, int] = (0, 0), size: int | None = None) -> Chip | None:
        """A part of the chip of a serial number, or ``None`` where it is not there.

        Args:
            serial: Its number, counted from 0.
            corner: First row and column of the part.
            size: Rows and columns of the part; default to the end.
        """
        slot = serial % self.capacity
        if int(self._serial[slot]) != serial:
            return None
        row, col = corner
        size = self.size if size is None else size
        part = (slot, ..., slice(row, row + size), slice(col, col + size))
        return Chip(
            reflectance=self._dn[part].astype(np.float32) / np.float32(_DN),
            fraction=self._fraction[part].astype(np.float32) / np.float32(255),
            valid=self._valid[part].copy(),
            serial=serial,
        )

    def holds(self, serial: int) -> bool:
        """Whether the chip of a serial number is there.

        Args:
            serial: Its number, counted from 0.
        """
        return int(self._serial[serial % self.capacity]) == serial

    def get_shore(self, serial: int) -> NDArray[np.intp]:
        """Flat indices of the pixels of a chip that are partly water.

        Args:
            serial: Of a chip that is there.
        """
        fraction = self._fraction[serial % self.capacity]
        return np.flatnonzero((fraction > 5) & (fraction < 250))

    def read(self, rng: np.random.Generator, *, size: int, shore_chance: float = 0.0) -> Chip | None:
        """A random part of a random chip, a hard one more often than an easy one.

        Args:
            rng: Source of chance.
            size: Rows and columns wanted.
            shore_chance: Chance that the part is laid around a pixel of the shore, where the chip has one.

        Returns:
            The part, or ``None`` where the chip was replaced while it was read.
        """
        slot = self._draw_slot(rng)
        serial = int(self._serial[slot])
        row, col = self._place(slot, rng, size, shore_chance)
        part = (slot, ..., slice(row, row + size), slice(col, col + size))
        chip = Chip(
            reflectance=self._dn[part].astype(np.float32) / np.float32(_DN),
            fraction=self._fraction[part].astype(np.float32) / np.float32(255),
            valid=self._valid[part].copy(),
            serial=serial,
        )
        return chip if serial != _EMPTY and int(self._serial[slot]) == serial else None

    def _place(self, slot: int, rng: np.random.Generator, size: int, shore_chance: float) -> tuple[int, int]:
        room = self.size - size
        start = rng.integers(0, room + 1, size=2)
        if room and rng.random() < shore_chance:
            fraction = self._fraction[slot]
            shore = np.flatnonzero((fraction > 5) & (fraction < 250))
            if len(shore):
                # anywhere in the part, not only at its centre
                target = np.array(divmod(int(rng.choice(shore)), self.size))
                start = np.clip(target - rng.integers(size // 4, size - size // 4, size=2), 0, room)
        return int(start[0]), int(start[1])


def _open(path: Path, shape: tuple[int, ...], dtype: type, start: int) -> NDArray[Any]:
    if not path.exists():
        array = open_memmap(path, mode="w+", dtype=dtype, shape=shape)
        if start:
            array[:] = start
    array = open_memmap(path, mode="r+")
    if array.shape != shape or array.dtype != dtype:
        raise TrainingError(
            f"Expected a chip store of shape {shape}, found {array.shape} in {path}. Remove it, or train elsewhere."
        )
    return array


def start_filler(
    folder: Path, shape: tuple[int, int, int], simulate: Callable[[int], Chip], *, first_seed: int
) -> BaseProcess:
    """Start a process that fills a store for as long as it is left alone.

    Args:
        folder: Of the store.
        shape: Capacity, size and bands of the store.
        simulate: Makes the chip of a seed; importable by name.
        first_seed: Seed of the chip with serial number 0.

    Returns:
        The process; terminate it when done.
    """
    # "spawn": a fork would inherit the threads' locks of a torch that is already at work.
    process = multiprocessing.get_context("spawn").Process(
        target=_fill, args=(folder, shape, simulate, first_seed), daemon=True
    )
    process.start()
    return process


def _fill(folder: Path, shape: tuple[int, int, int], simulate: Callable[[int], Chip], first_seed: int) -> None:
    os.nice(2)  # learning goes first
    capacity, size, bands = shape
    store = ChipStore(folder, capacity=capacity, size=size, bands=bands)
    parent = multiprocessing.parent_process()
    while parent is not None and parent.is_alive():
        serial = store.next_serial
        if serial >= store.wanted:
            time.sleep(0.2)
            continue
        store.write(serial, simulate(first_seed + serial))
