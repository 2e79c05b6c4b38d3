"""A training: batches from a store of chips, one step after another until the time is up."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import AdamW
from torch.optim.swa_utils import AveragedModel

from models.errors import TrainingError
from models.losses import WaterLoss
from models.normalisation import Normalisation
from models.unet import UNet, UNetConfig
from pipeline.augmentation import Augmentation, coarsen, turn
from pipeline.chips import Chip, ChipStore
from pipeline.training_state import Progress, read_state, write_state
from tiles.bands import BANDS, L2A_STACK

__all__ = ["OPTIONAL_BANDS", "Options", "Trainer", "build_augmentation", "compute_rate"]

LOG = logging.getLogger("train")
OPTIONAL_BANDS = ("B01", "B09")
"""Bands of 60 m that a model may do without: training often drops them."""

TILE_PX = 128
COARSE = (1, 1, 1, 1, 1, 1, 2, 3, 6)  # pixels of 10, 20, 30 and 60 m
SAVE_EVERY_S = 120.0
TELL_EVERY = 100
SHORE_CHANCE = 0.6
TILES_A_CHIP = 20  # how often a chip is used before the next is made: simulating costs as much as eight tiles


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a run is told.

    Attributes:
        out: Folder of the store, the state, the log and the model.
        minutes: Wall time of learning, over all runs in this folder.
        seed: Decides chips, first weights and order.
        batch: Tiles a step.
        rate: Highest learning rate.
        capacity: Chips in the store.
        config: Hyperparameters of the network.
        loss: The loss.
        warm_chips: How many chips must be there before learning starts.
        held_out: How many chips of other seeds measure the result.
    """

    out: Path
    minutes: float = 45.0
    seed: int = 1
    batch: int = 8
    rate: float = 2e-3
    capacity: int = 800
    config: UNetConfig = field(default_factory=UNetConfig)
    loss: WaterLoss = field(default_factory=lambda: WaterLoss(shore_gain=2.0))
    warm_chips: int = 64
    held_out: int = 64

    def __post_init__(self) -> None:
        if not (self.minutes > 0 and self.batch > 0 and 0 < self.warm_chips <= self.capacity and self.held_out > 0):
            raise TrainingError(
                f"Expected positive minutes, batch and counts, and warm_chips <= capacity; found {self}."
            )


class Trainer:
    """Network, averaged network and optimiser, and where they stand.

    Args:
        options: What the run is told.
        store: Where its chips are.
    """

    def __init__(self, options: Options, store: ChipStore) -> None:
        torch.manual_seed(options.seed)
        self.options = options
        self.store = store
        self.network = options.config.build().to(memory_format=torch.channels_last)
        self.average: AveragedModel = AveragedModel(self.network, multi_avg_fn=_average, use_buffers=True)
        self.optimiser = AdamW(self.network.parameters(), lr=options.rate, weight_decay=1e-2)
        self._state = options.out / "state.safetensors"
        if self._state.exists():
            self.progress = read_state(self._state, self._networks, self.optimiser)
            LOG.info("going on at step %d", self.progress.step)
        else:
            mean, std = measure_channels(store, np.random.default_rng(options.seed))
            self.progress = Progress(step=0, seconds=0.0, mean=mean, std=std)
        self.generator = torch.Generator().manual_seed(options.seed * 1_000_003 + self.progress.step)
        self.normalise = Normalisation(mean=self.progress.mean, std=self.progress.std, reflectance_range=(-0.2, 1.5))
        self.augment = build_augmentation()

    @property
    def _networks(self) -> dict[str, nn.Module]:
        return {"network": self.network, "average": self.average}

    @property
    def best(self) -> UNet:
        """The averaged network, in evaluation mode."""
        network = self.options.config.build()
        network.load_state_dict(self.average.module.state_dict())
        return network.eval()

    def save(self) -> None:
        """Keep the state, so that a stopped run can go on."""
        write_state(self._state, self._networks, self.optimiser, self.progress)

    def run(self) -> None:
        """Learn until the time is up."""
        budget, saved, losses = self.options.minutes * 60, self.progress.seconds, []
        seed = self.options.seed * 7919 + self.progress.step
        with prefetched(self.store, seed, self.options.batch) as batches:
            self.network.train()
            while self.progress.seconds < budget:
                start = time.monotonic()
                losses.append(self.step(next(batches), done=self.progress.seconds / budget))
                self._advance(time.monotonic() - start)
                if self.progress.seconds - saved > SAVE_EVERY_S:
                    saved = self.progress.seconds
                    self.save()
                if self.progress.step % TELL_EVERY == 0:
                    self._tell(losses[-TELL_EVERY:])
        self.save()

    def step(self, chips: list[Chip], *, done: float) -> float:
        """Learn from one batch.

        Args:
            chips: The tiles of the batch.
            done: Share of the run that is over, 0 to 1; decides the learning rate.

        Returns:
            The loss.
        """
        image, fraction, valid = stack(chips)  # (B, C, H, W), (B, H, W), (B, H, W)
        image, valid = self.augment(image, valid, self.generator)
        for group in self.optimiser.param_groups:
            group["lr"] = self.options.rate * compute_rate(done)
        inputs = self.normalise(image).to(memory_format=torch.channels_last)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = self.network(inputs)
        loss = self.options.loss(logits, fraction, valid)
        self._judge(chips, logits.detach().float(), fraction, valid)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.average.update_parameters(self.network)
        return float(loss.detach())

    def _judge(self, chips: list[Chip], logits: Tensor, fraction: Tensor, valid: Tensor) -> None:
        error = (torch.sigmoid(logits[:, 1] - logits[:, 0]) - fraction).abs() * valid  # (B, H, W)
        errors = error.sum(dim=(1, 2)) / valid.sum(dim=(1, 2)).clamp_min(1)
        for chip, value in zip(chips, errors.tolist(), strict=True):
            if chip.serial >= 0:
                self.store.judge(chip, value)

    def _advance(self, seconds: float) -> None:
        now = self.progress
        self.store.want(self.options.warm_chips + (now.step + 1) * self.options.batch // TILES_A_CHIP)
        self.progress = replace(now, step=now.step + 1, seconds=now.seconds + seconds)

    def _tell(self, losses: list[float]) -> None:
        now, filled = self.progress, self.store.filled
        rate = now.step * self.options.batch / max(now.seconds, 1e-9)
        facts = (now.step, now.seconds / 60, float(np.mean(losses)), rate, filled, self.store.next_serial)
        LOG.info("step %d, %.1f min, loss %.4f, %.0f tiles/s, %d chips kept of %d made", *facts)


def compute_rate(done: float) -> float:
    """Share of the highest learning rate: a linear rise over the first 3%, then a cosine down to 1%.

    Args:
        done: Share of the run that is over, 0 to 1.

    Source: Loshchilov & Hutter 2017, SGDR, arXiv:1608.03983.
    """
    if done < 0.03:
        return 0.02 + 0.98 * done / 0.03
    return 0.01 + 0.99 * (1 + math.cos(math.pi * min(1.0, (done - 0.03) / 0.97))) / 2


def _average(averages: Sequence[Tensor], values: Sequence[Tensor], count: Tensor | int) -> None:
    steps = float(count)
    keep = min(0.9985, (1 + steps) / (10 + steps))  # short memory at first, when the weights still run away
    for average, value in zip(averages, values, strict=True):
        if average.is_floating_point():
            average.lerp_(value, 1 - keep)
        else:  # a norm's counter
            average.copy_(value)


def build_augmentation() -> Augmentation:
    """The variations that the bundled model is trained with."""
    often = dict.fromkeys(OPTIONAL_BANDS, 0.12)
    return Augmentation(
        wavelengths_nm=tuple(BANDS[name].wavelength_nm for name in L2A_STACK),
        dropout=tuple(often.get(name, 0.015) for name in L2A_STACK),
    )


def measure_channels(store: ChipStore, rng: np.random.Generator) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of reflectance a channel, over valid pixels of chips in the store."""
    parts = [chip for _ in range(200) if (chip := store.read(rng, size=TILE_PX)) is not None]
    pixels = np.concatenate([part.reflectance[:, part.valid] for part in parts], axis=1)  # (band, pixel)
    mean, std = pixels.mean(axis=1, dtype=np.float64), pixels.std(axis=1, dtype=np.float64)
    return tuple(round(float(value), 4) for value in mean), tuple(round(float(value), 4) for value in std)


def draw_tile(store: ChipStore, rng: np.random.Generator) -> Chip:
    """A random tile: some chip, some part, some pixel size, turned somehow."""
    factor = int(rng.choice(COARSE))
    chip = None
    while chip is None:
        chip = store.read(rng, size=min(TILE_PX * factor, store.size), shore_chance=SHORE_CHANCE)
    return turn(coarsen(chip, factor, TILE_PX), int(rng.integers(4)), flipped=bool(rng.integers(2)))


def stack(chips: list[Chip]) -> tuple[Tensor, Tensor, Tensor]:
    """A batch: reflectance (B, C, H, W), fraction (B, H, W), valid (B, H, W)."""

    def join(arrays: list[NDArray[np.float32]] | list[NDArray[np.bool_]]) -> Tensor:
        return torch.from_numpy(np.stack(arrays))

    return join([c.reflectance for c in chips]), join([c.fraction for c in chips]), join([c.valid for c in chips])


@contextmanager
def prefetched(store: ChipStore, seed: int, batch: int) -> Iterator[Iterator[list[Chip]]]:
    """Batches that a thread draws ahead of time."""
    rng = np.random.default_rng(seed)
    waiting: queue.Queue[list[Chip]] = queue.Queue(maxsize=6)
    stopped = threading.Event()

    def draw() -> None:
        while not stopped.is_set():
            drawn = [draw_tile(store, rng) for _ in range(batch)]
            while not stopped.is_set():
                try:
                    waiting.put(drawn, timeout=0.2)
                    break
                except queue.Full:
                    continue

    thread = threading.Thread(target=draw, daemon=True)
    thread.start()
    try:
        yield iter(waiting.get, None)
    finally:
        stopped.set()
        thread.join()
