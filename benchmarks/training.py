"""How fast training is, and whether the loader starves it.

    python benchmarks/training.py RECIPE [--steps 100] [--set KEY=VALUE ...]

Three medians from one process: steps on one batch that stays in memory, batches from the loader alone, and both
together as a training has them. The loader starves nothing where the last rate is 90% of the first or more.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from models.runtimes.torch_predictor import resolve_training_precision
from pipeline.training.data import Batch, DrawnTiles, Share, build_loader
from pipeline.training.module import build_augmentation, build_loss
from pipeline.training.recipe import Recipe, read_recipe
from pipeline.training.train import resolve_data

WARM_UP = 10


def build_step(recipe: Recipe, device: str) -> Callable[[Batch], None]:
    """One optimiser step on a batch, without Lightning around it: augment, forward, loss, backward, update."""
    from models.networks.architecture import build_network
    from models.networks.normalisation import Normalisation

    network = build_network(recipe.model.network).to(device, memory_format=torch.channels_last).train()
    normalise = Normalisation(mean=(0.1,) * 12, std=(0.1,) * 12, reflectance_range=(-0.2, 1.5))
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    augment, loss_of = build_augmentation(recipe), build_loss(recipe)
    generator = torch.Generator(device).manual_seed(1)
    half = resolve_training_precision(recipe.trainer.precision, device) != "32-true"

    def step(batch: Batch) -> None:
        tensors = [batch[name].to(device, non_blocking=True) for name in ("image", "fraction", "valid")]
        image, fraction, valid = augment(tensors[0], tensors[1], tensors[2], generator)
        present = image.isfinite().any(dim=(2, 3))
        with torch.autocast(device, dtype=torch.bfloat16, enabled=half):
            logits = network(normalise(image).contiguous(memory_format=torch.channels_last), present)
        loss = loss_of(logits.float(), fraction, valid)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if device == "cuda":
            torch.cuda.synchronize()

    return step


def time_each(action: Callable[[], object], count: int) -> float:
    """Median seconds of an action, after a warm-up."""
    seconds = []
    for index in range(WARM_UP + count):
        start = time.perf_counter()
        action()
        if index >= WARM_UP:
            seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def time_all(action: Callable[[], object], count: int) -> float:
    """Mean seconds of an action over many, after a warm-up: where a queue is drained, a median would flatter."""
    for _ in range(WARM_UP):
        action()
    start = time.perf_counter()
    for _ in range(count):
        action()
    return (time.perf_counter() - start) / count


def endless(recipe: Recipe, tiles: DrawnTiles, batches: int) -> Iterator[Batch]:
    """Batches as a training gets them."""
    loader = build_loader(
        tiles, batch=recipe.trainer.batch, batches=batches, workers=recipe.trainer.workers, share=Share()
    )
    while True:
        yield from loader


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--set", dest="changes", nargs="*", default=[])
    given = parser.parse_args()
    recipe = read_recipe(given.recipe, given.changes)
    with tempfile.TemporaryDirectory() as folder:
        data = resolve_data(recipe, Path(folder))
        tiles = DrawnTiles(source=data.learned, size=recipe.data.tile_px, seed=recipe.seed)
        batches = endless(recipe, tiles, given.steps)
        step, held = build_step(recipe, given.device), next(batches)
        alone = time_each(lambda: step(held), given.steps)
        loading = time_all(lambda: next(batches), given.steps)
        together = time_all(lambda: step(next(batches)), given.steps)
    rates = {name: recipe.trainer.batch / seconds for name, seconds in
             {"step": alone, "loader": loading, "both": together}.items()}  # fmt: skip
    facts = {name: round(rate, 1) for name, rate in rates.items()} | {"both/step": round(alone / together, 3)}
    print(json.dumps({"device": given.device, "tiles_per_s": facts, "recipe": recipe.model.name}))


if __name__ == "__main__":
    main()
