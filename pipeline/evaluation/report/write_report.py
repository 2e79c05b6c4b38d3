"""Write the files of an evaluation: ``report.html``, ``metrics.csv`` and ``metrics.json``, each whole or not at all."""

from __future__ import annotations

from pathlib import Path

from pipeline.atomic import write_whole
from pipeline.errors import output_errors
from pipeline.evaluation.evaluate import Evaluation
from pipeline.evaluation.permutation import BandImportance
from pipeline.evaluation.report.numbers import build_record, format_csv, format_json
from pipeline.evaluation.report.page import ReportSubject, build_page

__all__ = ["write_report"]


def write_report(
    folder: Path, subject: ReportSubject, evaluation: Evaluation, importance: tuple[BandImportance, ...] = ()
) -> Path:
    """Write the three files; ``metrics.json`` comes last, so where it is new, all are.

    Args:
        folder: Where to; made where it is not there. Files of the same names are replaced.
        subject: What was measured, when, and with what.
        evaluation: The figures.
        importance: What shuffling each band costs, where that was measured.

    Returns:
        The page.

    Raises:
        OutputError: A file cannot be written.
    """
    record = build_record(evaluation, about=subject.to_dict(), importance=importance)
    files = {
        "report.html": build_page(subject, evaluation, importance),
        "metrics.csv": format_csv(evaluation),
        "metrics.json": format_json(record),
    }
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        write_whole(folder / name, text)
    return folder / "report.html"
