"""How numbers are written in the report, which figures it shows, and which of several is the best."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

__all__ = ["COLUMNS", "Column", "escape", "find_best", "format_count", "format_figure", "wrap_table"]

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


def escape(text: object) -> str:
    """Text that cannot become markup."""
    return html.escape(str(text), quote=True)


def wrap_table(caption: str, head: str, body: str) -> str:
    """A table that scrolls within its own frame where a screen is narrow.

    Args:
        caption: What it shows; markup.
        head: Cells of the first row; markup.
        body: The other rows; markup.
    """
    return (
        f'<div class="frame" tabindex="0" role="region" aria-label="{escape(caption)}"><table><caption>{caption}'
        f"</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
