"""What ``strandline evaluate`` and ``compare`` do once their options are read: open, measure, write, print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.evaluation.answers import NetworkMethod
from pipeline.evaluation.evaluate import Evaluation, EvaluationOptions, evaluate, open_data, open_networks
from pipeline.evaluation.permutation import compute_importance
from pipeline.evaluation.report.page import ReportSubject
from pipeline.evaluation.report.words import COLUMNS, find_best, format_figure
from pipeline.evaluation.report.write_report import write_report
from strandline import __version__
from workflows.runs.console import open_console, show_progress

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
    models: Sequence[str], data: str, out: Path | None, said: Mapping[str, Any], *, repeats: int, quiet: bool
) -> None:
    """Measure models, print the table, and write the report where a folder is given.

    Args:
        models: Names or files.
        data: What ``pipeline.samples.sources`` understands.
        out: Folder for the report, or ``None``.
        said: All that the command line read.
        repeats: Shuffles a band; 0: none is shuffled.
        quiet: Print nothing.

    Raises:
        StrandlineError: A model or the data cannot be opened, or the report cannot be written.
    """
    options = EvaluationOptions.pick(said)
    source, networks = open_data(data, options), open_networks(models, options)
    console = open_console(quiet=quiet)
    with show_progress(console) as progress:
        evaluation = evaluate(networks, source, options=options, progress=progress)
        importance = tuple(
            band
            for network in (networks if repeats else ())
            for band in compute_importance(
                network, source, tile_size=options.tile_size, repeats=repeats, progress=progress
            )
        )
    for shares in evaluation.labels:
        if not shares.doubts:
            console.out(f"{shares.sentence}.")
    for doubt in evaluation.doubts:
        open_console(quiet=False).out(f"Warning: {doubt}")
    if not quiet:
        Console().print(render_evaluation(evaluation))
    if out is not None:
        subject = ReportSubject(
            models={network.name: _describe(network) for network in networks},
            data=data,
            places=options.places,
            made=datetime.now(UTC),
            version=__version__,
            tile_size=options.tile_size,
        )
        page = write_report(out, subject, evaluation, importance)
        console.out(f"Report: {page}")


def _describe(network: NetworkMethod) -> str:
    whole = network.whole
    return f"{whole.description}; sha256 {whole.sha256[:16]}…; {whole.card.description}"


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
