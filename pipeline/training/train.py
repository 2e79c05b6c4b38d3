"""Train a model from a recipe, and go on with a training that was stopped.

A run is a folder: ``recipe.yaml`` as it was resolved, ``last.ckpt`` (the state after the last whole round),
``metrics.csv`` and TensorBoard's files, and in the end the model file with its card.
"""

from __future__ import annotations

import copy
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import torch
from lightning.fabric.utilities import rank_zero_only
from lightning.pytorch.callbacks import Callback, EarlyStopping, EMAWeightAveraging, ModelCheckpoint, Timer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import Tensor
from torch.utils.data import DataLoader

from models.errors import TrainingError
from models.networks.architecture import build_network
from models.networks.autoencoder import Autoencoder
from models.networks.checkpoint import Model, read_model
from models.networks.classifier import Classifier
from models.networks.network import Network
from models.networks.normalisation import Normalisation
from models.networks.unet import UNet
from models.networks.widening import carry_encoder, widen
from models.runtimes.registry import load_model
from models.runtimes.torch_predictor import resolve_training_precision
from pipeline.samples.sources import resolve_source
from pipeline.training.card import Effort, write_trained_model
from pipeline.training.data import DrawnTiles, Share, build_loader, collate, draw_fixed
from pipeline.training.module import TrainingModule
from pipeline.training.pictures import PictureLog
from pipeline.training.recipe import Recipe, read_recipe, resolve_recipe, write_recipe
from tiles.samples.mixture import Mixture
from tiles.samples.sample import Sample, SampleSource, list_label_shares, split_places

__all__ = ["RECIPE_FILE", "STATE_FILE", "TrainingData", "resolve_data", "resume", "train"]

RECIPE_FILE = "recipe.yaml"
STATE_FILE = "last.ckpt"
_MEASURED_TILES = 200
_WIDENING_NOISE = 0.02
_FIRST_AVERAGED = 20
"""The weights run away from chance in the first steps, which an average should forget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingData:
    """What is learned from, and what is held out.

    Attributes:
        learned: A mixture of the sources, without the places held out.
        held_out: A mixture of the places held out; ``None`` where no source holds any out.
    """

    learned: SampleSource
    held_out: SampleSource | None


def train(
    recipe: Recipe | Path | str,
    run: Path | str,
    *,
    changes: Sequence[str] = (),
    progress: bool = False,
    notify: Callable[[str], None] = warnings.warn,
) -> Path:
    """Train from the beginning.

    Args:
        recipe: What the training is told: a recipe, its file, or the name of one that comes with Strandline.
        run: Folder of the run; made where it is not there.
        changes: Settings that replace those of a file, as ``data.root=/data/SWED``.
        progress: Whether to draw a progress bar.
        notify: Told what is doubtful about the labels, a sentence each, before anything is learned.

    Returns:
        The model file.

    Raises:
        TrainingError: There is no such recipe, the folder holds a run already, or the recipe asks for what cannot be.
        SampleError: The data is missing or cannot be divided.
    """
    run = Path(run)
    if not isinstance(recipe, Recipe):
        recipe = read_recipe(resolve_recipe(str(recipe)), changes)
    elif changes:
        raise TrainingError("Changes go with the file or name of a recipe: change the Recipe itself (model_copy).")
    recipe = _settle_precision(recipe)
    if getattr(rank_zero_only, "rank", 0) == 0:  # with DDP, the other processes come here after the first
        if (run / RECIPE_FILE).exists():
            raise TrainingError(
                f"{run} holds a training already: go on with it (--resume {run}), or choose another folder."
            )
        run.mkdir(parents=True, exist_ok=True)
        write_recipe(run / RECIPE_FILE, recipe)
    return _fit(recipe, run, progress=progress, notify=notify)


def _settle_precision(recipe: Recipe) -> Recipe:
    """The recipe with what ``auto`` comes to here, which a run that goes on elsewhere keeps."""
    settings = recipe.trainer
    device = "cuda" if settings.accelerator != "cpu" and torch.cuda.is_available() else "cpu"
    precision = resolve_training_precision(settings.precision, device)
    return recipe.model_copy(update={"trainer": settings.model_copy(update={"precision": precision})})


def resume(
    run: Path,
    changes: Sequence[str] = (),
    *,
    progress: bool = False,
    notify: Callable[[str], None] = warnings.warn,
) -> Path:
    """Go on with a training where its last whole round ended; the weights come out as if it was never stopped.

    Args:
        run: Folder of the run.
        changes: Settings of the trainer that replace those of the run, as ``trainer.steps=20000``; they are kept.
        progress: Whether to draw a progress bar.
        notify: Told what is doubtful about the labels, a sentence each, before anything is learned.

    Returns:
        The model file.

    Raises:
        TrainingError: There is no run in that folder, or a change would make it another training.
    """
    path = run / RECIPE_FILE
    if not path.is_file():
        raise TrainingError(f"Expected a run with {RECIPE_FILE} in {run}, found none: start one with strandline train.")
    foreign = [change for change in changes if not change.startswith("trainer.")]
    if foreign:
        raise TrainingError(f"A run that goes on takes settings of the trainer alone, found {', '.join(foreign)}.")
    recipe = _settle_precision(read_recipe(path, changes))
    if changes and getattr(rank_zero_only, "rank", 0) == 0:
        write_recipe(path, recipe)
    return _fit(recipe, run, progress=progress, notify=notify)


def _fit(recipe: Recipe, run: Path, *, progress: bool, notify: Callable[[str], None]) -> Path:
    lightning.seed_everything(recipe.seed, verbose=False)
    data = resolve_data(recipe, run)
    labels = list_label_shares(data.learned)
    if getattr(rank_zero_only, "rank", 0) == 0:
        for doubt in [doubt for shares in labels for doubt in shares.doubts]:
            notify(doubt)
    network = _build_network(recipe)
    first = copy.deepcopy(network.state_dict())
    module = TrainingModule(recipe, network, _measure_normalisation(recipe, data.learned))
    watched = _draw_watched(recipe, data)
    timer = Timer()  # counts on where the run was stopped
    trainer = _build_trainer(recipe, [timer, *_build_callbacks(recipe, run, watched)], run, progress=progress)
    state = run / STATE_FILE
    with _stopped_between_steps():
        trainer.fit(
            module,
            train_dataloaders=_build_train_loader(recipe, data, trainer),
            val_dataloaders=_build_watched_loader(recipe, watched),
            ckpt_path=str(state) if state.exists() else None,
            weights_only=False,  # our own file, and Lightning keeps its counters in it
        )
    path = run / f"{recipe.model.name}.safetensors"
    if trainer.is_global_zero:
        # What was kept last holds the averaged weights, also where no step was left to do.
        module.load_state_dict(torch.load(state, map_location=module.device, weights_only=False)["state_dict"])
        module.network.load_state_dict(_average_states(first, module.network.state_dict(), keep=recipe.model.keep))
        effort = Effort(steps=trainer.global_step, minutes=round(timer.time_elapsed("train") / 60, 1))
        write_trained_model(module, path, held_out=data.held_out, effort=effort, labels=labels)
    return path


def _average_states(first: dict[str, Tensor], last: dict[str, Tensor], *, keep: float) -> dict[str, Tensor]:
    """The mean of two states of one network; what counts, and is no weight, is the last one's."""
    return {
        name: torch.lerp(tensor, first[name].to(tensor), keep) if tensor.is_floating_point() else tensor
        for name, tensor in last.items()
    }


@contextmanager
def _stopped_between_steps() -> Iterator[None]:
    """Let SIGTERM end a training after a step, as Lightning does, and not in the middle of writing its state."""
    if threading.current_thread() is not threading.main_thread():  # others take no signals
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        yield
    except SIGTERMException as stop:
        raise KeyboardInterrupt from stop
    finally:
        signal.signal(signal.SIGTERM, before)


def _build_train_loader(recipe: Recipe, data: TrainingData, trainer: lightning.Trainer) -> DataLoader[Any]:
    settings = recipe.trainer

    def get_round() -> int:
        return trainer.global_step // settings.round_steps

    return build_loader(
        DrawnTiles(source=data.learned, size=recipe.data.tile_px, seed=recipe.seed),
        batch=settings.batch,
        batches=settings.round_steps * settings.accumulate,
        workers=settings.workers,
        share=Share(rank=trainer.global_rank, ranks=trainer.world_size, get_round=get_round),
    )


def _draw_watched(recipe: Recipe, data: TrainingData) -> list[Sample]:
    """The held-out tiles that are measured after each round: always the same ones."""
    if data.held_out is None:
        return []
    settings = recipe.data
    return draw_fixed(data.held_out, count=settings.validation_tiles, size=settings.tile_px, seed=recipe.seed)


def _build_watched_loader(recipe: Recipe, watched: list[Sample]) -> DataLoader[Any] | None:
    tiles: Any = watched  # a list is all the dataset that a loader needs
    return DataLoader(tiles, batch_size=recipe.trainer.batch, collate_fn=collate) if watched else None


def resolve_data(recipe: Recipe, run: Path) -> TrainingData:
    """Open the sources of a recipe and divide their places.

    Args:
        recipe: The recipe.
        run: Folder of the run, which keeps simulated chips unless the recipe says where.

    Raises:
        SampleError: A source is missing, or has too few places to be divided.
    """
    settings = recipe.data
    cache = Path(settings.cache) if settings.cache else run / "chips"
    learned: list[tuple[SampleSource, float]] = []
    held_out: list[tuple[SampleSource, float]] = []
    for part in settings.parts:
        source = resolve_source(part.source.replace("{root}", settings.root or ""), cache=cache)
        keep, hold = split_places(source.places, held_out=part.held_out, seed=settings.split_seed)
        learned.append((source.restrict(keep), part.weight))
        if hold:
            held_out.append((source.restrict(hold), part.weight))
    return TrainingData(
        learned=Mixture(parts=tuple(learned)), held_out=Mixture(parts=tuple(held_out)) if held_out else None
    )


def _build_network(recipe: Recipe) -> Network:
    network = build_network(recipe.model.network)
    if recipe.model.start is None:
        return network
    start = _load_start(recipe.model.start).network
    if recipe.model.start_from == "encoder":
        carry_encoder(_require_encoder(start), _require_encoder(network))
        return network
    if recipe.model.start_from == "narrower":
        start = _widen(start, network)
    try:
        network.load_state_dict(start.state_dict())
    except RuntimeError as error:
        raise TrainingError(f"The weights of {recipe.model.start} do not fit the network of the recipe.") from error
    return network


def _widen(start: Network, network: Network) -> Network:
    if isinstance(start, UNet) and isinstance(network, UNet):
        return widen(start, network.config.width, noise=_WIDENING_NOISE)
    raise TrainingError(f"A network of the architecture {start.config.architecture} cannot be widened: U-Nets can.")


def _require_encoder(network: Network) -> Autoencoder | Classifier | UNet:
    if isinstance(network, Autoencoder | Classifier | UNet):
        return network
    raise TrainingError(f"A network of the architecture {network.config.architecture} has no encoder to carry over.")


def _load_start(text: str) -> Model:
    """The model to start from: a bundled one by name, a model file, or the one in a run's folder."""
    start = Path(text)
    if not start.is_dir():
        return load_model(text)
    files = sorted(start.glob("*.safetensors"))
    if len(files) != 1:
        raise TrainingError(f"Expected one model file in the run {start} to start from, found {len(files)}.")
    return read_model(files[0])


def _measure_normalisation(recipe: Recipe, source: SampleSource) -> Normalisation:
    """Mean and deviation of reflectance a band, over tiles of the training; those of the start where there is one."""
    start = recipe.model.start
    if start is not None:
        return Normalisation.from_card(_load_start(start).card)
    tiles = DrawnTiles(source=source, size=recipe.data.tile_px, seed=recipe.seed)
    images = np.stack([tiles[2**31 + 1, index].reflectance for index in range(_MEASURED_TILES)])  # (tile, 12, H, W)
    bands = [values[np.isfinite(values)] for values in np.moveaxis(images, 1, 0)]  # a flat array a band
    return Normalisation(
        mean=tuple(round(float(band.mean(dtype=np.float64)), 4) if len(band) else 0.0 for band in bands),
        std=tuple(max(round(float(band.std(dtype=np.float64)), 4), 1e-4) if len(band) else 1.0 for band in bands),
        reflectance_range=(-0.2, 1.5),
    )


def _build_trainer(recipe: Recipe, callbacks: list[Callback], run: Path, *, progress: bool) -> lightning.Trainer:
    settings = recipe.trainer
    several = settings.devices > 1
    return lightning.Trainer(
        default_root_dir=run,
        accelerator=settings.accelerator,
        devices=settings.devices,
        strategy="ddp" if several else "auto",
        sync_batchnorm=several and settings.accelerator != "cpu",
        precision=settings.precision,  # type: ignore[arg-type]  # what auto comes to is settled before
        max_steps=settings.steps,
        max_epochs=-1,
        accumulate_grad_batches=settings.accumulate,
        gradient_clip_val=recipe.optimiser.clip,
        use_distributed_sampler=False,  # ours divides the tiles itself
        num_sanity_val_steps=0,
        log_every_n_steps=min(50, settings.round_steps),
        deterministic="warn",
        callbacks=callbacks,
        logger=[CSVLogger(run, name="log"), TensorBoardLogger(run, name="tensorboard")],
        enable_model_summary=False,
        enable_progress_bar=progress,
    )


def _build_callbacks(recipe: Recipe, run: Path, watched: list[Sample]) -> list[Callback]:
    settings = recipe.trainer
    callbacks: list[Callback] = []
    if settings.average:
        first = min(_FIRST_AVERAGED, settings.steps - 1)
        callbacks.append(EMAWeightAveraging(decay=settings.average, update_starting_at_step=first))
    if settings.patience is not None and watched:
        callbacks.append(EarlyStopping("val/loss", patience=settings.patience))
    if settings.pictures and watched:
        callbacks.append(PictureLog(run / "pictures", watched[: settings.pictures]))
    # The state is kept after each round under one name; Lightning writes it whole or not at all.
    keep = ModelCheckpoint(
        dirpath=run,
        filename=STATE_FILE.removesuffix(".ckpt"),
        save_on_train_epoch_end=True,
        enable_version_counter=False,
    )
    return [*callbacks, keep]
