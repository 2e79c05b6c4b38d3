"""What an ablation found: a table, a picture of accuracy against amount of data, and what that says, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipeline.ablation.ablate import Row
from pipeline.ablation.recipe import AblationRecipe
from pipeline.errors import output_errors
from pipeline.output.figures import encode_figure
from pipeline.templates import open_templates
from tiles.bands import L2A_STACK

__all__ = ["Comparison", "compare", "write_report"]

NAMES: Final = {
    "unet": "U-Net",
    "no_skips": "without skips",
    "autoencoder": "encoder of an autoencoder",
    "classifier": "encoder of a classifier",
}
_CLAIMS: Final = {
    "no_skips": ("Skips matter.", "Without them the U-Net is"),
    "autoencoder": ("Pretraining as an autoencoder helps.", "With it the U-Net is"),
    "classifier": ("Pretraining as a classifier helps.", "With it the U-Net is"),
}
_COLOURS: Final = {"unet": "#1b5e9e", "no_skips": "#d1495b", "autoencoder": "#3a9d5d", "classifier": "#c98a1b"}
_ALL: Final = " ".join(L2A_STACK)
_NOTABLE: Final = 0.5
"""Fewer points than this are called no difference, whatever the seeds agree on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One treatment against another, seed by seed.

    Attributes:
        points: Mean difference of accuracy in percentage points; positive where the first is better.
        lowest: The lowest difference of any seed.
        highest: The highest.
    """

    points: float
    lowest: float
    highest: float

    @property
    def verdict(self) -> str:
        """``better``, ``worse``, ``no different`` (less than half a point), or ``undecided`` (the seeds disagree)."""
        if max(abs(self.lowest), abs(self.highest)) < _NOTABLE:
            return "no different"
        if self.lowest > 0 or self.highest < 0:
            return ("better" if self.points > 0 else "worse") if abs(self.points) >= _NOTABLE else "no different"
        return "undecided"

    def __str__(self) -> str:
        return f"{self.verdict} ({self.points:+.1f} points, {self.lowest:+.1f} to {self.highest:+.1f})"


def compare(first: Iterable[Row], second: Iterable[Row], *, real: bool = False) -> Comparison | None:
    """Compare the accuracies of runs with the same seeds.

    Args:
        first: Rows of one treatment, a seed each.
        second: Rows of the other.
        real: Whether on real crops, rather than on simulated tiles.

    Returns:
        The comparison; ``None`` where they share no seed, or were not measured on real crops.
    """
    base = {row.seed: _get_accuracy(row, real=real) for row in second}
    gains = [100 * (_get_accuracy(row, real=real) - base[row.seed]) for row in first if row.seed in base]
    gains = [gain for gain in gains if np.isfinite(gain)]
    if not gains:
        return None
    return Comparison(points=float(np.mean(gains)), lowest=min(gains), highest=max(gains))


def _get_accuracy(row: Row, *, real: bool) -> float:
    return row.real_accuracy if real else row.accuracy


def write_report(folder: Path, rows: Sequence[Row], recipe: AblationRecipe) -> None:
    """Write ``ablation.md`` and ``ablation.png`` beside the table.

    Args:
        folder: Where to.
        rows: The trainings that are done so far.
        recipe: What all of them are to be.

    Raises:
        OutputError: They cannot be written.
    """
    with output_errors(folder):
        (folder / "ablation.png").write_bytes(encode_figure(_draw(rows, recipe), keep=(), limit=300_000))
        (folder / "ablation.md").write_text(_write_text(rows, recipe))


def _pick(rows: Sequence[Row], *, variant: str = "unet", tiles: int, bands: str = _ALL) -> list[Row]:
    return [row for row in rows if (row.variant, row.tiles, row.bands) == (variant, tiles, bands)]


def _draw(rows: Sequence[Row], recipe: AblationRecipe) -> Figure:
    kinds = (False, True) if any(np.isfinite(row.real_accuracy) for row in rows) else (False,)
    figure = Figure(figsize=(6 + 4 * len(kinds), 4.6), layout="constrained", dpi=120)
    *curves, right = figure.subplots(1, len(kinds) + 1, width_ratios=[3] * len(kinds) + [2])
    for axes, real in zip(curves, kinds, strict=True):
        for variant in recipe.variants:
            _draw_curve(axes, rows, variant, recipe.amounts, real=real)
        axes.set_xscale("log")
        axes.set_xticks(recipe.amounts, [str(amount) for amount in recipe.amounts])
        axes.minorticks_off()
        axes.set_xlabel("tiles with a mask")
        axes.set_ylabel(f"accuracy on {'labelled real' if real else 'held-out simulated'} tiles, %")
        axes.set_title("Amount of data" + (", real crops" if real else ""), loc="left")
    if curves[0].lines:
        curves[0].legend(frameon=False, loc="lower right")
    _draw_bands(right, rows, recipe)
    for axes in (*curves, right):
        axes.grid(axis="y", color="#dddddd", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_curve(axes: Axes, rows: Sequence[Row], variant: str, amounts: Sequence[int], *, real: bool) -> None:
    """The mean over seeds as a line, their range as a band, and each seed as a dot."""
    picked = {amount: _pick(rows, variant=variant, tiles=amount) for amount in amounts}
    scores = {amount: [100 * _get_accuracy(row, real=real) for row in picked[amount]] for amount in amounts}
    scores = {amount: dots for amount, dots in scores.items() if dots and np.isfinite(dots).all()}
    if not scores:
        return
    x, values, colour = list(scores), scores.values(), _COLOURS[variant]
    axes.fill_between(x, [min(v) for v in values], [max(v) for v in values], color=colour, alpha=0.15, linewidth=0)
    axes.plot(x, [float(np.mean(v)) for v in values], color=colour, linewidth=2, label=NAMES[variant])
    for amount, dots in scores.items():
        axes.plot([amount] * len(dots), dots, "o", color=colour, markersize=3.5)


def _draw_bands(axes: Axes, rows: Sequence[Row], recipe: AblationRecipe) -> None:
    amount = recipe.channels.amount
    for place, bands in enumerate(recipe.channels.sets):
        values = [100 * row.accuracy for row in _pick(rows, tiles=amount, bands=" ".join(bands))]
        if values:
            axes.plot([place - 0.25, place + 0.25], [float(np.mean(values))] * 2, color=_COLOURS["unet"], linewidth=2.5)
        axes.plot([place] * len(values), values, "o", color=_COLOURS["unet"], markersize=4.5)
    labels = [_name_bands(bands).replace(" ", "\n") for bands in recipe.channels.sets]
    axes.set_xticks(range(len(labels)), labels)
    axes.set_xlim(-0.6, len(labels) - 0.4)
    axes.set_title(f"Bands, U-Net, {amount} tiles", loc="left")


def _name_bands(bands: Sequence[str]) -> str:
    return f"all {len(bands)}" if bands == L2A_STACK else " ".join(bands)


def _write_text(rows: Sequence[Row], recipe: AblationRecipe) -> str:
    """Fill the template with comparisons of runs; what was not tried is empty there."""
    middle = recipe.channels.amount
    whole = _pick(rows, tiles=max(recipe.amounts))
    middling = middle not in (min(recipe.amounts), max(recipe.amounts))
    text = (
        open_templates()
        .get_template("ablation.md")
        .render(
            recipe=recipe,
            rows=rows,
            options=", ".join(f"{name} {value}" for name, value in recipe.network.items()) or "the defaults",
            fewest=compare(_pick(rows, tiles=min(recipe.amounts)), whole),
            middle=compare(_pick(rows, tiles=middle), whole) if middling else None,
            real_fewest=compare(_pick(rows, tiles=min(recipe.amounts)), whole, real=True),
            real_middle=compare(_pick(rows, tiles=middle), whole, real=True) if middling else None,
            claims=[(*claim, _compare_amounts(rows, variant, recipe)) for variant, claim in _CLAIMS.items()],
            bands=_compare_bands(rows, recipe),
            real_bands=_compare_bands(rows, recipe, real=True),
            names=NAMES,
            name_bands=_name_bands,
            cell=_format_cell,
        )
    )
    return f"{text}\n"


def _compare_amounts(rows: Sequence[Row], variant: str, recipe: AblationRecipe) -> list[tuple[int, Comparison]]:
    """A variant against the plain U-Net, amount by amount."""
    return [
        (amount, comparison)
        for amount in recipe.amounts
        if (comparison := compare(_pick(rows, variant=variant, tiles=amount), _pick(rows, tiles=amount)))
    ]


def _compare_bands(
    rows: Sequence[Row], recipe: AblationRecipe, *, real: bool = False
) -> list[tuple[tuple[str, ...], Comparison]]:
    """The last set of bands against each of the others."""
    amount, (*fewer, most) = recipe.channels.amount, recipe.channels.sets
    whole = _pick(rows, tiles=amount, bands=" ".join(most))
    return [
        (bands, comparison)
        for bands in fewer
        if (comparison := compare(whole, _pick(rows, tiles=amount, bands=" ".join(bands)), real=real))
    ]


def _format_cell(
    rows: Sequence[Row], *, tiles: int, variant: str = "unet", bands: str = _ALL, real: bool = False
) -> str:
    picked = _pick(rows, variant=variant, tiles=tiles, bands=bands)
    if real:
        picked = [row for row in picked if np.isfinite(row.real_accuracy)]
    if not picked:
        return "–"
    if real:
        return f"{_spread([row.real_accuracy for row in picked])} ({_spread([row.real_iou for row in picked])})"
    return f"{_spread([row.accuracy for row in picked])} ({_spread([row.iou for row in picked])})"


def _spread(values: Sequence[float]) -> str:
    return f"{100 * np.mean(values):.1f} ± {50 * (max(values) - min(values)):.1f}"
