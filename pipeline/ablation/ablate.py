"""An ablation: the same network with something taken away or added, from more and less data, seed by seed.

Each finished training is a row of a table at once; a second start does what is missing.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from models.errors import TrainingError
from models.measures.metrics import Confusion
from models.networks.architecture import parse_config
from models.networks.autoencoder import Autoencoder, AutoencoderConfig
from models.networks.classifier import Classifier, ClassifierConfig
from models.networks.unet import UNet, UNetConfig
from models.networks.widening import carry_encoder
from pipeline.ablation.fit import Batches, Fitted, fit, loss_of_image, loss_of_kind, loss_of_map, measure
from pipeline.ablation.recipe import AblationRecipe, Run
from pipeline.ablation.tiles import TileSet, read_real_tiles, read_tiles
from pipeline.atomic import open_draft
from tiles.bands import L2A_STACK

__all__ = ["Row", "ablate", "read_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of one training.

    Attributes:
        variant: What learned: ``unet``, ``no_skips``, ``autoencoder`` or ``classifier``.
        tiles: From how many tiles.
        bands: Of which bands, with spaces between.
        seed: Which repetition.
        accuracy: Share of the held-out pixels that are right.
        iou: Intersection over union of water, all held-out tiles together.
        real_accuracy: Share of the labelled pixels of real crops that are right; NaN where none were measured.
        real_iou: The same of intersection over union.
        loss: The lowest loss of the validation, whose weights are measured.
        steps: After how many steps that was.
        seconds: How long it took, pretraining not counted.
    """

    variant: str
    tiles: int
    bands: str
    seed: int
    accuracy: float
    iou: float
    real_accuracy: float
    real_iou: float
    loss: float
    steps: int
    seconds: float

    def answers(self, run: Run) -> bool:
        """Whether it is the result of this run."""
        return (self.variant, self.tiles, self.bands, self.seed) == (
            run.variant,
            run.tiles,
            " ".join(run.bands),
            run.seed,
        )


def ablate(
    recipe: AblationRecipe,
    out: Path,
    *,
    progress: Callable[[str, float], None] = lambda _stage, _share: None,
    most_runs: int | None = None,
) -> tuple[Row, ...]:
    """Train and measure all that is missing in a folder.

    Args:
        recipe: What to do.
        out: Folder of the run: tiles, pretrained encoders, and the table ``ablation.csv``.
        progress: Told the stage and the share of it that is done.
        most_runs: Stop after so many trainings; default none is left.

    Returns:
        All rows that the table now has for this recipe.

    Raises:
        TrainingError: The folder holds another ablation, or a file there cannot be read.
    """
    _claim(out, recipe)
    table = out / "ablation.csv"
    rows = list(read_rows(table))
    missing = [run for run in recipe.runs if not any(row.answers(run) for row in rows)]
    bench = _Bench(recipe, out, progress)
    for count, run in enumerate(missing[:most_runs]):
        progress("training", count / len(missing))
        rows.append(bench.carry_out(run))
        _write_rows(table, rows)
    progress("training", 1.0)
    return tuple(row for run in recipe.runs for row in rows if row.answers(run))


def read_rows(table: Path) -> tuple[Row, ...]:
    """The rows of a table; none where it is not there.

    Args:
        table: A CSV file that ``ablate`` wrote.

    Raises:
        TrainingError: It is no such table.
    """
    text, whole = ("variant", "bands"), ("tiles", "seed", "steps")
    try:
        with table.open(newline="") as file:
            return tuple(
                Row(**{k: v if k in text else int(v) if k in whole else float(v) for k, v in line.items()})  # type: ignore[arg-type]
                for line in csv.DictReader(file)
            )
    except FileNotFoundError:
        return ()
    except (OSError, TypeError, ValueError) as error:
        raise TrainingError(f"Expected the table of an ablation, found something else in {table} ({error}).") from error


def _write_rows(table: Path, rows: list[Row]) -> None:
    with open_draft(table) as draft, draft.open("w", newline="") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in rows)


def _claim(out: Path, recipe: AblationRecipe) -> None:
    """Keep the recipe beside its results, and refuse a folder that holds the results of another."""
    out.mkdir(parents=True, exist_ok=True)
    path, text = out / "recipe.json", recipe.model_dump_json(indent=2)
    if path.exists() and path.read_text() != text:
        raise TrainingError(f"{out} holds an ablation of another recipe (recipe.json): choose another folder.")
    path.write_text(text)


class _Bench:
    """Tiles, and the encoders that were pretrained on them; each made when it is first needed."""

    def __init__(self, recipe: AblationRecipe, out: Path, progress: Callable[[str, float], None]) -> None:
        self.recipe = recipe
        self.out = out
        self.progress = progress

    @cached_property
    def pool(self) -> TileSet:
        tiles = self.recipe.tiles
        return self._read("pool", tiles.first_seed, tiles.pool)

    @cached_property
    def validation(self) -> TileSet:
        tiles = self.recipe.tiles
        return self._read("validation", tiles.first_validation_seed, tiles.validation)

    @cached_property
    def real(self) -> TileSet | None:
        tiles, scenes = self.recipe.tiles, self.recipe.scenes
        if scenes is None:
            return None
        return read_real_tiles(self.out / "real.npz", scenes=scenes, count=tiles.real, size=tiles.size_px)

    @cached_property
    def held_out(self) -> TileSet:
        tiles = self.recipe.tiles
        return self._read("held_out", tiles.first_held_out_seed, tiles.held_out)

    def _read(self, name: str, first_seed: int, count: int) -> TileSet:
        size = self.recipe.tiles.size_px
        path = self.out / f"{name}.npz"
        return read_tiles(
            path, first_seed=first_seed, count=count, size=size, progress=lambda done: self.progress(name, done)
        )

    def carry_out(self, run: Run) -> Row:
        """Train one network, and measure it."""
        channels = [L2A_STACK.index(name) for name in run.bands]
        order = np.random.default_rng(run.seed).permutation(len(self.pool))  # nested: 35 tiles hold the 9
        network = self._prepare(run)
        start = time.monotonic()
        batches = self._batch(self.pool, order[: run.tiles].tolist(), channels)
        watched = self._batch_all(self.validation, channels)
        fitted = fit(network, batches, watched, loss_of_map, recipe=self.recipe.fit, seed=run.seed)
        seconds = time.monotonic() - start
        confusion = measure(network, self._batch_all(self.held_out, channels))
        real = None if self.real is None else measure(network, self._batch_all(self.real, channels))
        return _report(run, confusion, real, fitted, seconds)

    def _batch_all(self, tiles: TileSet, channels: list[int]) -> Batches:
        return self._batch(tiles, range(len(tiles)), channels)

    def _batch(self, tiles: TileSet, chosen: range | list[int], channels: list[int]) -> Batches:
        return Batches(tiles, chosen=chosen, channels=channels, scale=self._scale)

    @cached_property
    def _scale(self) -> tuple[np.ndarray, np.ndarray]:
        return self.pool.measure()

    def _prepare(self, run: Run) -> UNet:
        """A fresh network; the same first decoder for a seed, whatever its encoder went through."""
        torch.manual_seed(run.seed)
        config = self._configure({"in_channels": len(run.bands), "skips": run.variant != "no_skips"})
        network = UNet(config)
        if run.variant in ("autoencoder", "classifier"):
            carry_encoder(self._pretrain(run.variant, run.seed), network)
        return network

    def _configure(self, changes: dict[str, object]) -> UNetConfig:
        config = parse_config({**self.recipe.network, **changes})
        if not isinstance(config, UNetConfig):
            raise TrainingError(f"An ablation compares U-Nets, found the architecture {config.architecture}.")
        return config

    def _pretrain(self, variant: str, seed: int) -> Autoencoder | Classifier:
        """An autoencoder or classifier that saw the whole pool; kept in the folder."""
        body = self._configure({})
        shared = {name: getattr(body, name) for name in ("depth", "width", "activation", "norm")}
        torch.manual_seed(seed)
        network: Autoencoder | Classifier
        if variant == "autoencoder":
            network = Autoencoder(AutoencoderConfig(**shared))
        else:
            network = Classifier(ClassifierConfig(**shared))
        path = self.out / f"{variant}-{seed}.safetensors"
        if not path.exists():
            channels = list(range(len(L2A_STACK)))
            pool, watched = self._batch_all(self.pool, channels), self._batch_all(self.validation, channels)
            loss_of = loss_of_image if variant == "autoencoder" else loss_of_kind
            fit(network, pool, watched, loss_of, recipe=self.recipe.fit, seed=seed)
            with open_draft(path) as draft:
                save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, draft)
        try:
            network.load_state_dict(load_file(path))
        except (RuntimeError, SafetensorError) as error:
            raise TrainingError(f"The pretrained encoder {path} cannot be read: remove it.") from error
        return network


def _report(run: Run, confusion: Confusion, real: Confusion | None, fitted: Fitted, seconds: float) -> Row:
    return Row(
        variant=run.variant,
        tiles=run.tiles,
        bands=" ".join(run.bands),
        seed=run.seed,
        accuracy=round(confusion.accuracy, 6),
        iou=round(confusion.iou, 6),
        real_accuracy=math.nan if real is None else round(real.accuracy, 6),
        real_iou=math.nan if real is None else round(real.iou, 6),
        loss=round(fitted.loss, 6),
        steps=fitted.steps,
        seconds=round(seconds, 2),
    )
