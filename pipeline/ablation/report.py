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
from tiles.bands import L2A_STACK

__all__ = ["Comparison", "compare", "write_report"]

NAMES: Final = {
    "unet": "U-Net",
    "no_skips": "without skips",
    "autoencoder": "encoder of an autoencoder",
    "classifier": "encoder of a classifier",
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


def compare(first: Iterable[Row], second: Iterable[Row]) -> Comparison | None:
    """Compare the accuracies of runs with the same seeds.

    Args:
        first: Rows of one treatment, a seed each.
        second: Rows of the other.

    Returns:
        The comparison; ``None`` where they share no seed.
    """
    base = {row.seed: row.accuracy for row in second}
    gains = [100 * (row.accuracy - base[row.seed]) for row in first if row.seed in base]
    if not gains:
        return None
    return Comparison(points=float(np.mean(gains)), lowest=min(gains), highest=max(gains))


def write_report(folder: Path, rows: Sequence[Row], recipe: AblationRecipe) -> None:
    """Write ``ablation.md`` and ``ablation.png`` beside the table.

    Args:
        folder: Where to.
        rows: What was found so far.
        recipe: What was asked.

    Raises:
        OutputError: They cannot be written.
    """
    with output_errors(folder):
        (folder / "ablation.png").write_bytes(encode_figure(_draw(rows, recipe), keep=(), limit=300_000))
        (folder / "ablation.md").write_text(_write_text(rows, recipe))


def _pick(rows: Sequence[Row], *, variant: str = "unet", tiles: int, bands: str = _ALL) -> list[Row]:
    return [row for row in rows if (row.variant, row.tiles, row.bands) == (variant, tiles, bands)]


def _draw(rows: Sequence[Row], recipe: AblationRecipe) -> Figure:
    figure = Figure(figsize=(10, 4.6), layout="constrained", dpi=120)
    left, right = figure.subplots(1, 2, width_ratios=(3, 2), sharey=True)
    for variant in recipe.variants:
        _draw_curve(left, rows, variant, recipe.amounts)
    left.set_xscale("log")
    left.set_xticks(recipe.amounts, [str(amount) for amount in recipe.amounts])
    left.minorticks_off()
    left.set_xlabel("tiles with a mask")
    left.set_ylabel("accuracy on held-out tiles, %")
    left.set_title("Amount of data", loc="left")
    if left.lines:
        left.legend(frameon=False, loc="lower right")
    _draw_bands(right, rows, recipe)
    for axes in (left, right):
        axes.grid(axis="y", color="#dddddd", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_curve(axes: Axes, rows: Sequence[Row], variant: str, amounts: Sequence[int]) -> None:
    """The mean over seeds as a line, their range as a band, and each seed as a dot."""
    found = [(amount, [100 * row.accuracy for row in _pick(rows, variant=variant, tiles=amount)]) for amount in amounts]
    found = [(amount, values) for amount, values in found if values]
    if not found:
        return
    x = [amount for amount, _ in found]
    colour = _COLOURS[variant]
    axes.fill_between(x, [min(v) for _, v in found], [max(v) for _, v in found], color=colour, alpha=0.15, linewidth=0)
    axes.plot(x, [float(np.mean(v)) for _, v in found], color=colour, linewidth=2, label=NAMES[variant])
    for amount, values in found:
        axes.plot([amount] * len(values), values, "o", color=colour, markersize=3.5)


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
    parts = [
        "# The article's claims, tried",
        _describe(rows, recipe),
        "![Accuracy against amount of data, and against bands](ablation.png)",
        "## Does the claim hold?",
        "\n".join(_judge(rows, recipe)),
        "## Accuracy, % (IoU of water, %): mean over seeds ± half their range",
        _tabulate_amounts(rows, recipe),
        _tabulate_bands(rows, recipe),
        "Each training is a row of [ablation.csv](ablation.csv). Differences above are of runs with the same seed: "
        "the same tiles in the same order. *No different* is less than half a point; *undecided* means that the "
        "seeds disagree about the sign.",
    ]
    return "\n\n".join(parts) + "\n"


def _describe(rows: Sequence[Row], recipe: AblationRecipe) -> str:
    tiles, fit = recipe.tiles, recipe.fit
    unfinished = "" if len(rows) == len(recipe.runs) else f" **Unfinished: {len(rows)} of {len(recipe.runs)} runs.**"
    return (
        f"`strandline ablate` trained {len(rows)} small networks ({_list_options(recipe)}), each for {fit.steps} steps "
        f"of {fit.batch} tiles whatever the amount of data, and measured each on {tiles.held_out} held-out tiles. "
        f"All tiles are simulated: {tiles.size_px}² pixels of 10 m, one from a scene, mostly with a shore. "
        "Smaller amounts are parts of the larger ones. An encoder is pretrained for as many steps again on all "
        f"{tiles.pool} tiles of the pool: the autoencoder's without any label, the classifier's with one word a tile "
        "(land, water or shore); their U-Nets thus learn twice as long in all. The bands are normalised by the pool's "
        "means and deviations. Training varies tiles by flips and quarter turns alone, stops at the last step, and "
        f"keeps the last weights.{unfinished}"
    )


def _list_options(recipe: AblationRecipe) -> str:
    return ", ".join(f"{name} {value}" for name, value in recipe.network.items()) or "the defaults"


def _judge(rows: Sequence[Row], recipe: AblationRecipe) -> list[str]:
    few, most = min(recipe.amounts), max(recipe.amounts)
    middle = recipe.channels.amount
    lines = [f"- **A U-Net needs little data.** {_judge_amount(rows, few, most, middle)}"]
    claims = {
        "no_skips": ("Skips matter.", "Without them the U-Net is"),
        "autoencoder": ("Pretraining as an autoencoder helps.", "With it the U-Net is"),
        "classifier": ("Pretraining as a classifier helps.", "With it the U-Net is"),
    }
    for variant, (claim, lead) in claims.items():
        found = [
            f"{result} from {amount} tiles"
            for amount in recipe.amounts
            if (result := compare(_pick(rows, variant=variant, tiles=amount), _pick(rows, tiles=amount)))
        ]
        if found:
            lines.append(f"- **{claim}** {lead} {'; '.join(found)}.")
    lines.append(f"- **More bands help.** {_judge_bands(rows, recipe)}")
    return lines


def _judge_amount(rows: Sequence[Row], few: int, most: int, middle: int) -> str:
    if not (lost := compare(_pick(rows, tiles=few), _pick(rows, tiles=most))):
        return "Not tried."
    text = f"From {few} tiles it is {lost} than from {most}."
    if middle not in (few, most) and (lost := compare(_pick(rows, tiles=middle), _pick(rows, tiles=most))):
        text += f" From {middle} tiles it is {lost}."
    return text


def _judge_bands(rows: Sequence[Row], recipe: AblationRecipe) -> str:
    amount, (*fewer, most) = recipe.channels.amount, recipe.channels.sets
    whole = _pick(rows, tiles=amount, bands=" ".join(most))
    found = [
        f"{result} than {_name_bands(bands)}"
        for bands in fewer
        if (result := compare(whole, _pick(rows, tiles=amount, bands=" ".join(bands))))
    ]
    return f"From {amount} tiles, {_name_bands(most)} bands are {'; '.join(found)}." if found else "Not tried."


def _tabulate_amounts(rows: Sequence[Row], recipe: AblationRecipe) -> str:
    lines = [
        "| tiles | " + " | ".join(NAMES[variant] for variant in recipe.variants) + " |",
        "| --- |" + " --- |" * len(recipe.variants),
    ]
    for amount in recipe.amounts:
        cells = [_format_cell(_pick(rows, variant=variant, tiles=amount)) for variant in recipe.variants]
        lines.append(f"| {amount} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _tabulate_bands(rows: Sequence[Row], recipe: AblationRecipe) -> str:
    amount = recipe.channels.amount
    lines = [f"| bands | U-Net, {amount} tiles |", "| --- | --- |"]
    for bands in recipe.channels.sets:
        cell = _format_cell(_pick(rows, tiles=amount, bands=" ".join(bands)))
        lines += [f"| {_name_bands(bands)} | {cell} |"]
    return "\n".join(lines)


def _format_cell(rows: Sequence[Row]) -> str:
    if not rows:
        return "–"
    return f"{_spread([row.accuracy for row in rows])} ({_spread([row.iou for row in rows])})"


def _spread(values: Sequence[float]) -> str:
    return f"{100 * np.mean(values):.1f} ± {50 * (max(values) - min(values)):.1f}"
