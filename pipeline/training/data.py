"""Batches for training: every tile is drawn by a generator of its own, so order, processes and restarts change none.

Tile ``i`` of round ``r`` is what ``source.draw`` makes of the generator ``[seed, r, i]``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from tiles.samples.sample import Sample, SampleSource

__all__ = ["Batch", "DrawnTiles", "Share", "build_loader", "collate", "draw_fixed"]

Batch = dict[str, Tensor]
"""``image`` (B, 12, H, W) float32 with NaN, ``fraction`` (B, H, W) float32, ``valid`` (B, H, W) bool."""

_VALIDATION_ROUND = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnTiles(Dataset[Sample]):
    """Tiles by round and index.

    Attributes:
        source: What they are drawn from.
        size: Rows and columns.
        seed: Of the run.
    """

    source: SampleSource
    size: int
    seed: int

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        return self.source.draw(np.random.default_rng([self.seed, *key]), size=self.size)


class _RoundSampler(Sampler[tuple[int, int]]):
    """The keys of one round: this device's share of them, in order."""

    def __init__(self, *, count: int, rank: int, ranks: int, get_round: Callable[[], int]) -> None:
        self.count = count
        self.rank = rank
        self.ranks = ranks
        self.get_round = get_round

    def __iter__(self) -> Iterator[tuple[int, int]]:
        now = self.get_round()
        return ((now, index) for index in range(self.rank, self.count * self.ranks, self.ranks))

    def __len__(self) -> int:
        return self.count


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Which part of each round is one device's.

    Attributes:
        rank: Which device this is, counted from 0.
        ranks: How many devices there are.
        get_round: Says which round begins. Lightning's own count of epochs will not do: after a restart its
            samplers are told another than its modules.
    """

    rank: int = 0
    ranks: int = 1
    get_round: Callable[[], int] = field(default_factory=lambda: count().__next__)


def build_loader(tiles: DrawnTiles, *, batch: int, batches: int, workers: int, share: Share) -> DataLoader[Any]:
    """A loader of one device's batches, round after round.

    Args:
        tiles: What to draw.
        batch: Tiles a batch.
        batches: Batches a round.
        workers: Processes that draw ahead; 0 draws in this one.
        share: Which part of them is this device's.
    """
    keys = _RoundSampler(count=batch * batches, rank=share.rank, ranks=share.ranks, get_round=share.get_round)
    return DataLoader(
        tiles,
        batch_size=batch,
        sampler=keys,
        num_workers=workers,
        collate_fn=collate,
        # "spawn", since a fork would inherit the locks of threads that are at work
        multiprocessing_context="spawn" if workers else None,
        persistent_workers=workers > 0,
        prefetch_factor=8 if workers else None,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=_use_one_thread if workers else None,
    )


def _use_one_thread(_worker: int) -> None:
    torch.set_num_threads(1)


def collate(samples: list[Sample]) -> Batch:
    """One batch of samples of one size.

    Args:
        samples: At least one.
    """
    return {
        "image": torch.from_numpy(np.stack([sample.reflectance for sample in samples])),
        "fraction": torch.from_numpy(np.stack([sample.fraction for sample in samples])),
        "valid": torch.from_numpy(np.stack([sample.valid for sample in samples])),
    }


def draw_fixed(source: SampleSource, *, count: int, size: int, seed: int) -> list[Sample]:
    """Tiles that are the same after each round.

    Args:
        source: What they are drawn from: places that are not learned from.
        count: How many.
        size: Rows and columns.
        seed: Of the run.
    """
    tiles = DrawnTiles(source=source, size=size, seed=seed)
    return [tiles[_VALIDATION_ROUND, index] for index in range(count)]
