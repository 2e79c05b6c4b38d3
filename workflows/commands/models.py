"""``strandline models``: the bundled models, and the card of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from models.card import Figure, ModelCard

__all__ = ["models", "render_card"]


def models(
    name: Annotated[str | None, typer.Argument(help="A bundled model or a model file; left out: all.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the cards as JSON, for machines.")] = False,
    stac: Annotated[bool, typer.Option("--stac", help="Write NAME.json, a STAC item, beside the weights.")] = False,
) -> None:
    """List the bundled models with their cards: what they want, what they were trained on, how well they do."""
    import json

    from rich.console import Console

    from models.runtimes.registry import list_models, resolve_card

    if stac:
        _write_items(name)
        return
    cards = list_models() if name is None else (resolve_card(name),)
    if as_json:
        typer.echo(json.dumps([card.model_dump(mode="json") for card in cards], indent=2))
        return
    console = Console()
    if not cards:
        console.print("No model is bundled. Train one: strandline train RECIPE")
    for card in cards:
        console.print(render_card(card))


def _write_items(name: str | None) -> None:
    """Write the STAC item of a model, or of all bundled ones, beside its weights."""
    from importlib.metadata import version
    from pathlib import Path

    from models.runtimes.registry import list_models, load_model
    from pipeline.record.model_item import write_model_item

    for model_name in [card.name for card in list_models()] if name is None else [name]:
        model = load_model(model_name)
        path = Path(model.source).with_suffix(".json")
        typer.echo(write_model_item(model, path, torch_version=version("torch")))


def render_card(card: ModelCard) -> RenderableType:
    """Lay out a card for a terminal.

    Args:
        card: The card.
    """
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    facts = _build_table()
    for name, value in _list_facts(card):
        facts.add_row(name, Text(value))
    parts: list[RenderableType] = [Text(card.description), "", facts]
    for data in dict.fromkeys(figure.on for figure in card.figures):
        figures = _build_table()
        for figure in card.figures:
            if figure.on == data:
                figures.add_row(figure.name.replace("_", " "), _format_figure(figure))
        parts += ["", Text(f"Measured on {data}", style="italic"), figures]
    if card.known_failures:
        parts += ["", Text("Where not to trust it", style="italic")]
        parts += [Text(f"- {failure}") for failure in card.known_failures]
    return Panel(Group(*parts), title=f"[bold]{card.name}[/] {card.version}", title_align="left")


def _build_table() -> Table:
    from rich.table import Table

    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _list_facts(card: ModelCard) -> list[tuple[str, str]]:
    low, high = card.resolution_m
    training = card.training
    return [
        ("bands", " ".join(card.inputs)),
        ("must have", " and ".join("/".join(group) for group in card.required_inputs) or "all bands"),
        ("levels", " ".join(card.levels)),
        ("pixel size", f"{low:g} to {high:g} m"),
        ("classes", " ".join(card.classes)),
        ("trained on", training.data),
        ("trained by", f"{training.script}, seed {training.seed}, {training.steps} steps, {training.minutes:g} min"),
        ("licence", card.licence),
    ]


def _format_figure(figure: Figure) -> str:
    digits, unit = (4, "") if figure.unit == "1" else (3, f" {figure.unit}")
    if figure.interval is None:
        return f"{figure.value:.{digits}g}{unit}"
    low, high = figure.interval
    return f"{figure.value:.{digits}g}{unit} ({low:.{digits}g} to {high:.{digits}g})"
