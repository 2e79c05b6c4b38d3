"""The tables of the report."""

from __future__ import annotations

import math

from pipeline.evaluation.evaluate import Evaluation, MethodResult
from pipeline.evaluation.permutation import BandImportance
from pipeline.evaluation.report.words import COLUMNS, Column, escape, find_best, format_count, format_figure, wrap_table
from pipeline.evaluation.tally import compute_figures

__all__ = ["build_importance_table", "build_pooled_table", "build_scene_table"]

_MOST_SCENES = 200


def build_pooled_table(evaluation: Evaluation) -> str:
    """Each method and each figure over all pixels, with intervals, the best marked.

    Args:
        evaluation: What was measured.
    """
    total = sum(evaluation.pixels.values())
    best = {column.figure: _find_best_methods(evaluation, column) for column in COLUMNS}
    head = "<th>Method</th>" + "".join(_head(column) for column in COLUMNS)
    rows = []
    for method in evaluation.methods:
        part = "" if method.pixels == total else f"<small>on {method.pixels / total:.0%} of the pixels</small>"
        cells = "".join(_pooled_cell(method, column, method.name in best[column.figure]) for column in COLUMNS)
        rows.append(f'<tr class="{method.kind}"><th scope="row">{escape(method.name)}{part}</th>{cells}</tr>')
    return wrap_table("All pixels together: shares in %, distances in m", head, "".join(rows))


def _find_best_methods(evaluation: Evaluation, column: Column) -> set[str]:
    """Who is best among those that answered every pixel; the others were measured on something else."""
    names = [method.name for method in evaluation.whole]
    values = [method.figures[column.figure] for method in evaluation.whole]
    return {names[index] for index in find_best(values, higher=column.higher)} if len(names) > 1 else set()


def _head(column: Column) -> str:
    unit = "%" if column.unit == "share" else "m"
    return f'<th scope="col" title="{escape(column.hint)}">{escape(column.heading)}<small>{unit}</small></th>'


def _pooled_cell(method: MethodResult, column: Column, best: bool) -> str:
    value = method.figures[column.figure]
    low, high = method.intervals[column.figure]
    interval = ""
    if math.isfinite(value) and math.isfinite(low):
        interval = f"<small>{format_figure(low, column.unit)}–{format_figure(high, column.unit)}</small>"
    return _cell(format_figure(value, column.unit), best, interval)


def _cell(text: str, best: bool, more: str = "") -> str:
    if best:
        return f'<td class="best"><b title="best">{text}</b>{more}</td>'
    return f"<td>{text}{more}</td>"


def build_scene_table(evaluation: Evaluation, column: Column) -> str:
    """One figure of every method, scene by scene, the worst for the first method on top, the best marked.

    Args:
        evaluation: What was measured.
        column: Which figure.
    """
    figures = {
        method.name: {place: float(compute_figures(tally)[column.figure]) for place, tally in method.by_place.items()}
        for method in evaluation.methods
    }
    first = figures[evaluation.methods[0].name]
    places = sorted(evaluation.places, key=lambda place: _rank(first.get(place, math.nan), column))
    head = "<th>Scene</th><th>Pixels</th><th>Water<small>%</small></th>" + "".join(
        f'<th scope="col">{escape(method.name)}</th>' for method in evaluation.methods
    )
    rows = [
        _scene_row(evaluation, place, [f.get(place, math.nan) for f in figures.values()], column) for place in places
    ]
    caption = f"{column.heading} by scene, in {'%' if column.unit == 'share' else 'm'}, the worst first"
    if len(rows) > _MOST_SCENES:
        caption += f" ({_MOST_SCENES} of {len(rows)}; all of them are in metrics.csv)"
    return wrap_table(caption, head, "".join(rows[:_MOST_SCENES]))


def _scene_row(evaluation: Evaluation, place: str, values: list[float], column: Column) -> str:
    best = find_best(values, higher=column.higher)
    best = best if len(best) < len(values) else set()  # where all are alike, none stands out
    pixels = evaluation.pixels[place]
    cells = "".join(_cell(format_figure(value, column.unit), index in best) for index, value in enumerate(values))
    return (
        f'<tr><th scope="row">{escape(place)}</th><td>{format_count(pixels)}</td>'
        f"<td>{100 * evaluation.water[place] / pixels:.0f}</td>{cells}</tr>"
    )


def _rank(value: float, column: Column) -> tuple[bool, float]:
    return not math.isfinite(value), value if column.higher else -value


def build_importance_table(importance: tuple[BandImportance, ...]) -> str:
    """What shuffling each band costs, the dearest first within each network.

    Args:
        importance: What was measured.
    """
    dearest = max((abs(entry.accuracy_drop) for entry in importance), default=0) or 1
    order = {name: place for place, name in enumerate(dict.fromkeys(entry.network for entry in importance))}
    rows = []
    for entry in sorted(importance, key=lambda entry: (order[entry.network], -entry.accuracy_drop)):
        width = 100 * max(entry.accuracy_drop, 0) / dearest
        rows.append(
            f'<tr><th scope="row">{escape(entry.band)}</th><td class="words">{escape(entry.network)}</td>'
            f"<td>{_drop(entry.accuracy_drop, entry.accuracy_spread)}</td><td>{_drop(entry.iou_drop, entry.iou_spread)}"
            f'</td><td class="bar"><i style="width:{width:.1f}%"></i></td></tr>'
        )
    head = "<th>Band</th><th>Network</th><th>Accuracy lost</th><th>IoU lost</th><th></th>"
    repeats = importance[0].repeats if importance else 0
    return wrap_table(f"Percentage points lost, mean ± deviation of {repeats} shuffles", head, "".join(rows))


def _drop(value: float, spread: float) -> str:
    return f"{100 * value:.2f} <small>± {100 * spread:.2f}</small>"
