"""The report as one page that needs nothing else: no script, no network, no second file.

A policy in its head forbids every request, so a browser itself would say if the page ever made one.
"""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.evaluation.evaluate import Evaluation, MethodResult
from pipeline.evaluation.permutation import BandImportance
from pipeline.evaluation.report.charts import draw_errors_by_scene, draw_reliability
from pipeline.evaluation.report.tables import build_importance_table, build_pooled_table, build_scene_table
from pipeline.evaluation.report.words import COLUMNS, Column, escape, format_count, format_figure, list_caveats
from pipeline.evaluation.tile_gallery import ShownTile
from pipeline.evaluation.tile_pictures import COLOURS, PROBABILITY_COLOURS

__all__ = ["ReportSubject", "build_page"]

_STYLE = Path(__file__).parents[2] / "data" / "report.css"
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
_BY_FIGURE = {column.figure: column for column in COLUMNS}
_CARDS = ("accuracy", "iou", "boundary_iou", "mapped_to_true_median_m", "calibration_error")


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
    title = f"{' · '.join(subject.models)} on {subject.data}"
    parts = [
        _open(subject, evaluation, title),
        _section("All methods on the same pixels", _describe_pooled(evaluation), build_pooled_table(evaluation)),
        _section("Honesty and error, drawn", "", _draw(evaluation)),
        _section("Scene by scene", "", _list_scenes(evaluation)),
        _section("The worst tiles", _describe_gallery(evaluation), _LEGEND, *_show_tiles(evaluation)),
    ]
    if importance:
        parts.append(
            _section("Which bands the network lives on", _IMPORTANCE_WORDS, build_importance_table(importance))
        )
    parts.append(_section("How it was measured", "", _describe_method(subject, evaluation)))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">'
        f"<title>{escape(title)}</title><style>{_STYLE.read_text(encoding='utf-8')}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _section(heading: str, words: str, *content: str) -> str:
    said = f"<p>{words}</p>" if words else ""
    return f"<section><h2>{escape(heading)}</h2>{said}{''.join(content)}</section>"


def _open(subject: ReportSubject, evaluation: Evaluation, title: str) -> str:
    pixels, water = sum(evaluation.pixels.values()), sum(evaluation.water.values())
    facts = (
        f"{len(evaluation.places)} scenes, {sum(evaluation.tiles.values())} tiles, {format_count(pixels)} pixels, "
        f"{water / pixels:.0%} of them water · {escape(evaluation.source)}, places: {escape(subject.places)} · "
        f"{subject.made:%Y-%m-%d %H:%M} UTC · Strandline {escape(subject.version)}"
    )
    caveats = "".join(f"<li>{escape(caveat)}</li>" for caveat in list_caveats(subject.places, evaluation))
    return (
        f'<header><h1>{escape(title)}</h1><p class="meta">{facts}</p></header>'
        f'<p class="verdict">{_judge(evaluation)}</p>{_cards(evaluation)}'
        f'<div class="caveats"><b>Read this with care</b><ul>{caveats}</ul></div>'
    )


def _find_rival(evaluation: Evaluation, column: Column) -> MethodResult | None:
    """The index that is best by a figure, of those that answered every pixel."""
    rivals = [
        method for method in evaluation.whole if method.kind == "index" and math.isfinite(method.figures[column.figure])
    ]
    return max(rivals, key=lambda m: m.figures[column.figure] * (1 if column.higher else -1), default=None)


def _judge(evaluation: Evaluation) -> str:
    """One honest sentence: who is right more often, by how much, and in how many scenes."""
    first, rival = evaluation.methods[0], _find_rival(evaluation, _BY_FIGURE["accuracy"])
    ours = first.figures["accuracy"]
    said = f"<b>{escape(first.name)}</b> is right on <b>{ours:.2%}</b> of the pixels"
    if first.kind != "network" or rival is None or first.pixels != sum(evaluation.pixels.values()):
        return f"{said}."
    theirs = rival.figures["accuracy"]
    if round(ours, 4) == round(theirs, 4):
        return f"{said}, and so is the best index, {escape(rival.name)}."
    better = "less" if ours < theirs else "more"
    beaten = "" if ours > theirs else " <b>Here the index wins.</b>"
    return (
        f"{said}, {abs(ours - theirs) * 100:.2f} points {better} than the best index, {escape(rival.name)} "
        f"({theirs:.2%}).{beaten}"
    )


def _cards(evaluation: Evaluation) -> str:
    first = evaluation.methods[0]
    cards = []
    for name in _CARDS:
        column = _BY_FIGURE[name]
        value = first.figures[name]
        if not math.isfinite(value):
            continue
        unit = " %" if column.unit == "share" else " m"
        rival = _find_rival(evaluation, column)
        beside = (
            f"best index: {format_figure(rival.figures[name], column.unit)}{unit} ({escape(rival.name)})"
            if rival is not None
            else escape(column.hint)
        )
        cards.append(
            f'<div class="card"><small>{escape(column.heading)}</small><b>{format_figure(value, column.unit)}{unit}</b>'
            f"<small>{_interval(first, column)}</small><small>{beside}</small></div>"
        )
    return f'<div class="cards">{"".join(cards)}</div>'


def _interval(method: MethodResult, column: Column) -> str:
    low, high = (format_figure(end, column.unit) for end in method.intervals[column.figure])
    return f"95% interval {low} to {high}" if low != "–" else ""


def _describe_pooled(evaluation: Evaluation) -> str:
    unit = "scenes" if evaluation.resampled == "place" else "tiles"
    return (
        "Water indices with threshold 0 and with the threshold that Otsu’s method finds for each scene stand beside "
        f"the network, always. ▲ marks the best; small numbers are 95% intervals from drawing {unit} again."
    )


def _draw(evaluation: Evaluation) -> str:
    figures = [
        "<figure><figcaption><b>Reliability of "
        f"{escape(network.name)}</b>: on the dashed line, what it says is true; below it, it promises too much water. "
        "Large dots are what it says most often.</figcaption>"
        f"{draw_reliability(network)}</figure>"
        for network in evaluation.networks
    ]
    chart = draw_errors_by_scene(evaluation)
    if chart:
        figures.append(
            "<figure><figcaption><b>Wrong pixels by scene</b>, the worst first. "
            f"● {escape(evaluation.methods[0].name)}; □ the index that was best in that scene, which nobody could have "
            f"known ahead. An orange line: the index was better.</figcaption>{chart}</figure>"
        )
    return f'<div class="charts">{"".join(figures)}</div>'


def _list_scenes(evaluation: Evaluation) -> str:
    first, *others = ("accuracy", "iou", "mapped_to_true_median_m")
    tables = [build_scene_table(evaluation, _BY_FIGURE[first])]
    for name in others:
        column = _BY_FIGURE[name]
        table = build_scene_table(evaluation, column)
        tables.append(f"<details><summary>{escape(column.heading)} by scene</summary>{table}</details>")
    return "".join(tables)


def _describe_gallery(evaluation: Evaluation) -> str:
    count = len(evaluation.gallery.tiles)
    first = escape(evaluation.methods[0].name)
    return f"{count} tiles, the worst of each scene among them, ordered by how many pixels {first} got wrong."


_SWATCHES = (
    ("hit", "water, found"),
    ("rest", "land, found"),
    ("miss", "water called land"),
    ("false", "land called water"),
    ("unknown", "not counted"),
)
_LEGEND = (
    '<ul class="legend">'
    + "".join(f'<li><i style="background:{COLOURS[name]}"></i>{words}</li>' for name, words in _SWATCHES)
    + f'<li><i class="ramp" style="background:linear-gradient(90deg,{",".join(PROBABILITY_COLOURS)})"></i>'
    "probability of water, 0 to 1</li></ul>"
)
_IMPORTANCE_WORDS = (
    "The pixels of one band are shuffled within each tile, all else stays. Of two bands that say the same neither "
    "costs much, so a small figure does not mean that a band is useless."
)


def _show_tiles(evaluation: Evaluation) -> list[str]:
    return [_show_tile(tile) for tile in evaluation.gallery.tiles]


def _show_tile(tile: ShownTile) -> str:
    panels = (
        ("True colour", tile.pictures.colour),
        ("Truth", tile.pictures.truth),
        ("Probability", tile.pictures.probability),
        ("Error", tile.pictures.error),
    )
    name = f"{tile.place}, tile {tile.number}"
    shown = "".join(
        f'<figure><figcaption>{words}</figcaption><img alt="{words} of {escape(name)}" src="{_embed(png)}"></figure>'
        for words, png in panels
    )
    return (
        f'<article class="tile"><h3>{escape(name)}</h3><div class="quiet">{tile.wrong / tile.pixels:.2%} of '
        f"{format_count(tile.pixels)} pixels wrong: {format_count(tile.miss)} of water missed, "
        f'{format_count(tile.false)} of land taken for water</div><div class="panels">{shown}</div></article>'
    )


def _embed(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def _describe_method(subject: ReportSubject, evaluation: Evaluation) -> str:
    facts = {
        **{f"Model {name}": line for name, line in subject.models.items()},
        "Data": f"{subject.data} ({evaluation.source}), places: {subject.places}",
        "Tiles": f"{subject.tile_size} × {subject.tile_size} pixels; beyond its edge a network sees the tile mirrored",
        "Bands absent": ", ".join(f"{band} in {count} tiles" for band, count in evaluation.absent.items()) or "none",
        "Made": f"{subject.made.isoformat(timespec='seconds')} with Strandline {subject.version}",
        "Numbers": "metrics.json and metrics.csv, beside this page, hold every figure of every scene",
    }
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    hints = "".join(f"<dt>{escape(column.heading)}</dt><dd>{escape(column.hint)}</dd>" for column in COLUMNS)
    return f"<dl>{rows}</dl><details><summary>What the figures mean</summary><dl>{hints}</dl></details>"
