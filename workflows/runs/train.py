"""What ``strandline train`` does, once it is known what to train: heavy imports, a quiet library, a word at the end."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import typer

__all__ = ["run_resume", "run_train"]


def run_train(recipe: str, changes: Sequence[str], out: Path | None, *, quiet: bool) -> None:
    """Train from the beginning.

    Args:
        recipe: A YAML file, or the name of a recipe that comes with Strandline.
        changes: Settings that replace those of the file.
        out: Folder of the run.
        quiet: Whether to say nothing.

    Raises:
        StrandlineError: The recipe, its data or the folder will not do.
    """
    _quieten_lightning()
    from pipeline.training.recipe import read_recipe, resolve_recipe
    from pipeline.training.train import train

    settings = read_recipe(resolve_recipe(recipe), changes)
    run = out or Path("runs") / settings.model.name
    _print_model(train(settings, run, progress=not quiet, notify=_print_doubt), run, quiet=quiet)


def run_resume(run: Path, changes: Sequence[str], *, quiet: bool) -> None:
    """Go on with a run.

    Args:
        run: Its folder.
        changes: Settings of the trainer that replace those of the run.
        quiet: Whether to say nothing.

    Raises:
        StrandlineError: There is no run in that folder.
    """
    _quieten_lightning()
    from pipeline.training.train import resume

    _print_model(resume(run, changes, progress=not quiet, notify=_print_doubt), run, quiet=quiet)


def _quieten_lightning() -> None:
    """Keep the libraries of training from talking about themselves."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module=r"lightning\..*")


def _print_doubt(doubt: str) -> None:
    typer.echo(f"Warning: {doubt}", err=True)


def _print_model(model: Path, run: Path, *, quiet: bool) -> None:
    if not quiet:
        typer.echo(f"Wrote {model} (logs: tensorboard --logdir {run}).")
