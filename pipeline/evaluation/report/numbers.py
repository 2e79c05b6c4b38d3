"""The numbers of an evaluation for machines: one JSON document and one table of comma-separated values."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

from pipeline.evaluation.evaluate import Evaluation, MethodResult
from pipeline.evaluation.permutation import BandImportance
from pipeline.evaluation.tally import compute_figures, get_confusion, get_reliability

__all__ = ["build_record", "format_csv", "format_json"]


def build_record(
    evaluation: Evaluation, *, about: dict[str, Any], importance: tuple[BandImportance, ...] = ()
) -> dict[str, Any]:
    """Everything that the report shows, as plain values; what is not defined is ``None``.

    Args:
        evaluation: What was measured.
        about: Who measured what, when and with which version.
        importance: What permuting each band costs, where that was measured.
    """
    return {
        "about": about,
        "data": {
            "source": evaluation.source,
            "scenes": {
                place: {
                    "tiles": evaluation.tiles[place],
                    "pixels": evaluation.pixels[place],
                    "water": evaluation.water[place],
                }
                for place in evaluation.places
            },
            "labels": [shares.to_dict() for shares in evaluation.labels],
            "tiles_without_band": evaluation.absent,
            "otsu_thresholds": evaluation.thresholds,
        },
        "intervals": {"share": 0.95, "resampled": evaluation.resampled},
        "methods": [_describe(method) for method in evaluation.methods],
        "permutation": [entry.to_dict() for entry in importance],
    }


def _describe(method: MethodResult) -> dict[str, Any]:
    reliability = get_reliability(method.pooled)
    return {
        "name": method.name,
        "kind": method.kind,
        "pixels": method.pixels,
        "pooled": {name: _describe_figure(value, method.intervals[name]) for name, value in method.figures.items()},
        "counts": {name: int(count) for name, count in get_confusion(method.pooled).items()},
        "reliability": dict(zip(("pixels", "sum_probability", "sum_fraction"), reliability.tolist(), strict=True))
        if method.kind == "network"
        else None,
        "scenes": {
            place: {name: _plain(float(value)) for name, value in compute_figures(tally).items()}
            for place, tally in sorted(method.by_place.items())
        },
    }


def _describe_figure(value: float, interval: tuple[float, float]) -> dict[str, float | None]:
    return {"value": _plain(value), "low": _plain(interval[0]), "high": _plain(interval[1])}


def format_json(record: dict[str, Any]) -> str:
    """The record as JSON."""
    return json.dumps(record, indent=1, allow_nan=False) + "\n"


def format_csv(evaluation: Evaluation) -> str:
    """A row a method and scene, the first of each method pooled (scene ``*``); empty where not defined.

    Args:
        evaluation: What was measured.
    """
    file = io.StringIO()
    figures = list(evaluation.methods[0].figures)
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["method", "kind", "scene", "hit", "miss", "false", "rest", *figures])
    for method in evaluation.methods:
        for scene, tally in [("*", method.pooled), *sorted(method.by_place.items())]:
            counts = [int(count) for count in get_confusion(tally).values()]
            values = [_plain(float(value)) for value in compute_figures(tally).values()]
            writer.writerow([method.name, method.kind, scene, *counts, *("" if v is None else v for v in values)])
    return file.getvalue()


def _plain(value: float) -> float | None:
    return round(value, 6) if math.isfinite(value) else None
