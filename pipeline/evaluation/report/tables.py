"""What the tables of the report hold; how they look is said by ``pipeline/data/report/tables.html``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.evaluation.evaluate import Evaluation, MethodResult
from pipeline.evaluation.permutation import BandImportance
from pipeline.evaluation.report.words import COLUMNS, Column, find_best, format_figure
from pipeline.evaluation.tally import compute_figures

__all__ = ["Cell", "PooledRow", "SceneRow", "SceneTable", "build_pooled_rows", "build_scene_table", "sort_importance"]

_MOST_SCENES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A figure as it is written, its 95% interval where there is one, and whether it is the best of its column."""

    text: str
    best: bool
    interval: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PooledRow:
    """A method over all pixels; ``share``: the part of them that it answered."""

    name: str
    kind: str
    share: float
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneRow:
    """A scene: its pixels, those of water, and a cell a method."""

    place: str
    pixels: int
    water: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneTable:
    """One figure of every method, scene by scene."""

    heading: str
    caption: str
    methods: tuple[str, ...]
    rows: tuple[SceneRow, ...]


def build_pooled_rows(evaluation: Evaluation) -> list[PooledRow]:
    """Each method and each figure over all pixels, with intervals, the best marked.

    Args:
        evaluation: What was measured.
    """
    total = sum(evaluation.pixels.values())
    best = {column.figure: _find_best_methods(evaluation, column) for column in COLUMNS}
    return [
        PooledRow(
            name=method.name,
            kind=method.kind,
            share=method.pixels / total,
            cells=tuple(_make_pooled_cell(method, column, method.name in best[column.figure]) for column in COLUMNS),
        )
        for method in evaluation.methods
    ]


def _find_best_methods(evaluation: Evaluation, column: Column) -> set[str]:
    """Who is best among those that answered every pixel; the others were measured on something else."""
    names = [method.name for method in evaluation.whole]
    values = [method.figures[column.figure] for method in evaluation.whole]
    return {names[index] for index in find_best(values, higher=column.higher)} if len(names) > 1 else set()


def _make_pooled_cell(method: MethodResult, column: Column, best: bool) -> Cell:
    value = method.figures[column.figure]
    low, high = method.intervals[column.figure]
    known = math.isfinite(value) and math.isfinite(low)
    interval = f"{format_figure(low, column.unit)}–{format_figure(high, column.unit)}" if known else ""
    return Cell(text=format_figure(value, column.unit), best=best, interval=interval)


def build_scene_table(evaluation: Evaluation, column: Column) -> SceneTable:
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
    caption = f"{column.heading} by scene, in {column.sign}, the worst first"
    if len(places) > _MOST_SCENES:
        caption += f" ({_MOST_SCENES} of {len(places)}; all of them are in metrics.csv)"
    rows = tuple(
        SceneRow(
            place=place,
            pixels=evaluation.pixels[place],
            water=evaluation.water[place],
            cells=_make_scene_cells([by_place.get(place, math.nan) for by_place in figures.values()], column),
        )
        for place in places[:_MOST_SCENES]
    )
    return SceneTable(heading=column.heading, caption=caption, methods=tuple(figures), rows=rows)


def _make_scene_cells(values: Sequence[float], column: Column) -> tuple[Cell, ...]:
    best = find_best(values, higher=column.higher)
    best = best if len(best) < len(values) else set()  # where all are alike, none stands out
    return tuple(Cell(text=format_figure(value, column.unit), best=index in best) for index, value in enumerate(values))


def _rank(value: float, column: Column) -> tuple[bool, float]:
    return not math.isfinite(value), value if column.higher else -value


def sort_importance(importance: Sequence[BandImportance]) -> list[BandImportance]:
    """The dearest band first within each network.

    Args:
        importance: What was measured.
    """
    order = {name: place for place, name in enumerate(dict.fromkeys(entry.network for entry in importance))}
    return sorted(importance, key=lambda entry: (order[entry.network], -entry.accuracy_drop))
