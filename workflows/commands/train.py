"""``strandline train``: from a recipe to a model file, and on from where a run was stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["train"]

_Recipe = Annotated[
    str | None,
    typer.Argument(
        metavar="[RECIPE]",
        help="A YAML file, or the name of one that comes with Strandline.",
    ),
]
_More = Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="More settings.")]
_Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting that replaces the recipe's: data.root=/data/SWED."),
]
_Out = Annotated[
    Path | None, typer.Option("--out", "-o", help="Folder of the run; runs/<name of the model> where not given.")
]
_Resume = Annotated[Path | None, typer.Option(help="Go on with the run in this folder, where its last round ended.")]


def train(
    recipe: _Recipe = None,
    more: _More = None,
    changes: _Set = None,
    out: _Out = None,
    resume: _Resume = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Train a model from a recipe: RUN/<name>.safetensors, its logs, pictures and the resolved recipe."""
    from workflows.runs.train import run_resume, run_train

    changes = [*(changes or []), *(more or [])]
    if resume is not None and recipe is not None and "=" in recipe:  # --resume RUN --set A=1 B=2
        changes, recipe = [*changes, recipe], None
    if (recipe is None) == (resume is None):
        raise typer.BadParameter("name a recipe to begin with, or --resume RUN to go on with one")
    if resume is not None:
        if out:
            raise typer.BadParameter("--resume goes on in the folder of the run: it takes no --out")
        run_resume(resume, changes, quiet=quiet)
    else:
        run_train(str(recipe), changes, out, quiet=quiet)
