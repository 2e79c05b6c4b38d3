"""A store of simulated chips on disk, so that a chip is simulated once however often it is learned from."""

from __future__ import annotations

import contextlib
import os
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from models.errors import TrainingError

__all__ = ["Chip", "ChipStore", "find_shore"]

_DN = 10_000.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chip:
    """A square of simulated scene with its truth.

    Attributes:
        reflectance: float32 (band, row, col).
        fraction: float32 (row, col), share of water, 0 to 1.
        valid: bool (row, col), True where the surface is seen.
    """

    reflectance: NDArray[np.float32]
    fraction: NDArray[np.float32]
    valid: NDArray[np.bool_]


class ChipStore:
    """Chips in memory-mapped files: reflectance as int16 (1/10000), as in products, fractions as uint8 (1/255).

    Several processes may read and write at once: a chip counts as there only when it is whole, and all that write a
    chip write the same.

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
        self._dn = _open(folder / "dn.npy", (capacity, bands, size, size), np.int16)
        self._fraction = _open(folder / "fraction.npy", (capacity, size, size), np.uint8)
        self._valid = _open(folder / "valid.npy", (capacity, size, size), np.bool_)
        self._whole = _open(folder / "whole.npy", (capacity,), np.bool_)

    def holds(self, index: int) -> bool:
        """Whether a chip is there.

        Args:
            index: Its number, counted from 0.
        """
        return bool(self._whole[index])

    def write(self, index: int, chip: Chip) -> None:
        """Keep a chip.

        Args:
            index: Its number, counted from 0.
            chip: The chip.
        """
        self._dn[index] = np.clip(np.rint(chip.reflectance * _DN), -32768, 32767)
        self._fraction[index] = np.rint(chip.fraction * 255)
        self._valid[index] = chip.valid
        self._whole[index] = True

    def read(self, index: int, *, corner: tuple[int, int] = (0, 0), size: int | None = None) -> Chip:
        """A part of a chip that is there.

        Args:
            index: Its number, counted from 0.
            corner: First row and column of the part.
            size: Rows and columns of the part; default to the end.
        """
        row, col = corner
        size = self.size if size is None else size
        part = (index, ..., slice(row, row + size), slice(col, col + size))
        return Chip(
            reflectance=self._dn[part].astype(np.float32) / np.float32(_DN),
            fraction=self._fraction[part].astype(np.float32) / np.float32(255),
            valid=self._valid[part].copy(),
        )

    def find_shore(self, index: int) -> NDArray[np.intp]:
        """Flat indices of the pixels of a chip that are partly water.

        Args:
            index: Of a chip that is there.
        """
        return find_shore(self._fraction[index])


def find_shore(fraction: NDArray[Any]) -> NDArray[np.intp]:
    """Flat indices of the pixels that are partly water.

    Args:
        fraction: (row, col), share of water in units of 1/255, as the store keeps it.
    """
    return np.flatnonzero((fraction > 5) & (fraction < 250))


def _open(path: Path, shape: tuple[int, ...], dtype: type) -> NDArray[Any]:
    if not path.exists():
        draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
        open_memmap(draft, mode="w+", dtype=dtype, shape=shape)  # sparse, and all zero
        with contextlib.suppress(FileExistsError):  # another process was first
            os.link(draft, path)
        draft.unlink()
    array = open_memmap(path, mode="r+")
    if array.shape != shape or array.dtype != dtype:
        raise TrainingError(
            f"Expected a chip store of shape {shape}, found {array.shape} in {path}. Remove it, or train elsewhere."
        )
    return array
