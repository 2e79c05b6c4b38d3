"""The tiles of an ablation, made once and kept: one from each of many simulated chips, so that no two share ground.

Networks that learned from these alone are measured on real crops too: a simulator flatters who learned from it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import TrainingError
from pipeline.atomic import open_draft
from pipeline.samples.simulated import SimulatedSource
from tiles.bands import L2A_STACK
from tiles.errors import SampleError
from tiles.samples.crops import LabelledCrops
from tiles.samples.sample import Sample

__all__ = ["TileSet", "read_real_tiles", "read_tiles"]

_DN = 10_000
_REAL_SEED = 2026
_MOST_DRAWS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TileSet:
    """Tiles with their truth.

    Attributes:
        reflectance: float32 (tile, 12, row, col) in the order of ``L2A_STACK``.
        fraction: float32 (tile, row, col), share of water, 0 to 1.
        valid: bool (tile, row, col), True where a pixel counts.
    """

    reflectance: NDArray[np.float32]
    fraction: NDArray[np.float32]
    valid: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.valid)

    def measure(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Mean and standard deviation of reflectance a band, over valid pixels: (12,) each."""
        pixels = np.moveaxis(self.reflectance, 1, 0)[:, self.valid]  # (12, pixel)
        return pixels.mean(axis=1, dtype=np.float64).astype(np.float32), pixels.std(axis=1, dtype=np.float64).astype(
            np.float32
        )


def read_tiles(
    path: Path, *, first_seed: int, count: int, size: int, progress: Callable[[float], None] = lambda _: None
) -> TileSet:
    """The tiles of these seeds, simulated where the file is not there yet.

    Args:
        path: An ``.npz`` file; written where it is not there.
        first_seed: Seed of the first chip; each next one gives the next tile.
        count: How many tiles.
        size: Rows and columns of a tile.
        progress: Told what share is made, 0 to 1.

    Raises:
        TrainingError: The file holds other tiles, or cannot be read.
    """
    made_of = json.dumps({"first_seed": first_seed, "count": count, "size": size})
    if not path.exists():
        samples = []
        for index in range(count):
            samples.append(_pack(_simulate_tile(first_seed + index, size)))
            progress((index + 1) / count)
        _write(path, samples, made_of)
    return _read(path, made_of)


def read_real_tiles(path: Path, *, scenes: str, count: int, size: int) -> TileSet:
    """Tiles of labelled real crops that have all 12 bands, drawn as for a training where the file is not there yet.

    Args:
        path: An ``.npz`` file; written where it is not there.
        scenes: Folder of the scenes.
        count: How many tiles.
        size: Rows and columns of a tile.

    Raises:
        SampleError: There are no crops, or none of the first hundred thousand draws has all bands.
        TrainingError: The file holds other tiles, or cannot be read.
    """
    made_of = json.dumps({"real": True, "count": count, "size": size})
    if not path.exists():
        source = LabelledCrops(root=Path(scenes))
        draws = (source.draw(np.random.default_rng([_REAL_SEED, index]), size=size) for index in range(_MOST_DRAWS))
        samples = list(islice((_pack(sample) for sample in draws if sample.present.all()), count))
        if not samples:
            raise SampleError(f"Expected labelled crops with all 12 bands in {scenes}, found none.")
        _write(path, samples, made_of)
    return _read(path, made_of)


def _read(path: Path, made_of: str) -> TileSet:
    try:
        with np.load(path, allow_pickle=False) as file:
            if str(file["made_of"]) != made_of:
                raise TrainingError(
                    f"Expected tiles {made_of}, found {file['made_of']} in {path}. Remove it, or use another folder."
                )
            return TileSet(
                reflectance=file["dn"].astype(np.float32) / np.float32(_DN),
                fraction=file["fraction"].astype(np.float32) / np.float32(255),
                valid=file["valid"],
            )
    except (OSError, KeyError, ValueError) as error:
        if isinstance(error, TrainingError):
            raise
        raise TrainingError(f"The tiles in {path} cannot be read ({error}): remove the file.") from error


def _simulate_tile(seed: int, size: int) -> Sample:
    source = SimulatedSource(first_seed=seed, chips=1, factors=(1,))
    return source.draw(np.random.default_rng(seed), size=size)


_Packed = tuple[NDArray[np.int16], NDArray[np.uint8], NDArray[np.bool_]]


def _pack(sample: Sample) -> _Packed:
    """What is kept of a tile, in memory of its own: a sample may be a view of a whole chip.

    As products hold it: int16 in units of 1/10000 keeps the file small, and nothing is lost that a product has.
    """
    assert len(sample.reflectance) == len(L2A_STACK)  # noqa: S101 (samples validate themselves)
    dn = np.clip(np.rint(np.nan_to_num(sample.reflectance, nan=0.0) * _DN), -32768, 32767).astype(np.int16)
    return dn, np.rint(255 * sample.fraction).astype(np.uint8), sample.valid.copy()


def _write(path: Path, tiles: Sequence[_Packed], made_of: str) -> None:
    dn, fraction, valid = (np.stack(part) for part in zip(*tiles, strict=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_draft(path) as draft, draft.open("wb") as file:
        np.savez(file, dn=dn, fraction=fraction, valid=valid, made_of=np.array(made_of))
