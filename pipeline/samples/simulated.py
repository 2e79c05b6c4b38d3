"""Simulated tiles as a source of samples: made when they are first asked for, kept for the next time.

Which chip a draw takes, and which part of it, depends on the generator alone; whether the chip was simulated just now
or by an earlier run changes nothing but the time. So a training on simulated tiles can be repeated to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import TrainingError
from pipeline.samples.augmentation import coarsen
from pipeline.samples.chips import Chip, ChipStore, find_shore
from pipeline.samples.simulate_chip import CHIP_PX, ChipKind, simulate
from tiles.bands import L2A_STACK
from tiles.errors import SampleError
from tiles.samples.sample import Sample

__all__ = ["SimulatedSource", "pad_sample"]

_FACTORS = (1, 1, 1, 1, 1, 1, 2, 3, 6)
"""How many pixels of 10 m become one: mostly one, sometimes the pixels of 20, 30 and 60 m."""

_SHORE_CHANCE = 0.6


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedSource:
    """Chips of 384² that the simulator makes, a seed each; each seed is a place of its own.

    Attributes:
        first_seed: Seed of the first chip.
        chips: How many seeds from there on.
        cache: Folder that keeps what was simulated; ``None`` simulates a chip anew for each draw.
        kept: Seeds that are drawn from; ``None`` for all.
        factors: How much coarser a draw may be; chosen at random, for training alone.
        kind: What the worlds are.

    Raises:
        SampleError: There are no chips to draw from.
        TrainingError: The cache holds chips of another simulator, or of other seeds.
    """

    first_seed: int
    chips: int
    cache: Path | None = None
    kept: tuple[int, ...] | None = None
    factors: tuple[int, ...] = _FACTORS
    kind: ChipKind = "random"

    def __post_init__(self) -> None:
        if self.chips < 1 or not self.seeds:
            raise SampleError(f"Expected one simulated chip or more, found {self.chips} from seed {self.first_seed}.")

    @property
    def name(self) -> str:
        """``simulated``, and the kind of the worlds unless chance decides that."""
        return "simulated" if self.kind == "random" else f"simulated {self.kind}"

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that are drawn from."""
        return tuple(range(self.first_seed, self.first_seed + self.chips)) if self.kept is None else self.kept

    @property
    def places(self) -> tuple[str, ...]:
        """A place a seed."""
        return tuple(sorted(str(seed) for seed in self.seeds))

    def restrict(self, places: frozenset[str]) -> SimulatedSource:
        """The same source with these seeds alone."""
        return replace(self, kept=tuple(seed for seed in self.seeds if str(seed) in places))

    def draw(self, rng: np.random.Generator, *, size: int) -> Sample:
        """A random part of a random chip, sometimes coarsened."""
        while True:
            seed = int(self.seeds[int(rng.integers(len(self.seeds)))])
            factor = int(rng.choice(self.factors))
            part = self._cut_part(seed, rng, min(size * factor, CHIP_PX))
            part = coarsen(part, factor, size) if factor > 1 else part
            if part.valid.any():
                return pad_sample(_as_sample(part, seed, 10.0 * factor), size)

    def _cut_part(self, seed: int, rng: np.random.Generator, size: int) -> Chip:
        """A part of a chip, laid around a pixel of the shore more often than not."""
        if self.cache is None:
            chip = self._simulate(seed)
            return cut(chip, _choose_corner(find_shore(np.rint(chip.fraction * 255)), rng, size), size)
        store, index = self._keep_chip(self.cache, seed)
        return store.read(index, corner=_choose_corner(store.find_shore(index), rng, size), size=size)

    def tiles(self, *, size: int) -> Iterator[Sample]:
        """Every chip, tile by tile, at 10 m."""
        for seed in self.seeds:
            chip = self.read_chip(seed)
            for row in range(0, CHIP_PX, size):
                for col in range(0, CHIP_PX, size):
                    part = cut(chip, (row, col), size)
                    if part.valid.any():
                        yield pad_sample(_as_sample(part, seed, 10.0), size)

    def read_chip(self, seed: int) -> Chip:
        """The chip of a seed, simulated where the cache does not have it.

        Args:
            seed: One of ``seeds``.
        """
        if self.cache is None:
            return self._simulate(seed)
        store, index = self._keep_chip(self.cache, seed)
        return store.read(index)

    def _simulate(self, seed: int) -> Chip:
        return simulate(seed, kind=self.kind)

    def _keep_chip(self, cache: Path, seed: int) -> tuple[ChipStore, int]:
        """The store, with the chip of a seed in it, and its number there."""
        store, index = _open_store(cache, self.first_seed, self.chips, self.kind), seed - self.first_seed
        if not store.holds(index):
            store.write(index, self._simulate(seed))
        return store, index


@lru_cache(maxsize=4)
def _open_store(cache: Path, first_seed: int, chips: int, kind: ChipKind) -> ChipStore:
    """The store of these seeds, opened once a process; a store of another simulator is refused."""
    folder = f"{first_seed}-{chips}" if kind == "random" else f"{first_seed}-{chips}-{kind}"
    store = ChipStore(cache / folder, capacity=chips, size=CHIP_PX, bands=len(L2A_STACK))
    if not store.holds(0):
        store.write(0, simulate(first_seed, kind=kind))
    elif not _is_same(store.read(0), simulate(first_seed, kind=kind)):
        raise TrainingError(f"{cache} holds chips of another version of the simulator: remove it.")
    return store


def _is_same(held: Chip, made: Chip) -> bool:
    return bool(np.abs(held.reflectance - made.reflectance).max() < 1e-4 and (held.valid == made.valid).all())


def cut(chip: Chip, corner: tuple[int, int], size: int) -> Chip:
    """A part of a chip, less where the chip ends.

    Args:
        chip: The chip.
        corner: First row and column.
        size: Rows and columns.
    """
    part = (slice(corner[0], corner[0] + size), slice(corner[1], corner[1] + size))
    return replace(chip, reflectance=chip.reflectance[:, *part], fraction=chip.fraction[part], valid=chip.valid[part])


def _choose_corner(shore: NDArray[np.intp], rng: np.random.Generator, size: int) -> tuple[int, int]:
    room = CHIP_PX - size
    row, col = (int(index) for index in rng.integers(0, room + 1, size=2))
    if rng.random() < _SHORE_CHANCE and room and len(shore):
        target = np.array(divmod(int(rng.choice(shore)), CHIP_PX))
        # anywhere in the part, not only at its centre
        row, col = np.clip(target - rng.integers(size // 4, size - size // 4, size=2), 0, room).tolist()
    return row, col


def _as_sample(chip: Chip, seed: int, resolution_m: float) -> Sample:
    return Sample(
        reflectance=chip.reflectance,
        fraction=chip.fraction,
        valid=chip.valid,
        place=str(seed),
        source="simulated",
        resolution_m=resolution_m,
    )


def pad_sample(sample: Sample, size: int) -> Sample:
    """The sample in the corner of ``size`` rows and columns; what lies beyond it is not valid, and NaN.

    Args:
        sample: No larger than ``size``.
        size: Rows and columns wanted.
    """
    height, width = sample.fraction.shape
    if (height, width) == (size, size):
        return sample
    margin = ((0, size - height), (0, size - width))

    def pad(array: NDArray[np.float32], value: float) -> NDArray[np.float32]:
        return np.pad(array, ((0, 0),) * (array.ndim - 2) + margin, constant_values=value)

    return replace(
        sample,
        reflectance=pad(sample.reflectance, np.nan),
        fraction=pad(sample.fraction, 0),
        valid=np.pad(sample.valid, margin),
    )
