"""The plain training loop of an ablation, the same for every network: until the loss on other tiles stops falling.

A fixed number of steps would stop a training from many tiles long before one from few has seen all of its own, and so
make little data look as good as much. It has no averaging and only flips and quarter turns, so that what is compared is
what is being asked about. Trainings that are meant to give a good model are elsewhere (``pipeline.training.train``).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import ReduceLROnPlateau

from models.losses.water import WaterLoss
from models.measures.metrics import Confusion, compute_confusion
from models.networks.autoencoder import compute_reconstruction_loss
from models.networks.classifier import compute_class_loss, compute_tile_class
from models.networks.network import Network
from models.runtimes.torch_predictor import resolve_training_precision
from pipeline.ablation.recipe import FitRecipe
from pipeline.ablation.tiles import TileSet

__all__ = ["Batch", "Batches", "Fitted", "LossOf", "fit", "loss_of_image", "loss_of_kind", "loss_of_map", "measure"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Some tiles.

    Attributes:
        image: (B, C, H, W), normalised.
        fraction: (B, H, W), share of water.
        valid: (B, H, W), True where a pixel counts.
    """

    image: Tensor
    fraction: Tensor
    valid: Tensor


_MEASURED_AT_ONCE = 50

LossOf = Callable[[Tensor, Batch], Tensor]
"""What a network's answer is worth, given the batch."""


def loss_of_map(answer: Tensor, batch: Batch) -> Tensor:
    """Cross-entropy of logits with the share of water."""
    return WaterLoss()(answer, batch.fraction, batch.valid)


def loss_of_image(answer: Tensor, batch: Batch) -> Tensor:
    """Squared error of a reconstructed image; no label is looked at."""
    return compute_reconstruction_loss(answer, batch.image)


def loss_of_kind(answer: Tensor, batch: Batch) -> Tensor:
    """Cross-entropy of what a tile shows: land, water or shore."""
    return compute_class_loss(answer, compute_tile_class(batch.fraction, batch.valid))


class Batches:
    """Random batches of a part of the tiles, turned and mirrored somehow.

    Args:
        tiles: All tiles.
        chosen: Which of them.
        channels: Which bands.
        scale: Mean and standard deviation of all 12 bands.
    """

    def __init__(
        self, tiles: TileSet, *, chosen: Sequence[int], channels: Sequence[int], scale: tuple[np.ndarray, np.ndarray]
    ) -> None:
        mean, std = (values[list(channels)][:, None, None] for values in scale)
        index = np.asarray(chosen)
        # One tile after another: the whole pool as fp32 twice over would be the peak of the command.
        images = [(tiles.reflectance[i][list(channels)] - mean) / std for i in index]
        self.image = torch.from_numpy(np.stack(images))
        self.fraction = torch.from_numpy(tiles.fraction[index])
        self.valid = torch.from_numpy(tiles.valid[index])

    def draw(self, rng: np.random.Generator, batch: int) -> Batch:
        """A random batch: each tile once before any comes again within it.

        Args:
            rng: Source of chance.
            batch: How many tiles.
        """
        picked: list[int] = []
        while len(picked) < batch:
            picked += rng.permutation(len(self.image))[: batch - len(picked)].tolist()
        turns, flip = int(rng.integers(4)), bool(rng.integers(2))

        def apply(part: Tensor) -> Tensor:
            turned = torch.rot90(part[picked], turns, dims=(-2, -1))
            return turned.flip(-1) if flip else turned

        return Batch(image=apply(self.image), fraction=apply(self.fraction), valid=apply(self.valid))

    def list_all(self, size: int) -> Iterator[Batch]:
        """Every tile once, as it is.

        Args:
            size: Tiles a batch; the last may have fewer.
        """
        for start in range(0, len(self.image), size):
            part = slice(start, start + size)
            yield Batch(image=self.image[part], fraction=self.fraction[part], valid=self.valid[part])


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """How a training went.

    Attributes:
        loss: The lowest loss of the validation, whose weights are kept.
        steps: After how many steps that was.
    """

    loss: float
    steps: int


def fit(
    network: Network, batches: Batches, validation: Batches, loss_of: LossOf, *, recipe: FitRecipe, seed: int
) -> Fitted:
    """Let a network learn until it stops getting better on other tiles, and leave it in evaluation mode at its best.

    Args:
        network: Learns in place.
        batches: What from.
        validation: Tiles that say when to stop; never learned from.
        loss_of: What is made small.
        recipe: How, and how long at most.
        seed: Decides the order.

    Returns:
        The lowest loss of the validation, and when that was.
    """
    recipe = recipe.model_copy(update={"precision": resolve_training_precision(recipe.precision, "cpu")})
    rng = np.random.default_rng(seed)
    optimiser = AdamW(network.parameters(), lr=recipe.rate, weight_decay=1e-2)
    schedule = ReduceLROnPlateau(optimiser, factor=1 / 3, patience=recipe.patience // 2, threshold=0.0)
    network.to(memory_format=torch.channels_last)
    best, weights = Fitted(loss=math.inf, steps=0), copy.deepcopy(network.state_dict())
    for start in range(0, recipe.steps, recipe.round_steps):
        end = min(start + recipe.round_steps, recipe.steps)
        network.train()
        for _ in range(start, end):
            _take_step(network, optimiser, batches.draw(rng, recipe.batch), loss_of, recipe)
        network.eval()
        loss = _validate(network, validation, loss_of)
        schedule.step(loss)
        if loss < best.loss:
            best, weights = Fitted(loss=loss, steps=end), copy.deepcopy(network.state_dict())
        if end - best.steps >= recipe.patience * recipe.round_steps:
            break
    network.load_state_dict(weights)
    return best


def _take_step(network: Network, optimiser: AdamW, batch: Batch, loss_of: LossOf, recipe: FitRecipe) -> None:
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=recipe.precision == "bf16-mixed"):
        answer = network(batch.image.contiguous(memory_format=torch.channels_last))
    loss = loss_of(answer.float(), batch)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimiser.step()


def _validate(network: Network, validation: Batches, loss_of: LossOf) -> float:
    """The mean loss of the validation tiles, as they are."""
    losses, counts = [], []
    with torch.inference_mode():
        for batch in validation.list_all(_MEASURED_AT_ONCE):
            answer = network(batch.image.contiguous(memory_format=torch.channels_last))
            losses.append(float(loss_of(answer.float(), batch)))
            counts.append(len(batch.image))
    return float(np.average(losses, weights=counts))


def measure(network: Network, batches: Batches) -> Confusion:
    """Count the valid pixels by truth and answer, all tiles together.

    Args:
        network: In evaluation mode.
        batches: What it is measured on; each tile once, as it is.
    """
    total = Confusion()
    with torch.inference_mode():
        for batch in batches.list_all(_MEASURED_AT_ONCE):
            logits = network(batch.image.contiguous(memory_format=torch.channels_last))
            water = (logits[:, 1] > logits[:, 0]).numpy()
            total += compute_confusion(water, (batch.fraction > 0.5).numpy(), batch.valid.numpy())
    return total
