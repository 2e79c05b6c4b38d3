"""How fast training is on a device, and how much of a recipe fits into a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.training import build_step
from models.runtimes.torch_predictor import resolve_training_precision
from pipeline.samples.simulated import SimulatedSource
from pipeline.training.data import Batch
from pipeline.training.recipe import read_recipe, resolve_recipe

FIRST_SEED = 1_000_000
"""Of the chips that ``pretrain_small`` learns from."""

MOST_CHIPS, LEAST_CHIPS = 1000, 24
CHIPS_SHARE, STEPS_SHARE = 0.25, 0.6
"""Of a training's time: what chips may take, and of the rest what steps may, since rounds are measured and kept."""

ROUND_S = 40.0
GPU_BATCH = 64
STEPS = (("pretrain_small", 8), ("pretrain_small", 64), ("pretrain_small", 256), ("wider", 8), ("wider", 64))
WARM_UP, RUNS, LONGEST_S = 2, 30, 5.0


def measure_steps(device: str, *, limit_s: float, only: int | None = None) -> Iterator[dict[str, Any]]:
    """Optimiser steps on a batch that stays on the device: augment, forward, loss, backward, update.

    Args:
        device: ``cpu`` or ``cuda``; the processor takes batches of 8 alone.
        limit_s: Seconds after which no further one begins.
        only: Measure the small network with a batch of this size, and nothing else.
    """
    ended = time.monotonic() + 0.8 * limit_s
    wanted = STEPS if only is None else (("pretrain_small", only),)
    for name, batch in wanted:
        facts = {"recipe": name, "batch": batch, "precision": resolve_training_precision("auto", device)}
        if device == "cpu" and batch > 8 and only is None:
            yield facts | {"error": "not measured: for a GPU"}
        elif time.monotonic() > ended and only is None:
            yield facts | {"error": "not measured: no time was left"}
        else:
            seconds = _time_step(name, batch, device)
            memory = round(torch.cuda.max_memory_allocated() / 2**20) if device == "cuda" else None
            rates = {"steps_per_s": round(1 / seconds, 2), "tiles_per_s": round(batch / seconds, 1)}
            yield facts | rates | {"peak_memory_mib": memory}


def _time_step(name: str, batch: int, device: str) -> float:
    """Mean seconds of a step."""
    recipe = read_recipe(resolve_recipe(name), ["data.root=."] if name == "wider" else [])
    step, held = build_step(recipe, device), _make_batch(batch, recipe.data.tile_px, device)
    for _ in range(WARM_UP):
        step(held)
    began, count = time.perf_counter(), 0
    while count < RUNS and (count < 2 or time.perf_counter() - began < LONGEST_S):
        step(held)
        count += 1
    return (time.perf_counter() - began) / count


def _make_batch(count: int, size: int, device: str) -> Batch:
    generator = torch.Generator().manual_seed(count)
    image = torch.rand((count, 12, size, size), generator=generator) * 0.4
    fraction = torch.rand((count, size, size), generator=generator).round()
    batch = {"image": image, "fraction": fraction, "valid": torch.ones_like(fraction, dtype=torch.bool)}
    return {name: tensor.to(device) for name, tensor in batch.items()}


def time_chip() -> float:
    """Seconds that a simulated chip takes on one core."""
    source = SimulatedSource(first_seed=FIRST_SEED, chips=3)
    source.read_chip(FIRST_SEED)
    began = time.perf_counter()
    for index in (1, 2):
        source.read_chip(FIRST_SEED + index)
    return (time.perf_counter() - began) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedTraining:
    """What of a recipe is changed so that it fits into a time.

    Attributes:
        changes: Settings that replace those of the recipe.
        batch: Tiles a step.
        workers: Processes.
        chips: How many simulated chips are learned from; 0 where the recipe's own sources are.
        cache: Folder that keeps them.
        steps: Optimiser steps.
        round_steps: Steps after which the state is kept.
    """

    changes: tuple[str, ...]
    batch: int
    workers: int
    chips: int = 0
    cache: Path | None = None
    steps: int = 0
    round_steps: int = 0

    def plan_chips(self, chip_s: float, *, seconds: float, cache: Path) -> PlannedTraining:
        """As many chips as a share of the time is enough for, unless the sources were given.

        Args:
            chip_s: Seconds that one takes on a core.
            seconds: Of the training.
            cache: Where they are kept.
        """
        if any(change.startswith("data.parts") for change in self.changes):
            return replace(self, changes=(*self.changes, f"data.cache={cache}"))
        affordable = int(CHIPS_SHARE * seconds * max(1, self.workers) / chip_s)
        chips = max(LEAST_CHIPS, min(MOST_CHIPS, affordable))
        source = f"data.parts.0.source=simulated:{FIRST_SEED}-{FIRST_SEED + chips - 1}"
        held_out = f"data.parts.0.held_out={max(0.03, 3 / chips):.3f}"
        changes = (*self.changes, source, held_out, f"data.cache={cache}")
        return replace(self, chips=chips, cache=cache, changes=changes)

    def simulate(self, index: int) -> None:
        """Make a chip that the training will find."""
        SimulatedSource(first_seed=FIRST_SEED, chips=self.chips, cache=self.cache).read_chip(FIRST_SEED + index)

    def plan_steps(self, steps_per_s: float, *, seconds: float) -> PlannedTraining:
        """As many steps as the time is enough for, in rounds whose states can go out every minute.

        Args:
            steps_per_s: Of the device.
            seconds: That are left.
        """
        steps = max(10, int(STEPS_SHARE * seconds * steps_per_s))
        round_steps = max(5, min(steps // 2, int(ROUND_S * steps_per_s)))
        changes = (*self.changes, f"trainer.steps={steps}", f"trainer.round_steps={round_steps}")
        return replace(self, steps=steps, round_steps=round_steps, changes=changes)


def plan_recipe(name: str, changes: tuple[str, ...], *, cores: int, on_gpu: bool) -> PlannedTraining:
    """A recipe's settings for this machine; what is given goes before.

    Args:
        name: Of the recipe.
        changes: Settings that replace those of the recipe.
        cores: Of the processor.
        on_gpu: Whether there is a GPU.
    """
    workers = max(0, cores - 2)
    own = [f"trainer.workers={workers}", "trainer.accelerator=auto", "trainer.pictures=0"]
    if on_gpu:
        own.append(f"trainer.batch={GPU_BATCH}")
    kept = [change for change in own if change.partition("=")[0] not in {c.partition("=")[0] for c in changes}]
    merged = (*kept, *changes)
    recipe = read_recipe(resolve_recipe(name), merged)
    return PlannedTraining(changes=merged, batch=recipe.trainer.batch, workers=max(1, workers))
