"""The learning itself, as a Lightning module: one step, one validation, the optimiser and its schedule."""

from __future__ import annotations

import math
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from models.losses.water import WaterLoss
from models.networks.network import Network
from models.networks.normalisation import Normalisation
from pipeline.samples.augmentation import Augmentation
from pipeline.samples.band_dropout import BandDropout
from pipeline.training.data import Batch
from pipeline.training.objectives import resolve_objective
from pipeline.training.recipe import Recipe
from tiles.bands import BANDS, L2A_STACK

__all__ = ["TrainingModule", "build_augmentation", "build_loss", "compute_rate"]


class TrainingModule(lightning.LightningModule):
    """A network, what it is asked for, and how it learns.

    Args:
        recipe: What the training is told.
        network: With weights to start from; takes an image (B, 12, H, W) and which bands are present (B, 12).
        normalise: From reflectance to the network's input.
    """

    def __init__(self, recipe: Recipe, network: Network, normalise: Normalisation) -> None:
        super().__init__()
        self.recipe = recipe
        self.network = network.to(memory_format=torch.channels_last)
        self.normalise = normalise
        self.augment = build_augmentation(recipe)
        self.objective = resolve_objective(network.config, build_loss(recipe))
        self.metrics = self.objective.build_metrics()
        self._batch_index = 0

    def forward(self, image: Tensor) -> Tensor:
        """What the network answers, in float32, to reflectance (B, 12, H, W); bands that are all NaN are absent."""
        inputs = self.normalise(image).contiguous(memory_format=torch.channels_last)
        present = image.isfinite().any(dim=(2, 3))  # (B, 12)
        answer: Tensor = self.network(inputs, present)
        return answer.float()

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        """Vary a training batch, on the device it has come to."""
        if not self.trainer.training:
            return batch
        key = [self.recipe.seed, self.trainer.current_epoch, self._batch_index, self.trainer.global_rank]
        self._batch_index += 1
        generator = torch.Generator(batch["image"].device)
        generator.manual_seed(int(np.random.SeedSequence(key).generate_state(1)[0]))
        image, fraction, valid = self.augment(batch["image"], batch["fraction"], batch["valid"], generator)
        return {"image": image, "fraction": fraction, "valid": valid}

    def on_train_epoch_start(self) -> None:
        """Count the batches of a round from its beginning, so that a resumed run varies them as an unbroken one."""
        self._batch_index = 0

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of a batch."""
        loss = self._compute_loss(batch, self(batch["image"]))
        self.log("train/loss", loss, on_step=False, on_epoch=True, prog_bar=True, batch_size=len(batch["image"]))
        return loss

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Measure tiles of places that are not learned from."""
        answer = self(batch["image"])
        count = len(batch["image"])
        loss = self._compute_loss(batch, answer)
        self.log("val/loss", loss, batch_size=count, sync_dist=True, prog_bar=True)
        self.objective.update_metrics(self.metrics, answer, self._want(batch), batch["fraction"], batch["valid"])
        self.log_dict(self.metrics, batch_size=count, prog_bar=True)

    def _compute_loss(self, batch: Batch, answer: Tensor) -> Tensor:
        return self.objective.compute_loss(answer, self._want(batch), batch["fraction"], batch["valid"])

    def _want(self, batch: Batch) -> Tensor:
        """The normalised image, NaN where nothing was known: what a reconstruction should give."""
        image = batch["image"]
        return self.normalise(image).where(image.isfinite(), torch.nan)

    def configure_optimizers(self) -> Any:  # noqa: ANN401 (Lightning's own type is a union of a dozen)
        """AdamW, its rate rising and falling with the steps."""
        settings = self.recipe.optimiser
        optimiser = AdamW(self.network.parameters(), lr=settings.rate, weight_decay=settings.weight_decay)
        steps = self.recipe.trainer.steps

        def compute_share(step: int) -> float:
            return compute_rate(step / steps, warm_up=settings.warm_up, last=settings.last)

        schedule = LambdaLR(optimiser, compute_share)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def compute_rate(done: float, *, warm_up: float, last: float) -> float:
    """Share of the highest learning rate: a linear rise, then a cosine down to what is left at the end.

    Args:
        done: Share of the steps that are over, 0 to 1.
        warm_up: Share of the steps over which it rises.
        last: What is left at the end.

    Source: Loshchilov & Hutter 2017, SGDR, arXiv:1608.03983.
    """
    if done < warm_up:
        return 0.02 + 0.98 * done / warm_up
    fallen = min(1.0, (done - warm_up) / (1 - warm_up))
    return last + (1 - last) * (1 + math.cos(math.pi * fallen)) / 2


def build_augmentation(recipe: Recipe) -> Augmentation:
    """The variations that a recipe asks for; bands are absent only for networks that can do without."""
    settings = recipe.augmentation
    bands = BandDropout(
        atmospheric=settings.absent_atmospheric, usual=settings.absent_usual, random=settings.absent_random
    )
    strengths = settings.model_dump(exclude={"absent_atmospheric", "absent_usual", "absent_random"})
    return Augmentation(
        wavelengths_nm=tuple(BANDS[name].wavelength_nm for name in L2A_STACK),
        bands=bands if recipe.model.network.get("any_channels", False) else None,
        **strengths,
    )


def build_loss(recipe: Recipe) -> WaterLoss:
    """The sum of losses that a recipe asks for; weights of zero need not be known to the loss."""
    return WaterLoss(**{name: weight for name, weight in recipe.loss.model_dump().items() if weight})
