"""What ``strandline evaluate`` and ``compare`` do once their options are read: open, measure, write, print."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from pipeline.evaluation.answers import NetworkMethod
from pipeline.evaluation.evaluate import Evaluation, EvaluationOptions, evaluate
from pipeline.evaluation.permutation import BandImportance, compute_importance
from pipeline.evaluation.report.page import ReportSubject
from pipeline.evaluation.report.words import COLUMNS, find_best, format_figure
from pipeline.evaluation.report.write_report import write_report
from pipeline.progress import Progress
from pipeline.samples.sources import resolve_places, resolve_source
from strandline import __version__
from tiles.samples.sample import SampleSource

__all__ = ["render_evaluation", "run_evaluation"]

_PRINTED = frozenset(
    {
        "accuracy",
        "precision",
        "recall",
        "iou",
        "mapped_to_true_median_m",
        "true_to_mapped_median_m",
        "calibration_error",
    }
)
"""As many as fit into 80 columns; the report has them all."""


def run_evaluation(
    models: Sequence[str], data: str, out: Path | None, *, choices: Mapping[str, Any], quiet: bool
) -> None:
    """Measure models, print the table, and write the report where a folder is given.

    Args:
        models: Names or files.
        data: What ``pipeline.samples.sources`` understands.
        out: Folder for the report, or ``None``.
        choices: Options as the command line read them; ``repeats`` is 0 where no band is to be shuffled.
        quiet: Print nothing.

    Raises:
        StrandlineError: A model or the data cannot be opened, or the report cannot be written.
    """
    source = resolve_places(
        resolve_source(data), choices["places"], held_out=choices["held_out"], seed=choices["split_seed"]
    )
    networks = _open_networks(models, choices)
    options = EvaluationOptions(tile_size=choices["tile_size"], pictures=choices["pictures"])
    console = Console(stderr=True, quiet=quiet, highlight=False)
    with _show_progress(console) as progress:
        evaluation = evaluate(networks, source, options=options, progress=progress)
        importance = _shuffle(networks, source, choices, progress)
    if not quiet:
        Console().print(render_evaluation(evaluation))
    if out is not None:
        subject = ReportSubject(
            models={network.name: _describe(network) for network in networks},
            data=data,
            places=choices["places"],
            made=datetime.now(UTC),
            version=__version__,
            tile_size=options.tile_size,
        )
        page = write_report(out, subject, evaluation, importance)
        console.print(f"Report: {page}", soft_wrap=True)


def _open_networks(models: Sequence[str], choices: Mapping[str, Any]) -> list[NetworkMethod]:
    """Each under its short name, or, where two share that, under what the user called it."""
    short = [Path(model).stem if Path(model).suffix else model for model in models]
    names = [name if short.count(name) == 1 else model for name, model in zip(short, models, strict=True)]
    return [
        NetworkMethod(name=name, model=model, device=choices["device"], precision=choices["precision"])
        for name, model in zip(names, models, strict=True)
    ]


def _describe(network: NetworkMethod) -> str:
    whole = network.whole
    return f"{whole.description}; sha256 {whole.sha256[:16]}…; {whole.card.description}"


def _shuffle(
    networks: Sequence[NetworkMethod], source: SampleSource, choices: Mapping[str, Any], progress: Progress
) -> tuple[BandImportance, ...]:
    if not choices["repeats"]:
        return ()
    found: list[BandImportance] = []
    for network in networks:
        found += compute_importance(
            network, source, tile_size=choices["tile_size"], repeats=choices["repeats"], progress=progress
        )
    return tuple(found)


def render_evaluation(evaluation: Evaluation) -> Table:
    """Lay out the pooled figures for a terminal: a row a figure, a column a method, the best in bold.

    Args:
        evaluation: What was measured.
    """
    total = sum(evaluation.pixels.values())
    table = Table(
        title=f"{evaluation.source}: {len(evaluation.places)} scenes, {total} pixels", box=None, title_justify="left"
    )
    table.add_column("Method", no_wrap=True)
    shown = [column for column in COLUMNS if column.figure in _PRINTED]
    for column in shown:
        table.add_column(f"{column.heading} {column.sign}", justify="right")
    columns = []
    for column in shown:
        best = find_best(
            [m.figures[column.figure] if m in evaluation.whole else float("nan") for m in evaluation.methods],
            higher=column.higher,
        )
        texts = [format_figure(method.figures[column.figure], column.unit) for method in evaluation.methods]
        columns.append([f"[bold]{text}[/]" if index in best else text for index, text in enumerate(texts)])
    for method, cells in zip(evaluation.methods, zip(*columns, strict=True), strict=True):
        part = "" if method.pixels == total else f" ({method.pixels / total:.0%} of the pixels)"
        table.add_row(method.name + part, *cells)
    return table


@contextmanager
def _show_progress(console: Console) -> Iterator[Progress]:
    """A bar for people; where nobody watches (a log, a pipe), nothing."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("opening", total=1.0)
        yield lambda stage, share: bar.update(task, description=stage, completed=share)
