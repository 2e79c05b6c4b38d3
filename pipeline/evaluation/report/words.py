"""How numbers are written in the report, which figures it shows, and which of several is the best."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pipeline.evaluation.evaluate import Evaluation
from pipeline.evaluation.tally import CAP_M

__all__ = ["COLUMNS", "Column", "find_best", "format_count", "format_figure", "list_caveats"]

Unit = Literal["share", "metres"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A figure as a column of the report.

    Attributes:
        figure: Its name in the record.
        heading: What the column is called.
        unit: How its numbers are written.
        hint: What it means, in a sentence.
        higher: Whether more is better.
    """

    figure: str
    heading: str
    unit: Unit
    hint: str
    higher: bool = True

    @property
    def sign(self) -> str:
        """The sign of the unit."""
        return "%" if self.unit == "share" else "m"


COLUMNS = (
    Column(figure="accuracy", heading="Accuracy", unit="share", hint="Share of the pixels that are right."),
    Column(figure="precision", heading="Precision", unit="share", hint="Share of what was called water that is water."),
    Column(figure="recall", heading="Recall", unit="share", hint="Share of the water that was found."),
    Column(figure="f1", heading="F1", unit="share", hint="Harmonic mean of precision and recall."),
    Column(figure="iou", heading="IoU water", unit="share", hint="Water in both, of water in either."),
    Column(figure="land_iou", heading="IoU land", unit="share", hint="Land in both, of land in either."),
    Column(
        figure="boundary_iou",
        heading="Boundary IoU",
        unit="share",
        hint="The same in the strip of three pixels inside the outlines: far from the shore nothing helps here.",
    ),
    Column(
        figure="mapped_to_true_median_m",
        heading="Shore off, median",
        unit="metres",
        hint="From the mapped shoreline to the true one: what is drawn wrong.",
        higher=False,
    ),
    Column(
        figure="mapped_to_true_p95_m",
        heading="Shore off, 95%",
        unit="metres",
        hint="95th percentile of the same.",
        higher=False,
    ),
    Column(
        figure="true_to_mapped_median_m",
        heading="Shore missed, median",
        unit="metres",
        hint="From the true shoreline to the mapped one: what is missed.",
        higher=False,
    ),
    Column(
        figure="true_to_mapped_p95_m",
        heading="Shore missed, 95%",
        unit="metres",
        hint="95th percentile of the same.",
        higher=False,
    ),
    Column(
        figure="calibration_error",
        heading="Calibration error",
        unit="share",
        hint="How far probability and truth lie apart on average (indices have no probability).",
        higher=False,
    ),
)
"""The figures of the pooled table."""


def format_figure(value: float, unit: Unit) -> str:
    """A number as the report writes it: shares in percent, distances in metres, a dash for what is not defined."""
    if not math.isfinite(value):
        return "–"
    if unit == "share":
        return f"{100 * value:.2f}"
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def format_count(count: int) -> str:
    """A whole number with thin spaces between thousands."""
    return f"{count:,}".replace(",", "\u202f")


def find_best(values: Iterable[float], *, higher: bool) -> set[int]:
    """Which of several values are the best, as they are written; none where fewer than two are defined.

    Args:
        values: The values; NaN where not defined.
        higher: Whether more is better.
    """
    rounded = np.round(np.array(list(values), np.float64) * (1 if higher else -1), 4)
    if np.isfinite(rounded).sum() < 2:
        return set()
    return {int(index) for index in np.flatnonzero(rounded == np.nanmax(rounded))}


_OF_SOURCE = {
    "simulated": "The scenes are simulated: this says how well the simulator is read, not how well the world is.",
    "labelled crops": (
        "The masks were made by hand, by looking, and doubtful pixels were left out: what is hardest is not counted, "
        "and who labelled may have erred."
    ),
    "swed": "SWED's labels are known to be wrong in places: some water is labelled land.",
}


_OF_PLACES = {
    "learned": "The network learned from these very places: the figures say how well it remembers.",
    "all": "Places that the network learned from may be among these: compare with --places held-out.",
}


_FEW_SCENES = 20


def list_caveats(places: str, evaluation: Evaluation) -> list[str]:
    """The caveats that apply, a sentence or two each.

    Args:
        places: Which of the data's places: ``all``, ``held-out`` or ``learned``.
        evaluation: What was measured.
    """
    caveats = [words for start, words in _OF_SOURCE.items() if evaluation.source.startswith(start)]
    if places in _OF_PLACES and not evaluation.source.startswith("simulated"):
        caveats.append(_OF_PLACES[places])
    caveats.append(_describe_intervals(evaluation))
    total = sum(evaluation.pixels.values())
    partial = [method.name for method in evaluation.methods if 0 < method.pixels < total]
    if partial:
        caveats.append(
            f"{', '.join(partial)} lacked bands in some tiles and answered fewer pixels: not to be compared with the "
            "others, and never marked as the best."
        )
    unable = [method.name for method in evaluation.methods if method.pixels == 0]
    if unable:
        caveats.append(f"{', '.join(unable)} could not answer at all: a band that each needs is absent.")
    caveats.extend(f"{shares.sentence}." for shares in evaluation.labels if not shares.doubts)
    caveats.extend(evaluation.doubts)
    caveats.append(
        f"Tiles are judged one by one: a shore just beyond a tile's edge is not seen, and a distance of more than "
        f"{CAP_M:.0f} m, or to a shore that is not there, counts as {CAP_M:.0f} m. Beside pixels without a label, "
        "a distance can be too small."
    )
    return caveats


def _describe_intervals(evaluation: Evaluation) -> str:
    if evaluation.resampled == "tile":
        return (
            f"There are only {len(evaluation.places)} scenes, so the intervals come from drawing tiles again: tiles of "
            "one scene are alike, and the intervals are too narrow."
        )
    if len(evaluation.places) < _FEW_SCENES:
        return f"{len(evaluation.places)} scenes are few: the intervals are rough."
    return "The intervals say what other scenes of the same kind would give, not what scenes of another kind would."
