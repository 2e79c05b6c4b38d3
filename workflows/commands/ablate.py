"""``strandline ablate``: what skips, pretraining, more data and more bands are worth, measured."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["ablate"]

_Recipe = Annotated[Path, typer.Argument(help="YAML recipe, such as workflows/recipes/skip_connections.yaml.")]
_Out = Annotated[Path, typer.Option("--out", "-o", help="Folder of the run; a stopped run there goes on.")]


def ablate(
    recipe: _Recipe,
    out: _Out = Path("ablation"),
    scenes: Annotated[Path | None, typer.Option(help="Scenes of the labelled crops: measure on these too.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads; small networks gain little from more than one.")] = 1,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless something is wrong.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Train the same network with parts taken away, from more and less data; writes ablation.csv, .png and .md.

    Each finished training is kept at once: started again with the same folder, only what is missing is done.
    """
    import torch

    from pipeline.ablation.ablate import ablate as run
    from pipeline.ablation.recipe import read_ablation
    from pipeline.ablation.report import write_report

    torch.set_num_threads(threads)
    settings = read_ablation(recipe)
    if scenes is not None:
        settings = settings.model_copy(update={"scenes": str(scenes.resolve())})
    rows = run(settings, out, progress=_ProgressPrinter(quiet=quiet))
    write_report(out, rows, settings)
    if not quiet:
        typer.echo(f"{out / 'ablation.md'}   ({len(rows)} trainings)")


class _ProgressPrinter:
    """Prints how far a stage is, a line for each hundredth of it."""

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet
        self.printed = ""

    def __call__(self, stage: str, share: float) -> None:
        text = f"{stage.replace('_', ' ')}: {share:.0%}"
        if text != self.printed and not self.quiet:
            typer.echo(text, err=True)
            self.printed = text
