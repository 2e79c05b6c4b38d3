"""The report as one page that needs nothing else: no script, no network, no second file.

A policy in its head forbids every request, so a browser itself would say if the page ever made one. The page itself is
the template ``pipeline/data/report/report.html``; here stands what it is filled with.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.evaluation.evaluate import Evaluation, MethodResult
from pipeline.evaluation.permutation import BandImportance
from pipeline.evaluation.report.charts import compute_error_chart, compute_reliability_chart
from pipeline.evaluation.report.tables import build_pooled_rows, build_scene_table, sort_importance
from pipeline.evaluation.report.words import COLUMNS, Column, format_count, format_figure, list_caveats
from pipeline.evaluation.tile_pictures import COLOURS, PROBABILITY_COLOURS
from pipeline.templates import TEMPLATES, open_templates

__all__ = ["ReportSubject", "build_page"]

_BY_FIGURE = {column.figure: column for column in COLUMNS}
_CARDS = ("accuracy", "iou", "boundary_iou", "mapped_to_true_median_m", "calibration_error")
_BY_SCENE = ("accuracy", "iou", "mapped_to_true_median_m")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSubject:
    """What was measured, when, and with what.

    Attributes:
        models: A line a network: what it is and how it was run.
        data: What the user named as data.
        places: Which of its places: ``all``, ``held-out`` or ``learned``.
        made: When.
        version: Of Strandline.
        tile_size: Rows and columns that were read at a time.
    """

    models: dict[str, str]
    data: str
    places: str
    made: datetime
    version: str
    tile_size: int

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return {
            "models": self.models,
            "data": self.data,
            "places": self.places,
            "made": self.made.isoformat(timespec="seconds"),
            "strandline": self.version,
            "tile_size": self.tile_size,
        }


def build_page(subject: ReportSubject, evaluation: Evaluation, importance: tuple[BandImportance, ...] = ()) -> str:
    """The whole page.

    Args:
        subject: What was measured, when, and with what.
        evaluation: The figures.
        importance: What shuffling each band costs, where that was measured.
    """
    templates = open_templates()
    templates.filters["count"] = format_count
    templates.filters["embed"] = lambda png: f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
    return templates.get_template("report.html").render(
        title=f"{' · '.join(subject.models)} on {subject.data}",
        style=(TEMPLATES / "report.css").read_text(encoding="utf-8"),
        subject=subject,
        evaluation=evaluation,
        total=sum(evaluation.pixels.values()),
        verdict=_compare_with_best_index(evaluation),
        cards=list(_list_cards(evaluation)),
        caveats=list_caveats(subject.places, evaluation),
        columns=COLUMNS,
        pooled=build_pooled_rows(evaluation),
        reliability=[compute_reliability_chart(network) for network in evaluation.networks],
        errors=compute_error_chart(evaluation),
        scenes=[build_scene_table(evaluation, _BY_FIGURE[figure]) for figure in _BY_SCENE],
        colours=COLOURS,
        ramp=PROBABILITY_COLOURS,
        importance=sort_importance(importance),
    )


def _find_rival(evaluation: Evaluation, column: Column) -> MethodResult | None:
    """The index that is best by a figure, of those that answered every pixel."""
    rivals = [
        method for method in evaluation.whole if method.kind == "index" and math.isfinite(method.figures[column.figure])
    ]
    return max(rivals, key=lambda m: m.figures[column.figure] * (1 if column.higher else -1), default=None)


def _compare_with_best_index(evaluation: Evaluation) -> dict[str, Any]:
    """For one honest sentence: who is right more often, and by how much; no rival where the two cannot be compared."""
    first, rival = evaluation.methods[0], _find_rival(evaluation, _BY_FIGURE["accuracy"])
    ours = first.figures["accuracy"]
    if first.kind != "network" or rival is None or first.pixels != sum(evaluation.pixels.values()):
        return {"name": first.name, "ours": ours, "rival": None}
    theirs = rival.figures["accuracy"]
    return {
        "name": first.name,
        "ours": ours,
        "rival": rival.name,
        "theirs": theirs,
        "level": round(ours, 4) == round(theirs, 4),
        "points": abs(ours - theirs) * 100,
        "index_wins": ours < theirs,
    }


def _list_cards(evaluation: Evaluation) -> Iterator[dict[str, str]]:
    first = evaluation.methods[0]
    for name in _CARDS:
        column, value = _BY_FIGURE[name], first.figures[name]
        if not math.isfinite(value):
            continue
        low, high = (format_figure(end, column.unit) for end in first.intervals[name])
        rival = _find_rival(evaluation, column)
        yield {
            "heading": column.heading,
            "value": f"{format_figure(value, column.unit)} {column.sign}",
            "interval": f"95% interval {low} to {high}" if low != "–" else "",
            "beside": column.hint
            if rival is None
            else f"best index: {format_figure(rival.figures[name], column.unit)} {column.sign} ({rival.name})",
        }
