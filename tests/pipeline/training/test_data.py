"""Which tiles a device draws, in which order, and what a batch of them is."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from pipeline.training import data
from pipeline.training.data import DrawnTiles, Share, build_loader, collate, draw_fixed
from tiles.samples.sample import Sample


class Numbers:
    """Each tile is a number that only the generator decides."""

    name, places = "numbers", ("p",)

    def draw(self, rng: np.random.Generator, *, size: int) -> Sample:
        value = np.float32(rng.random())
        return Sample(
            reflectance=np.full((12, size, size), value, np.float32),
            fraction=np.full((size, size), 0.25, np.float32),
            valid=np.ones((size, size), bool),
            place="p",
            source="s",
            resolution_m=10.0,
        )

    def tiles(self, *, size: int) -> Iterator[Sample]:
        raise NotImplementedError


TILES = DrawnTiles(source=Numbers(), size=4, seed=7)  # type: ignore[arg-type]


def expect(now: int, index: int) -> float:
    return float(np.float32(np.random.default_rng([7, now, index]).random()))


def read(share: Share, *, batch: int = 2, batches: int = 3) -> list[list[float]]:
    loader = build_loader(TILES, batch=batch, batches=batches, workers=0, share=share)
    assert len(loader) == batches
    return [part["image"][:, 0, 0, 0].tolist() for part in loader]


def test_a_tile_is_what_seed_round_and_index_make_of_it() -> None:
    assert float(TILES[3, 5].reflectance[0, 0, 0]) == expect(3, 5)
    assert TILES[3, 5].valid.shape == (4, 4)


def test_one_device_draws_all_of_a_round_and_then_the_next() -> None:
    share = Share()
    assert (share.rank, share.ranks) == (0, 1)
    loader = build_loader(TILES, batch=2, batches=3, workers=0, share=share)
    for now in range(3):
        drawn = [part["image"][:, 0, 0, 0].tolist() for part in loader]
        assert drawn == [
            [expect(now, 0), expect(now, 1)],
            [expect(now, 2), expect(now, 3)],
            [expect(now, 4), expect(now, 5)],
        ]


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_several_devices_take_turns(rank: int) -> None:
    drawn = read(Share(rank=rank, ranks=3, get_round=lambda: 9), batches=2)
    assert drawn == [[expect(9, rank), expect(9, rank + 3)], [expect(9, rank + 6), expect(9, rank + 9)]]


def test_a_batch_stacks_samples() -> None:
    batch = collate([TILES[0, 0], TILES[0, 1], TILES[0, 2]])
    assert {name: (tuple(part.shape), part.dtype) for name, part in batch.items()} == {
        "image": ((3, 12, 4, 4), torch.float32),
        "fraction": ((3, 4, 4), torch.float32),
        "valid": ((3, 4, 4), torch.bool),
    }
    assert float(batch["fraction"].min()) == 0.25


def test_tiles_to_measure_on_are_of_a_round_that_never_comes() -> None:
    fixed = draw_fixed(Numbers(), count=2, size=3, seed=7)  # type: ignore[arg-type]
    assert [float(sample.reflectance[0, 0, 0]) for sample in fixed] == [
        expect(2_147_483_648, 0),
        expect(2_147_483_648, 1),
    ]
    assert fixed[0].valid.shape == (3, 3)


@pytest.mark.parametrize("workers", [0, 2])
def test_processes_that_draw_ahead_are_set_up_for_it(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    loader = build_loader(TILES, batch=2, batches=1, workers=workers, share=Share())
    assert (loader.num_workers, loader.persistent_workers) == (workers, workers > 0)
    assert loader.prefetch_factor == (8 if workers else None)
    assert loader.pin_memory == torch.cuda.is_available()
    told: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", told.append)
    data._use_one_thread(3)
    assert told == [1]
    if workers:
        assert loader.multiprocessing_context.get_start_method() == "spawn"
        assert loader.worker_init_fn is data._use_one_thread
